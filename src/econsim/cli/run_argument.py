"""The argument RUN, which many commands take: the name of a run, or `last`."""

from __future__ import annotations

from typing import Annotated

import typer

from econsim.cli import option_types

RunArgument = Annotated[
    str,
    typer.Argument(
        help="Name of a run; `last` is the newest.",
        metavar="RUN",
        show_default=False,
        parser=option_types.name,
    ),
]
"""Argument: name of a run; `last` is the newest."""
