"""Options of `econsim run`, `resume` and `up`, with the rules for options without effect."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from econsim.cli import option_types
from econsim.cli.unused_options import UnusedOption
from econsim.schemas.executor import Execution

if TYPE_CHECKING:
    from econsim.runs.overrides import ExternalOption


class Transport(StrEnum):
    """Transport of the messages."""

    NATS = "nats"
    """A real nats-server."""
    MEMORY = "memory"
    """Memory of this process, without a server."""


NATS_ONLY: Final = frozenset({Transport.NATS})
ALL_TRANSPORTS: Final = frozenset(Transport)

TRANSPORTS: Final = {
    "scenario": ALL_TRANSPORTS,
    "name": ALL_TRANSPORTS,
    "seed": ALL_TRANSPORTS,
    "periods": ALL_TRANSPORTS,
    "hosts": NATS_ONLY,
    "set_": ALL_TRANSPORTS,
    "transport": ALL_TRANSPORTS,
    "spread": NATS_ONLY,
    "workers": NATS_ONLY,
    "services": NATS_ONLY,
    "execution": NATS_ONLY,
    "ephemeral": ALL_TRANSPORTS,
    "external": NATS_ONLY,
    "real_time": NATS_ONLY,
    "report": ALL_TRANSPORTS,
    "no_report": ALL_TRANSPORTS,
    "parquet": ALL_TRANSPORTS,
    "as_json": ALL_TRANSPORTS,
    "recorded": ALL_TRANSPORTS,
    "provider": ALL_TRANSPORTS,
    "live_tools": NATS_ONLY,
    "live_people": NATS_ONLY,
    "state": ALL_TRANSPORTS,
    "nats": NATS_ONLY,
    "creds": NATS_ONLY,
}
"""Transports with which each option or argument of `run` has an effect."""

RESUME_UNUSED_OPTIONS: Final = (
    UnusedOption("workers", lambda given: not given["spread"], "does nothing without --spread"),
    UnusedOption("spread", lambda given: given["services"] is False, "does nothing with --no-services"),
    UnusedOption("report", lambda given: given["no_report"], "does nothing with --no-report"),
)
"""Rules for options of `resume` that would have no effect."""

RUN_UNUSED_OPTIONS: Final = (
    *(
        UnusedOption(
            option,
            lambda given: given["transport"] == Transport.MEMORY,
            "does nothing with --transport memory",
        )
        for option, transports in TRANSPORTS.items()
        if transports is NATS_ONLY
    ),
    *RESUME_UNUSED_OPTIONS,
    UnusedOption(
        "recorded",
        lambda given: isinstance(given["recorded"], Path) and given["transport"] == Transport.NATS,
        "takes a file with --transport memory alone: over NATS, services read recordings from the log, so name a run",
    ),
    UnusedOption(
        "provider",
        lambda given: bool(given["recorded"]),
        "does nothing with --recorded: the recorded run answers, and its models are asked for",
    ),
    UnusedOption(
        "ephemeral",
        lambda given: bool(given["nats"]),
        "does nothing with --nats: that server keeps its own data",
    ),
)
"""Rules for options of `run` that would have no effect."""

UP_UNUSED_OPTIONS: Final = (
    UnusedOption(
        "services", lambda given: given["server"], "does nothing with --server, which starts no service"
    ),
    UnusedOption(
        "spread", lambda given: given["server"], "does nothing with --server, which starts no service"
    ),
    UnusedOption("workers", lambda given: not given["spread"], "does nothing without --spread"),
    UnusedOption(
        "server", lambda given: bool(given["nats"]), "does nothing with --nats: that server runs already"
    ),
    UnusedOption(
        "ephemeral",
        lambda given: bool(given["nats"]),
        "does nothing with --nats: that server keeps its own data",
    ),
)
"""Rules for options of `up` that would have no effect."""


def known_services() -> list[str]:
    """Return the names of all services."""
    from econsim.routers import SERVICES

    return list(SERVICES)


def requested_services(services: bool | None) -> tuple[str, ...] | None:  # noqa: FBT001 - an option as it was given
    """Return the services of `--services` or `--no-services`; none to start all unless they run already."""
    if services is None:
        return None
    return tuple(known_services()) if services else ()


def _external(text: str) -> ExternalOption:
    from econsim.runs.overrides import external_option

    found = external_option(text)
    option_types.agent(found.name)
    return found


ScenarioArgument = Annotated[
    str,
    typer.Argument(
        help="Name of a shipped scenario, or a TOML file.", metavar="SCENARIO", parser=option_types.text
    ),
]
"""Argument: scenario to run."""

NameOption = Annotated[
    str | None,
    typer.Option(
        "--name",
        help="Id of the run; by default made from the scenario's name.",
        metavar="NAME",
        parser=option_types.run_name,
    ),
]
"""Option: id of the run."""

SeedOption = Annotated[
    int | None,
    typer.Option(
        help="Seed instead of the scenario's.",
        metavar="N",
        parser=option_types.ScenarioNumber("Scenario", "seed"),
    ),
]
"""Option: seed of the run."""

PeriodsOption = Annotated[
    int | None,
    typer.Option(
        help="Trading days instead of the scenario's.",
        metavar="N",
        parser=option_types.ScenarioNumber("Clock", "periods"),
    ),
]
"""Option: periods of the run."""

HostsOption = Annotated[
    int | None,
    typer.Option(
        help="Agent hosts instead of the scenario's.",
        metavar="N",
        parser=option_types.ScenarioNumber("Scenario", "hosts"),
    ),
]
"""Option: agent hosts of the run."""

TransportOption = Annotated[
    Transport, typer.Option(help="nats, or memory: in this process without a server, for large studies.")
]
"""Option: transport of the messages."""

SpreadOption = Annotated[bool, typer.Option("--spread", help="Run each service in a process of its own.")]
"""Option: a process of its own for each service."""

WorkersOption = Annotated[
    int,
    typer.Option(
        help="With --spread: processes of each service.",
        metavar="N",
        parser=option_types.Whole(1, option_types.PROCESSES_MAX),
    ),
]
"""Option: processes of each service."""

ServicesOption = Annotated[
    bool | None, typer.Option(help="Start services, or none. Default: start them if none answer")
]
"""Option: start services, or none."""

ServicesArgument = Annotated[
    list[str] | None,
    typer.Argument(
        help="Services to start; all of them if none is named.",
        metavar="SERVICE...",
        parser=option_types.OneOf("service", known_services),
    ),
]
"""Argument: services to start."""

ExecutionOption = Annotated[
    Execution | None,
    typer.Option(
        help="shared: every service does its part; whole: one worker executes the run, much faster. "
        "Default: whole where scenario and services allow it"
    ),
]
"""Option: execution of the run."""

EphemeralOption = Annotated[bool, typer.Option("--ephemeral", help="Delete the data at the end.")]
"""Option: delete the data at the end."""

ExternalsOption = Annotated[
    list[Any] | None,  # of ExternalOption, whose module is too heavy to name it here
    typer.Option(
        help="Add an external agent, which joins the run over NATS.",
        metavar="NAME[:DEADLINE]",
        parser=option_types.ParsedBy(_external),
    ),
]
"""Option: external agents of the run."""

RealTimeOption = Annotated[
    bool, typer.Option("--real-time", help="Open ticks by the clock; wait for no agent.")
]
"""Option: real time instead of lock-step."""

ReportOption = Annotated[
    Path | None,
    typer.Option(
        help="File of the HTML report. Default: runs/RUN/report.html in the state directory",
        metavar="FILE",
        parser=option_types.new_file,
    ),
]
"""Option: path of the HTML report."""

NoReportOption = Annotated[
    bool,
    typer.Option("--no-report", help="Write no HTML report; `econsim report RUN` can do so later."),
]
"""Option: no HTML report."""

FiguresJsonOption = Annotated[
    bool, typer.Option("--json", help="Print the figures as one line of JSON, and nothing else.")
]
"""Option: figures as JSON."""

ParquetOption = Annotated[
    Path | None,
    typer.Option(
        help="Directory for tables of the run as Parquet, as `econsim export` writes them.",
        metavar="DIR",
        parser=option_types.new_directory,
    ),
]
"""Option: directory of tables."""

RecordedOption = Annotated[
    Any | None,  # of the name of a run, or of a path: Typer takes no union
    typer.Option(
        help="Answer all calls of models from this run, or in memory from a file of `econsim events RUN --json`.",
        metavar="RUN|FILE",
        parser=option_types.run_or_file,
    ),
]
"""Option: recorded run whose calls answer those of this run."""

ProviderOption = Annotated[
    str | None,
    typer.Option(
        help="Provider of all models, instead of the scenario's; `econsim providers` lists them.",
        metavar="NAME",
        parser=option_types.name,
    ),
]
"""Option: provider of all models of the run."""

LiveToolsOption = Annotated[
    bool,
    typer.Option(
        "--live-tools",
        help="Ask the operator's tool servers, instead of answering from the scenario's recorded answers.",
    ),
]
"""Option: whether tools with recorded answers are asked at their servers."""

LivePeopleOption = Annotated[
    bool,
    typer.Option(
        "--live-people",
        help="Have people answer agents with `econsim inbox`, instead of scripted ones; in real time, with ticks of 5 s at least.",
    ),
]
"""Option: whether people answer in place of the scenario's scripted ones."""
