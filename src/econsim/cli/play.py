"""`econsim play`: a person trades in the browser, as an external agent of a run."""

from __future__ import annotations

import asyncio
import time
import webbrowser
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from econsim.cli import option_types
from econsim.cli.command_group import run_async, settings_of
from econsim.cli.connect import agent_creds, connect_to_server, required_server_url
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
from econsim.errors import SetupError

if TYPE_CHECKING:
    from econsim.config import Settings

WAIT_S: Final = 30.0
"""Seconds to wait for the server and for the agents' credentials: `econsim run`, started at the same moment, makes them."""

POLL_S: Final = 0.2
"""Pause in seconds between two looks for them."""

NamesOption = Annotated[
    list[str],
    typer.Option(
        "--as",
        help="Name of the external agent; once for each person.",
        metavar="AGENT",
        parser=option_types.agent,
        show_default=False,
    ),
]
"""Option: agents of the people."""


def play(  # noqa: PLR0913 - each is an option of the command
    context: typer.Context,
    run: RunArgument = "last",
    *,
    names: NamesOption,
    is_opened: OpenOption = True,
    websocket: WebsocketOption = None,
    port: PortOption = None,
) -> None:
    """Trade by hand: open a page in the browser that is an external agent's own account, until Ctrl-C.

    The page shows the agent's values and costs, the market, its offers, money and time, and what each period earned. It has the
    credentials, rights and quotas of a bot in its place. Each --as is a person with an address of their own.

    Example: [cyan]econsim play demo --as ana[/cyan] while [cyan]econsim run genesis --name demo --external ana:600s[/cyan] goes on

    Example: [cyan]econsim play lab --as ana --as bob[/cyan] for two people of scenario [cyan]lab.toml[/cyan]
    """
    given = given_access(websocket, port)
    run_async(_play(settings_of(context), run, list(dict.fromkeys(names)), given, is_opened=is_opened))


async def _play(
    config: Settings, wanted: str, names: list[str], given: PageAccess | None, *, is_opened: bool
) -> None:
    from econsim.adapters.live_page.page_server import PageServer, page

    await _wait_for_server(config)
    run = await _run_name(config, wanted)
    paths = [await _creds(config, run, name) for name in names]
    access = given or embedded_access(config)
    doors = [
        {"/session": partial(describe, run, name, path, access.sockets)}
        for name, path in zip(names, paths, strict=True)
    ]
    async with PageServer(access.ports, access.sockets, *doors, html=page("play")) as served:
        for name, url in zip(names, served.urls, strict=True):
            # Whoever has this address acts as the agent, until this command ends.
            say("[bold]{name}[/bold] trades in run {run} at {url}", name=name, run=run, url=url)
        say("(stop with Ctrl-C)")
        flush_stdout()
        for door in range(len(names) if is_opened else 0):
            if not await asyncio.to_thread(webbrowser.open, served.ticket(door)):
                echo("no browser was found here: open the addresses in one", err=True)
                break
        await asyncio.Event().wait()


async def describe(run: str, agent: str, creds: Path, sockets: str) -> Mapping[str, object]:
    """Return what a page needs to act as an agent: its credentials as they are now, and the words for refusals."""
    from econsim.schemas.refusals import refusal_codes

    try:
        text = await asyncio.to_thread(creds.read_text)
    except OSError as error:
        message = f"the credentials {creds} cannot be read any more: {error.strerror}; `econsim agent create {agent} --run {run}` makes new ones"
        raise SetupError(message) from error
    refusals = {code: row.meaning for code, row in refusal_codes().items()}
    return {"run": run, "agent": agent, "creds": text, "sockets": sockets, "refusals": refusals}


async def _wait_for_server(config: Settings) -> None:
    """Wait for a server that is being started; raises SetupError without one."""
    from econsim.adapters.poll import Poll
    from econsim.cli.connect import server_url

    async for _ in Poll(POLL_S, WAIT_S):
        if server_url(config):
            return
    required_server_url(config)


async def _run_name(config: Settings, wanted: str) -> str:
    """Return the run's name; only `last` asks the log for it."""
    from econsim.cli.run_names import LAST, resolve

    if wanted != LAST:
        return wanted
    async with connect_to_server(config) as client:
        return await resolve(client, wanted)


async def _creds(config: Settings, run: str, name: str) -> Path:
    """Return an agent's creds file, waiting for a run that is just being opened.

    Raises SetupError without one, NotAllowed for that of another agent.
    """
    from econsim.adapters.poll import Poll
    from econsim.agents.session import require_own_creds

    path, end = agent_creds(config, run, name), time.monotonic() + WAIT_S
    async for _ in Poll(POLL_S, WAIT_S):
        if path.is_file() or time.monotonic() > end:
            break
    if not path.is_file():
        message = (
            f"there are no credentials {path}; `econsim run SCENARIO --name {run} --external {name}` makes them, "
            f"and so does `econsim agent create {name} --run {run}`"
        )
        raise SetupError(message)
    require_own_creds(path, name)
    return path
