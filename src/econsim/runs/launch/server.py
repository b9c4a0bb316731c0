"""The NATS server of a command: one that runs already, or the embedded one of the state directory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

from econsim.adapters.jetstream import provision
from econsim.adapters.nats.connection import connect
from econsim.adapters.server.embedded import EmbeddedServer
from econsim.app import Server, server_of
from econsim.config import Settings
from econsim.identity.nats_jwt import user_claims
from econsim.runs.launch.agent_accounts import push_accounts


@asynccontextmanager
async def provide_server(
    config: Settings, *, ephemeral: bool = False, on_crash: Callable[[str], None] | None = None
) -> AsyncIterator[Server]:
    """Provide a server with all streams for the time of the context.

    A running server, if the settings name it or the state directory has one; else the embedded server, which is watched
    and restarted. `ephemeral` gives it a temporary directory. Raises SetupError with the remedy.
    """
    found = server_of(config)
    if found.url and not ephemeral:
        await provision_streams(found, config.replicas)
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


async def provision_streams(server: Server, replicas: int | None = None) -> None:
    """Create or update every stream and bucket; do nothing with credentials that may not, like an operator's."""
    creds = server.creds("setup")
    if creds.is_file() and user_claims(creds.read_text()).role not in ("", "setup"):
        return
    client = await connect(server.url, creds if creds.is_file() else None, "econsim-setup")
    try:
        await provision.apply(client, replicas)
    finally:
        await client.close()
