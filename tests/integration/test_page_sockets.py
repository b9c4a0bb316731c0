"""Websockets of live pages: of the page's origins alone, with credentials that read for some hours and do nothing else."""

import asyncio
import base64
import os
from dataclasses import replace

import pytest
from requirements import requirement

from econsim.adapters.jetstream import provision, run_reader
from econsim.adapters.nats.connection import connect, synchronize
from econsim.adapters.server.embedded import EmbeddedServer
from econsim.adapters.server.state_directory import page_origin, read_record
from econsim.cli.watch_session import LIFE_S, ROLE
from econsim.errors import SetupError
from econsim.identity.nats_jwt import creds
from econsim.identity.private_files import write

pytestmark = pytest.mark.nats


@pytest.fixture
async def started(tmp_path):
    async with EmbeddedServer(tmp_path) as server:
        client = await connect(server.url, server.creds("setup"), "test-setup")
        await provision.apply(client)
        await client.close()
        yield server


async def handshake(server, origin):
    """Return the status with which the server answers a browser that opens a websocket from an origin."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.websocket)
    lines = [
        "GET / HTTP/1.1",
        f"Host: 127.0.0.1:{server.websocket}",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}",
        f"Origin: {origin}",
    ]
    writer.write("\r\n".join([*lines, "", ""]).encode())
    status = (await reader.readline()).split()[1]
    writer.close()
    return int(status)


async def test_a_page_of_another_origin_cannot_open_a_websocket(started):
    port = started.pages[0]

    assert [await handshake(started, page_origin(each)) for each in started.pages] == [101] * 4
    for other in (
        "http://evil.example",
        f"http://localhost:{port}",
        f"https://127.0.0.1:{port}",
        f"http://127.0.0.1:{started.port}",
        f"http://127.0.0.1:{port}.evil.example",
        "null",
    ):
        assert await handshake(started, other) == 403


async def test_a_server_that_starts_anew_keeps_the_ports_of_its_pages(tmp_path):
    seen = []
    for _ in range(2):
        async with EmbeddedServer(tmp_path) as server:
            record = read_record(tmp_path / "nats")
            assert (record.websocket, record.pages) == (server.websocket, tuple(server.pages))
            seen.append((server.websocket, *server.pages))

    assert seen[0] == seen[1]
    assert len(set(seen[0])) == 5


async def test_an_ephemeral_server_has_none(server):
    assert (server.websocket, server.pages) == (0, ())


@requirement("layers.observers_read_only")
async def test_the_credentials_of_a_page_read_the_log_and_command_nothing(started, tmp_path):
    write(path := tmp_path / "page.creds", creds(*started.trust.sign_user("watch", ROLE, LIFE_S)))
    refused = []

    async def note(error):
        refused.append(str(error))

    client = await connect(started.url, path, "test-page", note)
    client.publish = type(client).publish.__get__(client)
    for subject in (
        "admin.run.open.watch",
        "market.cpu.place_bid.demo.ana",
        "system.run.closed.demo",
        "$KV.quotas.x",
    ):
        await client.publish(subject, b"{}")
    await client.subscribe("market.>")
    await synchronize(client)

    assert await run_reader.openings(client, []) == []
    assert len(refused) == 5
    assert all("permissions violation" in each.lower() for each in refused)
    await client.close()


async def test_the_credentials_of_a_page_end(started, tmp_path):
    trust = replace(started.trust, now=lambda: started.trust.now() - LIFE_S - 1)
    write(path := tmp_path / "page.creds", creds(*trust.sign_user("watch", ROLE, LIFE_S)))

    with pytest.raises(SetupError):
        await connect(started.url, path, "test-page", patience_s=2)
