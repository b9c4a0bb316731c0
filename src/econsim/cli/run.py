"""`econsim run` and `econsim up`: start what is needed, run one scenario, or keep the services running."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack, aclosing
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from econsim.cli.frame import carried_out, configured, report_path

if TYPE_CHECKING:
    from econsim.config import Settings
    from econsim.launch.choose import GuestOption
    from econsim.launch.fleet import Fleet
    from econsim.report.apart import Artist
    from econsim.report.summary import Summary
    from econsim.schemas.scenario import Scenario


class Transport(StrEnum):
    """What carries the messages."""

    NATS = "nats"
    """A real nats-server."""
    MEMORY = "memory"
    """This process alone, without a server."""


def run(  # noqa: PLR0913 - each is an option of the command
    context: typer.Context,
    scenario: Annotated[str, typer.Argument(help="A shipped scenario's name, or a TOML file.")] = "genesis",
    *,
    name: Annotated[
        str | None, typer.Option(help="Id of the run; by default made from the scenario's name.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed instead of the scenario's.")] = None,
    periods: Annotated[int | None, typer.Option(help="Trading days instead of the scenario's.")] = None,
    hosts: Annotated[int | None, typer.Option(help="Agent hosts instead of the scenario's.")] = None,
    transport: Annotated[Transport, typer.Option(help="nats, or memory for large studies.")] = Transport.NATS,
    spread: Annotated[bool, typer.Option("--spread", help="Each service in a process of its own.")] = False,
    workers: Annotated[int, typer.Option(min=1, help="With --spread: processes of each service.")] = 1,
    services: Annotated[
        bool | None, typer.Option(help="Whether to start services; by default if none answer.")
    ] = None,
    ephemeral: Annotated[bool, typer.Option("--ephemeral", help="Throw the data away at the end.")] = False,
    guest: Annotated[
        list[str] | None, typer.Option(help="Let an agent join from outside.", metavar="NAME[:DEADLINE]")
    ] = None,
    real_time: Annotated[
        bool, typer.Option("--real-time", help="Let time pass instead of waiting for all.")
    ] = False,
    report: Annotated[Path | None, typer.Option(help="Where the HTML report goes.")] = None,
) -> None:
    """Run one scenario and show what came of it.

    Starts a private nats-server and all services, unless they run already (`econsim up`).

        econsim run genesis
        econsim run smith1962 --transport memory --periods 200
        econsim run my.toml --spread --workers 2
        econsim run genesis --guest ana:30s
    """
    from econsim import scenario_files
    from econsim.launch.choose import chosen, guest_option
    from econsim.report.apart import Artist

    config = configured(context)
    guests = [guest_option(each) for each in guest or ()]
    what = chosen(
        scenario_files.load(scenario),
        seed=seed,
        periods=periods,
        hosts=hosts,
        guests=[each.name for each in guests],
        real_time=real_time,
    )
    artist = Artist()
    if transport is Transport.MEMORY:
        summary = _in_memory(what, artist)
    else:
        from econsim.launch.fleet import Fleet

        fleet = Fleet(() if services is False else None, spread, workers, ephemeral)
        summary = carried_out(_over_nats(config, what, name, guests, fleet, artist))
    _show(config, summary, report, artist)
    if summary.failure or summary.warnings or not all(verdict.holds for verdict in summary.verdicts):
        raise typer.Exit(1)


def up(  # noqa: PLR0913 - each is an option of the command
    context: typer.Context,
    services: Annotated[list[str] | None, typer.Argument(help="Which; all of them if none is named.")] = None,
    *,
    spread: Annotated[bool, typer.Option("--spread", help="Each service in a process of its own.")] = False,
    workers: Annotated[int, typer.Option(min=1, help="With --spread: processes of each service.")] = 1,
    server: Annotated[bool, typer.Option("--server", help="Only the server, no services.")] = False,
    ephemeral: Annotated[bool, typer.Option("--ephemeral", help="Throw the data away at the end.")] = False,
) -> None:
    """Keep the server and services running until Ctrl-C.

    econsim up
    econsim up market ledger
    econsim up --spread --workers 2
    """
    from econsim.app import SERVICES
    from econsim.errors import NotFound
    from econsim.launch.fleet import Fleet

    names = [] if server else services or list(SERVICES)
    if unknown := [name for name in names if name not in SERVICES]:
        message = f"there is no service {unknown[0]!r}; the services are {', '.join(SERVICES)}"
        raise NotFound(message)
    carried_out(_up(configured(context), Fleet(tuple(names), spread, workers, ephemeral)))


def _in_memory(scenario: Scenario, artist: Artist) -> Summary:
    from econsim import memory
    from econsim.launch.record import Recorder
    from econsim.report.live import Progress

    with Progress() as progress:
        recorder = Recorder(progress)
        artist.start()
        for sealed in memory.run(scenario):
            recorder.add(sealed)
    return recorder.summary()


async def _over_nats(  # noqa: PLR0913, PLR0917 - what to run, where, and how it is shown
    config: Settings,
    scenario: Scenario,
    name: str | None,
    guests: Sequence[GuestOption],
    fleet: Fleet,
    artist: Artist,
) -> Summary:
    from econsim.adapters import dead_letters
    from econsim.adapters.clock import random_name
    from econsim.launch.fleet import launched
    from econsim.launch.guests import uninvited
    from econsim.launch.record import Recorder
    from econsim.launch.runs import events_of, opened
    from econsim.report.live import Progress

    run = name or random_name(scenario.name)
    deadlines = {each.name: each.deadline_ms for each in guests if each.deadline_ms is not None}
    async with AsyncExitStack() as stack:
        progress = stack.enter_context(Progress())
        server = await stack.enter_async_context(launched(fleet, config, progress.console.print))
        if waiting := uninvited(server, scenario):
            progress.console.print(
                f"{', '.join(waiting)} can join once they have credentials, made where the trust root is: "
                f"[cyan]econsim agent create {waiting[0]} --run {run}[/]"
            )
        client = await stack.enter_async_context(opened(server, run, scenario, deadlines))
        artist.start()
        recorder = Recorder(progress)
        async for sealed in await stack.enter_async_context(aclosing(events_of(client, run))):
            recorder.add(sealed)
        # The log tells of letters a moment later, and the run has ended by then.
        letters = await dead_letters.count(client, run)
    summary = recorder.summary()
    return replace(summary, dead_letters=max(letters, summary.dead_letters))


def _show(config: Settings, summary: Summary, report: Path | None, artist: Artist) -> None:
    from rich.console import Console

    from econsim.report.terminal import print_report, print_summary

    console = Console()
    print_summary(summary, console)
    with report_path(config, summary.run, report, "--report") as path:
        print_report(console, artist.write(summary, path))


async def _up(config: Settings, fleet: Fleet) -> None:
    from rich.console import Console

    from econsim.launch.fleet import launched

    console = Console(stderr=True)
    async with launched(fleet, config, console.print) as server:
        running = ", ".join(fleet.services or ()) or "no services"
        console.print(f"[bold]econsim is up[/] at {server.url} with {running}")
        console.print("run a scenario: [cyan]econsim run genesis[/] · stop: Ctrl-C")
        await asyncio.Event().wait()
