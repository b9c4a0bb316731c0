"""The options of `econsim run` and `econsim up`: what each is called, takes and is for."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from econsim.cli import option_types
from econsim.cli.unused_options import UnusedOption

if TYPE_CHECKING:
    from econsim.runs.overrides import ExternalOption


class Transport(StrEnum):
    """What carries the messages."""

    NATS = "nats"
    """A real nats-server."""
    MEMORY = "memory"
    """This process alone, without a server."""


NATS_ONLY: Final = frozenset({Transport.NATS})
ALL_TRANSPORTS: Final = frozenset(Transport)

TRANSPORTS: Final = {
    "scenario": ALL_TRANSPORTS,
    "name": ALL_TRANSPORTS,
    "seed": ALL_TRANSPORTS,
    "periods": ALL_TRANSPORTS,
    "hosts": NATS_ONLY,
    "transport": ALL_TRANSPORTS,
    "spread": NATS_ONLY,
    "workers": NATS_ONLY,
    "services": NATS_ONLY,
    "ephemeral": NATS_ONLY,
    "external": NATS_ONLY,
    "real_time": NATS_ONLY,
    "report": ALL_TRANSPORTS,
    "state": ALL_TRANSPORTS,
    "nats": NATS_ONLY,
    "creds": NATS_ONLY,
}
"""Option or argument of `run`, or of all commands → the transports on which it does something."""

RESUME_UNUSED_OPTIONS: Final = (
    UnusedOption("workers", lambda given: not given["spread"], "does nothing without --spread"),
    UnusedOption("spread", lambda given: given["services"] is False, "does nothing with --no-services"),
)
"""When an option of `resume` does nothing."""

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
        "ephemeral",
        lambda given: bool(given["nats"]),
        "does nothing with --nats: that server keeps its own data",
    ),
)
"""When an option of `run` does nothing."""

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
"""When an option of `up` does nothing."""


def known_services() -> list[str]:
    """Return the names of all services."""
    from econsim.routers import SERVICES

    return list(SERVICES)


def requested_services(services: bool | None) -> tuple[str, ...] | None:  # noqa: FBT001 - an option as it was given
    """Return which services `--services` or `--no-services` asks for; none to start all unless they run already."""
    if services is None:
        return None
    return tuple(known_services()) if services else ()


def _external(text: str) -> ExternalOption:
    from econsim.runs.overrides import external_option

    found = external_option(text)
    option_types.agent(found.name)
    return found


ScenarioArgument = Annotated[str, typer.Argument(help="A shipped scenario's name, or a TOML file.")]
"""What is run."""

NameOption = Annotated[
    str | None,
    typer.Option(
        "--name",
        help="Id of the run; by default made from the scenario's name.",
        metavar="NAME",
        parser=option_types.run_name,
    ),
]
"""The run's id."""

SeedOption = Annotated[
    int | None,
    typer.Option(
        help="Seed instead of the scenario's.",
        metavar="N",
        parser=option_types.ScenarioNumber("Scenario", "seed"),
    ),
]
"""Another seed."""

PeriodsOption = Annotated[
    int | None,
    typer.Option(
        help="Trading days instead of the scenario's.",
        metavar="N",
        parser=option_types.ScenarioNumber("Clock", "periods"),
    ),
]
"""Another length."""

HostsOption = Annotated[
    int | None,
    typer.Option(
        help="Agent hosts instead of the scenario's.",
        metavar="N",
        parser=option_types.ScenarioNumber("Scenario", "hosts"),
    ),
]
"""Another number of hosts."""

TransportOption = Annotated[Transport, typer.Option(help="nats, or memory for large studies.")]
"""What carries the messages."""

SpreadOption = Annotated[bool, typer.Option("--spread", help="Each service in a process of its own.")]
"""Whether services have processes of their own."""

WorkersOption = Annotated[
    int,
    typer.Option(
        help="With --spread: processes of each service.",
        metavar="N",
        parser=option_types.Whole(1, option_types.PROCESSES_MAX),
    ),
]
"""How many of each service."""

ServicesOption = Annotated[
    bool | None, typer.Option(help="Whether to start services; by default if none answer.")
]
"""Whether to start services at all."""

ServicesArgument = Annotated[
    list[str] | None,
    typer.Argument(
        help="Which; all of them if none is named.",
        metavar="SERVICE...",
        parser=option_types.OneOf("service", known_services),
    ),
]
"""Which services to start."""

EphemeralOption = Annotated[bool, typer.Option("--ephemeral", help="Throw the data away at the end.")]
"""Whether nothing is kept."""

ExternalsOption = Annotated[
    list[Any] | None,  # of ExternalOption, whose module is too heavy to name it here
    typer.Option(
        help="Add an external agent, which joins the run over NATS.",
        metavar="NAME[:DEADLINE]",
        parser=option_types.ParsedBy(_external),
    ),
]
"""External agents."""

RealTimeOption = Annotated[
    bool, typer.Option("--real-time", help="Let time pass instead of waiting for all.")
]
"""Whether time passes by itself."""

ReportOption = Annotated[
    Path | None,
    typer.Option(
        help="Where the HTML report goes. Default: runs/RUN/report.html in the state directory",
        metavar="FILE",
        parser=option_types.new_file,
    ),
]
"""Where the report goes."""
