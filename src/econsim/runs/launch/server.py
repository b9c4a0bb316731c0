"""The NATS server of a command: one that runs already, or the embedded one of the state directory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from econsim.adapters.jetstream import provision
from econsim.adapters.nats.connection import connect
from econsim.adapters.server.embedded import EmbeddedServer
from econsim.adapters.server.server_loss import wait_until_lost
from econsim.adapters.server.server_use import running_or_own
from econsim.app import Server, server_of
from econsim.config import Settings
from econsim.errors import SetupError
from econsim.identity.nats_jwt import read_claims
from econsim.runs.launch.agent_accounts import push_accounts


@asynccontextmanager
async def provide_server(
    config: Settings, *, ephemeral: bool = False, on_crash: Callable[[str], None] | None = None
) -> AsyncIterator[Server]:
    """Provide a server with all streams for the time of the context.

    A running server, if the settings name it or the state directory has one; else the embedded server, which is watched
    and restarted. `ephemeral` gives it a temporary directory. Raises SetupError with the remedy, also within the context,
    when the server belongs to another command and that command ends.
    """
    own = partial(
        EmbeddedServer,
        config.state,
        port=config.port,
        ephemeral=ephemeral,
        on_crash=on_crash,
        binary=config.nats_server,
    )
    if ephemeral:
        async with own() as embedded:
            yield await _prepare(embedded, config)
        return
    if config.nats:
        found = server_of(config)
        await provision_streams(found, config.replicas)
        yield found
        return
    async with running_or_own(config.state, own, brief=False) as (url, started):
        if started:
            yield await _prepare(started, config)
            return
        found = server_of(config)
        await provision_streams(found, config.replicas)
        async with _end_without_server(config.state, url):
            yield found


async def _prepare(embedded: EmbeddedServer, config: Settings) -> Server:
    """Give a server of one's own all streams and accounts; return it for services."""
    server = Server(embedded.url, embedded.creds, embedded.trust, embedded.state, is_own=True)
    await provision_streams(server, config.replicas)
    await push_accounts(server)
    return server


@asynccontextmanager
async def _end_without_server(state: Path, url: str) -> AsyncIterator[None]:
    """Cancel the context once the server of a state directory is gone for good; raise SetupError then."""
    body, losses = asyncio.current_task(), list[SetupError]()

    async def watch() -> None:
        losses.append(await wait_until_lost(state, url))
        if body:
            body.cancel()

    watching = asyncio.create_task(watch())
    try:
        yield
    except (asyncio.CancelledError, Exception):
        # Whatever the context could not finish without its server, the reason is the same.
        if not losses or body is None or body.uncancel():
            raise
        raise losses[0] from None
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
