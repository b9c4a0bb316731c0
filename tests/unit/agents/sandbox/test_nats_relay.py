"""The relay copies bytes both ways with backpressure; the tail keeps the end of an agent's output."""

import asyncio
import contextlib
import socket
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from econsim.agents.sandbox import nats_relay
from econsim.agents.sandbox.limits import MIB
from econsim.agents.sandbox.nats_relay import Relay, address
from econsim.agents.sandbox.output_tail import LINE_CHARS_MAX, LINES_MAX, OutputTail
from econsim.errors import SetupError


@asynccontextmanager
async def relayed(serve):
    """Relay to a server whose connections `serve` handles; gives the relay and the port of its listening socket."""
    served = []

    async def connected(reader, writer):
        served.append(writer)
        await serve(reader, writer)

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    try:
        async with Relay(listener, f"nats://127.0.0.1:{server.sockets[0].getsockname()[1]}") as running:
            yield running, port
    finally:
        server.close()
        for writer in served:
            writer.transport.abort()
        await asyncio.sleep(0)


async def echo(reader, writer):
    while data := await reader.read(1000):
        writer.write(data)
        await writer.drain()
    writer.close()


@asynccontextmanager
async def called(port):
    """Connect for the time of the context."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()
        await asyncio.sleep(0)


async def answered(reader, writer):
    writer.write(b"x")
    return await reader.readexactly(1) == b"x"


async def hung_up(reader):
    try:
        return await asyncio.wait_for(reader.read(), 60) == b""
    except ConnectionError:
        return True


@pytest.mark.parametrize(
    ("url", "where"),
    [
        ("nats://h:1", ("h", 1)),
        ("nats://h", ("h", 4222)),
        ("tls://user:pw@h:1", ("h", 1)),
        ("nats://[::1]:1", ("::1", 1)),
    ],
)
def test_a_url_gives_host_and_port(url, where):
    assert address(url) == where


@pytest.mark.parametrize("url", ["ws://h:1", "nats://", "nats://h:x", "/path", ""])
def test_what_is_no_stream_of_nats_bytes_is_refused(url):
    with pytest.raises(SetupError, match="give the server as nats://HOST:PORT"):
        address(url)


async def test_bytes_go_both_ways_unchanged():
    sent = bytes(range(256)) * 4_000
    async with relayed(echo) as (_, port), called(port) as (reader, writer):
        writer.write(sent)

        assert await reader.readexactly(len(sent)) == sent


async def test_the_last_bytes_of_a_server_that_closes_arrive():
    async def part(_, writer):
        writer.write(b"-ERR\r\n")
        writer.close()

    async with relayed(part) as (_, port), called(port) as (reader, _):
        assert await reader.read() == b"-ERR\r\n"


async def test_one_connection_too_many_is_refused():
    async with AsyncExitStack() as stack:
        running, port = await stack.enter_async_context(relayed(echo))
        for _ in range(nats_relay.CONNECTIONS_MAX):
            assert await answered(*await stack.enter_async_context(called(port)))
        reader, _ = await stack.enter_async_context(called(port))

        assert await hung_up(reader)
        assert running.refused == 1


async def test_a_closed_connection_makes_room_for_another():
    async with relayed(echo) as (_, port):
        for _ in range(3 * nats_relay.CONNECTIONS_MAX):
            async with called(port) as connection:
                assert await answered(*connection)
            await asyncio.sleep(0.01)


async def test_a_server_that_does_not_read_slows_the_agent_down():
    async def deaf(_, __):
        await asyncio.sleep(60)

    sent = 0
    async with relayed(deaf) as (_, port), called(port) as (_, writer):
        with contextlib.suppress(TimeoutError):
            while sent < 64 * MIB:
                writer.write(bytes(MIB))
                await asyncio.wait_for(writer.drain(), 0.3)
                sent += MIB

    assert sent < 32 * MIB


async def test_leaving_the_context_closes_all_connections():
    async with AsyncExitStack() as stack:
        async with relayed(echo) as (_, port):
            reader, writer = await stack.enter_async_context(called(port))
            assert await answered(reader, writer)

        assert await hung_up(reader)
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", port)


async def test_without_a_server_it_closes_the_connection():
    listener = socket.create_server(("127.0.0.1", 0))
    async with Relay(listener, "nats://127.0.0.1:1"), called(listener.getsockname()[1]) as (reader, _):
        assert await hung_up(reader)


def test_the_tail_keeps_the_last_lines():
    tail = OutputTail()
    for number in range(LINES_MAX + 5):
        tail.add(f"{number}\n".encode())
    tail.add(b"unfinished")
    tail.finish()

    assert len(tail.lines) == LINES_MAX
    assert list(tail.lines)[-2:] == [str(LINES_MAX + 4), "unfinished"]


def test_a_line_without_end_takes_no_more_room_than_one():
    tail = OutputTail()
    for _ in range(1_000):
        tail.add(b"x" * 10_000)

    assert len(tail.lines) == LINES_MAX
    assert max(map(len, tail.lines)) == LINE_CHARS_MAX


def test_control_characters_do_not_reach_the_terminal():
    heard = []
    OutputTail(heard.append).add(b"\x1b[2Jred\x07\r\n\xff\n" + "ü\n".encode()[:1])

    assert heard == [" [2Jred ", "\N{REPLACEMENT CHARACTER}"]


def test_a_character_may_arrive_in_two_parts():
    tail = OutputTail()
    for byte in "ü\n".encode():
        tail.add(bytes([byte]))

    assert list(tail.lines) == ["ü"]
