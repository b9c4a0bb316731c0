"""Fixtures of every test that needs a real server: one server for the tests of a file, connections by role.

These tests share the server, so each works in a run of its own (`run`). A test that stops, kills or fills
a server starts its own `EmbeddedServer`.
"""

from __future__ import annotations

import asyncio
import signal
import threading
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from nats.aio.client import Client
from superuser import superuser

from econsim.adapters.jetstream import provision
from econsim.adapters.nats.connection import connect
from econsim.adapters.server.embedded import EmbeddedServer

ConnectAs = Callable[[str], Awaitable[Client]]

# A machine that stalls takes long over an example, whatever the example: no property fails for the time that it takes.
# A fixture may serve all examples of a test: those that do hold what no example changes.
UNHURRIED = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
settings.register_profile("unhurried", deadline=None, suppress_health_check=UNHURRIED)
settings.load_profile("unhurried")

# Whoever runs the tests in the background of a shell ignores Ctrl-C, and so would the commands that are tested with it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedServer]:
    """Run a server with all streams applied, on a loop of its own: tests each bring theirs."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    server = EmbeddedServer(Path(), ephemeral=True)
    try:
        asyncio.run_coroutine_threadsafe(_start(server), loop).result()
        yield server
        asyncio.run_coroutine_threadsafe(server.stop(), loop).result()
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@pytest.fixture
async def connect_as(server: EmbeddedServer) -> AsyncIterator[ConnectAs]:
    """Connect as any role of the server; closed after the test."""
    clients: list[Client] = []

    async def as_role(role: str) -> Client:
        creds = superuser(server) if role == "superuser" else server.creds(role)
        clients.append(await connect(server.url, creds, f"test-{role}"))
        return clients[-1]

    yield as_role
    for client in clients:
        await client.close()


@pytest.fixture
async def nc(connect_as: ConnectAs) -> Client:
    """Connect as one who may do everything in account SIM."""
    return await connect_as("superuser")


@pytest.fixture
def run() -> str:
    """Return the name of a run nobody else uses."""
    return f"run-{uuid.uuid4().hex[:12]}"


async def _start(server: EmbeddedServer) -> None:
    await server.__aenter__()
    client = await connect(server.url, superuser(server), "test-streams")
    await provision.apply(client)
    await client.close()
