"""The argument RUN, which many commands take: the name of a run, or `last`; commands that only read take an archive's file too."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from econsim.cli import option_types

RunArgument = Annotated[
    str,
    typer.Argument(
        help="Name of a run; `last` is the newest.",
        metavar="RUN",
        parser=option_types.name,
    ),
]
"""Argument: name of a run; `last` is the newest."""

RunOrFileArgument = Annotated[
    Any,  # of the name of a run, or of a path: Typer takes no union
    typer.Argument(
        help="Name of a run, `last` for the newest, or a file of `econsim runs archive`.",
        metavar="RUN|FILE",
        parser=option_types.run_or_file,
    ),
]
"""Argument: name of a run, `last` for the newest, or an archive's file."""

RunOrFileOption = Annotated[
    Any,  # of the name of a run, or of a path: Typer takes no union
    typer.Option(
        "--run",
        help="Run of the event: a name, `last` for the newest, or an archive's file.",
        metavar="RUN|FILE",
        parser=option_types.run_or_file,
    ),
]
"""Option: run of an event."""

RunFileOrEventArgument = Annotated[
    Any,  # of a name or an id, or of a path: Typer takes no union
    typer.Argument(
        help="Name of a run, `last` for the newest, an archive's file; or id of an event, trade, order or call.",
        metavar="RUN|FILE|EVENT",
        parser=option_types.event_or_file,
    ),
]
"""Argument: a run, or an event in one."""
