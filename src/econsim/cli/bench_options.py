"""Options of `econsim bench`. Imports nothing heavy."""

from __future__ import annotations

import shlex
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from econsim.cli import option_types
from econsim.cli.unused_options import UnusedOption
from econsim.errors import InvalidMessage, quoted_value
from econsim.evaluation.bench.seeds import parse_seeds

REPEATS_MAX: Final = 1_000
"""Repeats of one seed."""

STANDARD_OUTPUT: Final = Path("-")
"""File of `--json` that stands for standard output, which then has nothing else."""


class BenchTransport(StrEnum):
    """Transports of a batch."""

    NATS = "nats"
    """A real nats-server: every run has its own stream, and is judged while it goes on."""
    MEMORY = "memory"
    """Processes of this command, without a server."""
    WORKERS = "workers"
    """Processes of `econsim bench worker`, in memory, by a queue on the server."""


def agent_command(text: str) -> tuple[str, tuple[str, ...]]:
    """Return the name and the command of an agent from `NAME=COMMAND`; raises InvalidMessage with the right form."""
    name, equals, command = text.partition("=")
    try:
        words = tuple(shlex.split(command))
    except ValueError:
        words = ()
    if not equals or not words or "\0" in text:
        message = f"{quoted_value(text)} starts no agent; write NAME=COMMAND, like ana='python bot.py'"
        raise InvalidMessage(message)
    option_types.agent(name)
    return name, words


def json_file(text: str | Path) -> Path:
    """Parse the place of a file to write, or `-` for standard output."""
    return STANDARD_OUTPUT if str(text) == "-" else option_types.new_file(text)


ScenariosArgument = Annotated[
    list[str],
    typer.Argument(
        help="Name of a shipped scenario, a TOML file, or a directory of them.",
        metavar="NAME|FILE|DIR...",
        parser=option_types.text,
    ),
]
"""Argument: scenarios of a batch."""

NameOption = Annotated[
    str | None,
    typer.Option(
        "--name",
        help="Name of the batch, and beginning of the ids of its runs; by default made from the scenario's name.",
        metavar="NAME",
        parser=option_types.run_name,
    ),
]
"""Option: name of a batch."""

RepeatOption = Annotated[
    int,
    typer.Option(
        help="Runs of each seed: all must pass for pass^k.",
        metavar="N",
        parser=option_types.Whole(1, REPEATS_MAX),
    ),
]
"""Option: repeats of each seed."""

SeedsOption = Annotated[
    Any | None,  # of a tuple of numbers
    typer.Option(
        "--seeds",
        help="Seeds instead of the scenario's: 1..20, or 1,2,5..9.",
        metavar="SEEDS",
        parser=option_types.ParsedBy(parse_seeds),
    ),
]
"""Option: seeds of a batch."""

JobsOption = Annotated[
    int | None,
    typer.Option(
        help="Runs at once. Default: one a core in memory, one over NATS.",
        metavar="N",
        parser=option_types.Whole(1, option_types.PROCESSES_MAX),
    ),
]
"""Option: runs at once."""

TransportOption = Annotated[
    BenchTransport,
    typer.Option(
        help="nats: with a stream for each run; memory: without a server; workers: by `econsim bench worker` on the server."
    ),
]
"""Option: transport of a batch."""

HashOption = Annotated[
    bool,
    typer.Option(
        "--hash",
        help="Take the canonical hash of every run in memory; without it, of each scenario's first seed alone.",
    ),
]
"""Option: hash of every run."""

AgentsOption = Annotated[
    list[Any] | None,  # of pairs of a name and a command
    typer.Option(
        "--agent",
        help="Start an external agent of the scenario for each run, with the run's id in ECONSIM_RUN; in a sandbox.",
        metavar="NAME=COMMAND",
        parser=option_types.ParsedBy(agent_command),
    ),
]
"""Option: external agents that a batch starts."""

JsonOption = Annotated[
    Path | None,
    typer.Option(
        "--json",
        help="Write the results here as JSON; - is standard output.",
        metavar="FILE",
        parser=json_file,
    ),
]
"""Option: file of the results as JSON."""

JunitOption = Annotated[
    Path | None,
    typer.Option(
        "--junit", help="Write the verdicts here as JUnit XML.", metavar="FILE", parser=option_types.new_file
    ),
]
"""Option: file of the verdicts as JUnit XML."""

BatchArgument = Annotated[
    str, typer.Argument(help="Name of a batch.", metavar="BATCH", parser=option_types.name)
]
"""Argument: name of a batch."""

TRANSPORT_UNUSED_OPTIONS: Final = (
    UnusedOption(
        "jobs",
        lambda given: given["transport"] == BenchTransport.WORKERS,
        "does nothing with --transport workers: give it to `econsim bench worker`",
    ),
    *(
        UnusedOption(
            option,
            lambda given: given["transport"] == BenchTransport.MEMORY,
            "does nothing with --transport memory",
        )
        for option in ("nats", "creds")
    ),
)
"""Rules for options that a transport has no use for, of `bench run` and `study`."""

RUN_UNUSED_OPTIONS: Final = (
    UnusedOption(
        "agents",
        lambda given: given["transport"] != BenchTransport.NATS,
        "does nothing without a server that agents can join: use --transport nats",
    ),
    UnusedOption(
        "hash_all",
        lambda given: given["transport"] == BenchTransport.NATS,
        "does nothing over NATS, where every run is hashed",
    ),
    *TRANSPORT_UNUSED_OPTIONS,
)
"""Rules for options of `bench run` that would have no effect."""
