"""A connection for one command: to a named server, to the one that runs here, or to one of its own.

A command that finds no server running starts the embedded one on the kept data for as long as it
reads. Nothing is created: without a state directory there is nothing to read.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from econsim.errors import SetupError

if TYPE_CHECKING:
    from nats.aio.client import Client

    from econsim.config import Settings

OBSERVER: Final = "observer"
"""The role that reads everything and changes nothing; an auditor's credentials do where the log is enough."""

OPERATOR: Final = "operator"
"""The role of people who command."""

SETUP: Final = "setup"
"""The role that creates and changes streams."""


@asynccontextmanager
async def connect_to_server(config: Settings, role: str = OBSERVER) -> AsyncIterator[Client]:
    """Connect as a role for the time of the context.

    Raises SetupError if there is no server to connect to, or it refuses; the message says what to do.
    """
    from econsim.adapters.server import state_directory

    url = config.nats or state_directory.running_url(config.state)
    if url is not None:
        async with _client(url, _creds_of(config, role), role) as client:
            yield client
        return
    from econsim.adapters.server.embedded import EmbeddedServer

    require_runs(config)
    async with (
        EmbeddedServer(config.state, port=config.port, binary=config.nats_server) as server,
        _client(server.url, server.creds(role), role) as client,
    ):
        yield client


def require_runs(config: Settings) -> None:
    """Raise SetupError, with what to do, if no server is named and the state directory keeps no runs."""
    if config.nats or (config.state / "nats" / "data").is_dir():
        return
    message = (
        f"there are no runs in {config.state}; start one with `econsim run genesis`, "
        "or name another directory with --state or a server with --nats"
    )
    raise SetupError(message)


@asynccontextmanager
async def _client(url: str, creds: Path | None, role: str) -> AsyncIterator[Client]:
    from econsim.adapters.jetstream.run_reader import reader
    from econsim.adapters.nats.connection import connect

    if role == OBSERVER and creds:
        reader(creds)
    client = await connect(url, creds, f"econsim-cli-{role}")
    try:
        yield client
    finally:
        await client.close()


def _creds_of(config: Settings, role: str) -> Path | None:
    """Return the creds file of a role; none for a foreign server that was named without creds."""
    if config.creds and not config.creds.is_dir():
        return config.creds
    directory = config.creds or config.state / "trust" / "creds"
    path = directory / f"{role}.creds"
    if role == OBSERVER and not path.exists() and (log_alone := directory / "auditor.creds").exists():
        return log_alone
    return path if path.exists() or config.creds or not config.nats else None
