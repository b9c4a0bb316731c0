"""The NATS server of a command: one that runs already, or the embedded one of the state directory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

from econsim.adapters.jetstream import provision
from econsim.adapters.nats.connection import connect
from econsim.adapters.poll import Poll
from econsim.adapters.server import state_directory
from econsim.adapters.server.embedded import EmbeddedServer
from econsim.app import Server, server_of
from econsim.config import Settings
from econsim.errors import SetupError
from econsim.identity.nats_jwt import read_claims
from econsim.runs.launch.agent_accounts import push_accounts

SERVER_GONE_S: Final = 5.0
"""Seconds without the server of another command after which it does not come back: a crash is over in one or two."""

POLL_INTERVAL_S: Final = 0.5
"""Pause between two looks whether the server of another command still runs."""


@asynccontextmanager
async def provide_server(
    config: Settings, *, ephemeral: bool = False, on_crash: Callable[[str], None] | None = None
) -> AsyncIterator[Server]:
    """Provide a server with all streams for the time of the context.

    A running server, if the settings name it or the state directory has one; else the embedded server, which is watched
    and restarted. `ephemeral` gives it a temporary directory. Raises SetupError with the remedy, also within the context,
    when the server belongs to another command and that command ends.
    """
    found = server_of(config)
    if found.url and not ephemeral:
        await provision_streams(found, config.replicas)
        if config.nats:
            yield found
            return
        async with _end_without_server(config.state):
            yield found
        return
    embedded = EmbeddedServer(
        config.state,
        port=config.port,
        ephemeral=ephemeral,
        on_crash=on_crash,
        binary=config.nats_server,
    )
    async with embedded:
        server = replace(found, url=embedded.url, creds=embedded.creds, trust=embedded.trust)
        await provision_streams(server, config.replicas)
        await push_accounts(server)
        yield server


@asynccontextmanager
async def _end_without_server(state: Path) -> AsyncIterator[None]:
    """Cancel the context once the server of a state directory is gone for good; raise SetupError then."""
    body, gone = asyncio.current_task(), asyncio.Event()

    async def watch() -> None:
        looks = 0
        async for _ in Poll(POLL_INTERVAL_S):
            looks = 0 if state_directory.running_url(state) else looks + 1
            if looks * POLL_INTERVAL_S > SERVER_GONE_S and body:
                gone.set()
                body.cancel()
                return

    watching = asyncio.create_task(watch())
    try:
        yield
    except (asyncio.CancelledError, Exception):
        # Whatever the context could not finish without its server, the reason is the same.
        if not gone.is_set() or body is None or body.uncancel():
            raise
        message = (
            f"the command that ran the server in {state} has ended, and its server with it; "
            f"start again: `econsim up`, and `econsim resume RUN` goes on with a run"
        )
        raise SetupError(message) from None
    finally:
        watching.cancel()


async def provision_streams(server: Server, replicas: int | None = None) -> None:
    """Create or update every stream and bucket; do nothing with credentials that may not, like an operator's."""
    creds = server.creds("setup")
    if creds.is_file() and read_claims(creds).role not in ("", "setup"):
        return
    client = await connect(server.url, creds if creds.is_file() else None, "econsim-setup")
    try:
        await provision.apply(client, replicas)
    finally:
        await client.close()
