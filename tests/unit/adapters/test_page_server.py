"""The server of the live page: the page to everybody on this machine, the session to who has the key, and nothing else."""

import asyncio
import socket
from contextlib import suppress

import pytest

from econsim.adapters.live_page.page_server import PageServer, content_security_policy, page
from econsim.adapters.server.state_directory import free_ports
from econsim.errors import SetupError


async def told_to_bob():
    return {"agent": "bob"}


async def told():
    return {"run": "demo"}


@pytest.fixture
async def serving():
    async with PageServer(free_ports(1), "ws://127.0.0.1:1", {"/session": told}) as server:
        yield server


async def get(server, path, method="GET", host=None, key=None):
    """Return status, headers and body of the answer to a request."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host or f'127.0.0.1:{server.port}'}"]
    lines += [f"Authorization: Bearer {key}"] if key else []
    writer.write("\r\n".join([*lines, "", ""]).encode())
    head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    status, *rest = head.decode().split("\r\n")
    return status.split(" ", 1)[1], dict(line.split(": ", 1) for line in rest), body


def key_of(server):
    return server.urls[0].partition("#")[2]


async def test_the_page_is_told_to_run_its_own_scripts_and_to_talk_to_the_server_alone(serving):
    status, headers, body = await get(serving, "/")

    assert (status, body) == ("200 OK", page())
    policy = headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    assert "connect-src 'self' ws://127.0.0.1:1;" in policy
    assert "require-trusted-types-for 'script'" in policy
    # One worker, of the script that the page carries; the page that trades has none.
    assert "worker-src blob:" in policy
    assert policy.endswith("trusted-types reader")
    assert content_security_policy(page("play"), "ws://x").endswith("trusted-types 'none'")


async def test_the_session_is_for_who_has_the_key(serving):
    assert (await get(serving, "/session", key=key_of(serving)))[2] == b'{"run":"demo"}'
    for wrong in (None, "x", key_of(serving)[:-1]):
        assert (await get(serving, "/session", key=wrong))[0] == "404 Not Found"
    assert (await get(serving, f"/session?{key_of(serving)}"))[0] == "404 Not Found"


@pytest.mark.parametrize("path", ["/page_server.py", "/../page.html", "/open/x", "/source/"])
async def test_no_other_path_is_served(serving, path):
    assert (await get(serving, path, key=key_of(serving)))[0] == "404 Not Found"


async def test_a_name_that_was_rebound_to_this_machine_gets_nothing(serving):
    for host in ("evil.example", f"localhost:{serving.port}", "127.0.0.1"):
        assert (await get(serving, "/", host=host))[0] == "404 Not Found"
    assert (await get(serving, "/", method="POST"))[0] == "501 Not Implemented"


async def test_each_key_opens_its_own_door():
    doors = {"/session": told}, {"/session": told_to_bob}
    async with PageServer(free_ports(1), "ws://x", *doors) as server:
        keys = [url.partition("#")[2] for url in server.urls]

        assert [(await get(server, "/session", key=key))[2] for key in keys] == [
            b'{"run":"demo"}',
            b'{"agent":"bob"}',
        ]
        _, headers, _ = await get(server, "/open/" + server.ticket(1).partition("/open/")[2])
        assert headers["Location"] == f"/#{keys[1]}"


async def test_a_ticket_leads_to_the_page_once(serving):
    path = "/open/" + serving.ticket().partition("/open/")[2]
    status, headers, _ = await get(serving, path)

    assert (status, headers["Location"]) == ("302 Found", f"/#{key_of(serving)}")
    assert (await get(serving, path))[0] == "404 Not Found"


async def test_a_request_that_never_ends_is_cut_off_at_its_limit(serving):
    reader, writer = await asyncio.open_connection("127.0.0.1", serving.port)
    writer.write(b"GET / HTTP/1.1\r\nX: " + b"x" * 100_000)

    answer = b""
    with suppress(ConnectionError):
        answer = await reader.read()
    assert b"200 OK" not in answer
    writer.close()


async def test_who_waits_for_an_answer_does_not_keep_the_server_from_its_end():
    asked = asyncio.Event()

    async def never():
        asked.set()
        await asyncio.Event().wait()

    async with PageServer(free_ports(1), "ws://x", {"/session": never}) as server:
        waiting = asyncio.create_task(get(server, "/session", key=key_of(server)))
        await asked.wait()

    assert (await waiting)[0] == "503 Service Unavailable"


async def test_another_port_is_taken_when_the_first_is_in_use(serving):
    free = free_ports(1)
    async with PageServer((serving.port, *free), "ws://x", {}) as other:
        assert other.port == free[0]
    with socket.create_server(("127.0.0.1", free[0])), pytest.raises(SetupError, match="all in use"):
        await PageServer(free, "ws://x", {}).__aenter__()
