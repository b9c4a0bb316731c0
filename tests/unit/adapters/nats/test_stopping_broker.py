"""The end of a broker: without its server, with one that is silent, and before it was started."""

from __future__ import annotations

import asyncio

import pytest
from eventually import eventually
from scripted_server import scripted_server

from econsim.adapters.nats import stopping_broker
from econsim.adapters.nats.stopping_broker import BROKER_LOG, StoppingBroker


async def ignore(_: bytes) -> None:
    """Handle a message."""


async def started(url: str) -> StoppingBroker:
    broker = StoppingBroker(url, max_reconnect_attempts=-1, reconnect_time_wait=0.01, logger=None)
    broker.subscriber("one.subject")(ignore)
    await broker.start()
    return broker


async def test_a_broker_whose_server_is_gone_stops_and_closes_its_connection() -> None:
    async with scripted_server() as (url, _):
        broker = await started(url)
        client = broker.connection
    await client.force_reconnect()
    await eventually(lambda: client.is_reconnecting)

    await broker.stop()

    assert client.is_closed


async def test_a_broker_whose_server_is_silent_stops_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stopping_broker, "STOP_S", 0.1)
    silent = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b'INFO {"max_payload":1000}\r\n')
        while line := await reader.readline():
            if line == b"PING\r\n" and not silent.is_set():
                writer.write(b"PONG\r\n")
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        broker = await started(f"nats://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        client = broker.connection
        silent.set()

        async with asyncio.timeout(9):
            await broker.stop()

    assert client.is_closed


async def test_a_broker_that_never_started_stops() -> None:
    await StoppingBroker("nats://127.0.0.1:1").stop()


def test_a_handler_that_is_cancelled_at_the_stop_is_no_error(caplog: pytest.LogCaptureFixture) -> None:
    for error in (asyncio.CancelledError("stop"), ValueError("a fault")):
        BROKER_LOG.error("%s", error, exc_info=error)

    assert caplog.messages == ["a fault"]
