"""`econsim up`: keep the server and services running until Ctrl-C."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from econsim.cli import run_options as options
from econsim.cli.command_group import run_async, settings_of
from econsim.cli.output import console, line_printer
from econsim.cli.unused_options import refuse_unused_options

if TYPE_CHECKING:
    from econsim.config import Settings
    from econsim.runs.launch.services import LaunchOptions


def up(  # noqa: PLR0913 - each is an option of the command
    context: typer.Context,
    services: options.ServicesArgument = None,
    *,
    spread: options.SpreadOption = False,
    workers: options.WorkersOption = 1,
    server: Annotated[bool, typer.Option("--server", help="Start only the server, no services.")] = False,
    ephemeral: options.EphemeralOption = False,
) -> None:
    """Keep the server and services running until Ctrl-C.

    Example: [cyan]econsim up[/cyan]

    Example: [cyan]econsim up market ledger[/cyan]

    Example: [cyan]econsim up --spread --workers 2[/cyan]
    """
    refuse_unused_options(context, options.UP_UNUSED_OPTIONS)
    from econsim.runs.launch.services import LaunchOptions

    names = [] if server else services or options.known_services()
    run_async(_up(settings_of(context), LaunchOptions(tuple(names), spread, workers, ephemeral)))


async def _up(config: Settings, launching: LaunchOptions) -> None:
    import asyncio

    from econsim.runs.launch.services import launch

    out = console(stderr=True)
    async with launch(launching, config, line_printer(out)) as server:
        running = ", ".join(launching.services or ()) or "no services"
        out.print(f"[bold]econsim is up[/] at {server.url} with {running}", soft_wrap=True)
        # Other commands find the server by its directory, and that of an ephemeral one is a new one.
        place = f"--state {server.state} " if launching.ephemeral else ""
        out.print(f"run a scenario: [cyan]econsim {place}run genesis[/] · stop: Ctrl-C", soft_wrap=True)
        await asyncio.Event().wait()
