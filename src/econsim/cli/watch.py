"""`econsim watch`: a run in the browser or the terminal, while it goes on or afterwards."""

from __future__ import annotations

import webbrowser
from contextlib import aclosing
from functools import partial
from typing import TYPE_CHECKING

import typer

from econsim.cli.command_group import run_async, settings_of
from econsim.cli.connect import await_log, connect_to_server, refuse_kept, server_url
from econsim.cli.output import echo, flush_stdout, say
from econsim.cli.page_access import (
    OpenOption,
    PageAccess,
    PortOption,
    WebsocketOption,
    embedded_access,
    given_access,
)
from econsim.cli.run_argument import RunArgument
from econsim.cli.watch_terminal import TerminalOption, watch_in_terminal

if TYPE_CHECKING:
    from econsim.config import Settings


def watch(  # noqa: PLR0913 - each is an option of the command
    context: typer.Context,
    run: RunArgument = "last",
    *,
    terminal: TerminalOption = False,
    is_opened: OpenOption = True,
    websocket: WebsocketOption = None,
    port: PortOption = None,
) -> None:
    """Watch a run in the browser, until Ctrl-C, or in the terminal: prices, books, agents, thoughts and every event with its causes.

    Both only read: the run never waits for whoever watches. They follow a run that goes on, and go back to any event of a run: pause
    with the space bar, go a step with the arrow keys (n and p in the terminal); ? shows all keys.

    Example: [cyan]econsim watch[/cyan] in a second terminal, while [cyan]econsim run genesis[/cyan] goes on in the first

    Example: [cyan]econsim watch demo --no-open[/cyan], or [cyan]econsim watch demo --terminal[/cyan]
    """
    if terminal:
        run_async(watch_in_terminal(settings_of(context), run))
        return
    given = given_access(websocket, port)
    run_async(_watch(settings_of(context), run, given, is_opened=is_opened))


async def _watch(config: Settings, wanted: str, given: PageAccess | None, *, is_opened: bool) -> None:
    import asyncio

    from econsim.adapters.live_page.page_server import PageServer
    from econsim.cli.connect import OBSERVER, creds_of
    from econsim.cli.held_server import newest_tick, wait_for_ctrl_c
    from econsim.cli.run_names import await_opening
    from econsim.cli.trust import existing_trust
    from econsim.cli.watch_session import WatchSession
    from econsim.evaluation.bench.live_verdicts import live_verdicts

    refuse_kept(config, wanted)
    await await_log(config)
    is_held = server_url(config) is None
    async with connect_to_server(config, brief=False) as client:
        access = given or embedded_access(config)
        name, newest = await await_opening(client, wanted), await newest_tick(client)
        reading = partial(connect_to_server, config)
        assert client.connected_url is not None, "a run is watched over a connection"
        judged = partial(live_verdicts, client.connected_url.geturl(), creds_of(config, OBSERVER), name)
        session = WatchSession(reading, existing_trust(config), name, access.sockets, judged=judged)
        await session.read_opening(client)
        async with aclosing(session), PageServer(access.ports, access.sockets, session.answers) as page:
            # Whoever has this address may read the log, until this command ends.
            say("run [bold]{name}[/bold] is at {url} (stop with Ctrl-C)", name=name, url=page.urls[0])
            if is_held:
                say(
                    "this command holds the server, and runs of other commands end with it: start [cyan]econsim up[/cyan] first for both"
                )
            flush_stdout()
            if is_opened and not await asyncio.to_thread(webbrowser.open, page.ticket()):
                echo("no browser was found here: open the address in one", err=True)
            await (wait_for_ctrl_c(client, newest) if is_held else asyncio.Event().wait())
