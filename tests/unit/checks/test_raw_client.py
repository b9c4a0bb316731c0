"""The raw client's frames and its parser, against a scripted server."""

import json

import pytest
from scripted_server import scripted_server

from econsim.checks.raw_client import (
    HEADER_LINE,
    RawMessage,
    UserCredentials,
    dial,
    publish_frame,
    unsigned_credentials,
)
from econsim.errors import SetupError
from econsim.identity.nats_jwt import Key, NkeyKind, creds


def connect_line(lines):
    return json.loads(next(line for line in lines if line.startswith(b"CONNECT ")).partition(b" ")[2])


def test_a_publish_without_headers_states_the_size_of_its_body():
    assert publish_frame("a.b", b"12345") == b"PUB a.b 5\r\n12345\r\n"
    assert publish_frame("a.b", b"", "_INBOX.x") == b"PUB a.b _INBOX.x 0\r\n\r\n"


def test_a_publish_with_headers_states_both_sizes():
    head = HEADER_LINE + b"A: 1\r\n\r\n"

    assert publish_frame("a", b"xy", "r", b"A: 1") == b"HPUB a r %d %d\r\n" % (len(head), len(head) + 2) + (
        head + b"xy\r\n"
    )


def test_a_creds_file_is_read_and_anything_else_is_refused():
    key = Key(NkeyKind.USER)

    assert UserCredentials.from_creds(creds("head.body.sig", key.seed)) == UserCredentials(
        "head.body.sig", key.seed
    )
    for text in ("", "-----BEGIN NATS USER JWT-----", "nothing of the kind"):
        with pytest.raises(SetupError):
            UserCredentials.from_creds(text)


def test_credentials_send_only_what_they_have():
    assert UserCredentials().connect_fields("nonce") == {}
    assert UserCredentials(jwt="a.b.c").connect_fields("nonce") == {"jwt": "a.b.c"}
    assert set(unsigned_credentials().connect_fields("nonce")) == {"sig"}


def test_a_signature_depends_on_the_nonce():
    user = unsigned_credentials()

    assert user.connect_fields("one") == user.connect_fields("one") != user.connect_fields("two")


async def test_connect_sends_the_fields_it_is_given():
    async with scripted_server() as (url, lines), dial(url) as client:
        accepted = await client.connect(UserCredentials(jwt="j"), echo=False, user="operator")

        assert accepted
        sent = connect_line(lines)
        assert (sent["jwt"], sent["echo"], sent["user"], sent["headers"]) == ("j", False, "operator", True)


async def test_a_server_that_hangs_up_refuses_the_connection():
    def script(line):
        return b"QUIT" if line.startswith(b"CONNECT") else b""

    async with scripted_server(script) as (url, _), dial(url) as client:
        assert not await client.connect(UserCredentials())
        assert client.closed


async def test_an_error_is_kept_in_the_servers_words():
    async with (
        scripted_server(lambda line: b"-ERR 'No'\r\n" if b"SUB" in line else b"") as (url, _),
        dial(url) as client,
    ):
        await client.subscribe("a.>", 4, "group")
        await client.flush()

        assert client.errors == ["'No'"]


@pytest.mark.parametrize(
    ("delivery", "expected"),
    [
        (b"MSG a.b 1 2\r\nhi\r\n", RawMessage("a.b", "", b"", b"hi")),
        (b"MSG a.b 1 _INBOX.r 2\r\nhi\r\n", RawMessage("a.b", "_INBOX.r", b"", b"hi")),
        (b"HMSG a.b 1  12 14\r\nNATS/1.0\r\n\r\nhi\r\n", RawMessage("a.b", "", b"NATS/1.0\r\n\r\n", b"hi")),
        (b"HMSG a.b 1 r 12 12\r\nNATS/1.0\r\n\r\n\r\n", RawMessage("a.b", "r", b"NATS/1.0\r\n\r\n", b"")),
        (b"MSG a.b 1 4\r\n\r\n\r\n\r\n", RawMessage("a.b", "", b"", b"\r\n\r\n")),
    ],
)
async def test_a_delivery_is_parsed(delivery, expected):
    async with (
        scripted_server(lambda line: delivery if line.startswith(b"SUB") else b"") as (url, _),
        dial(url) as client,
    ):
        await client.subscribe("a.b")
        await client.flush()

        assert client.take_messages() == [expected]
        assert client.messages == []


async def test_a_message_that_the_filter_rejects_is_not_kept():
    async with (
        scripted_server(lambda line: b"MSG a 1 1\r\nx\r\n" if line.startswith(b"SUB") else b"") as (url, _),
        dial(url) as client,
    ):
        client.keep = lambda message: message.payload != b"x"
        await client.subscribe("a")
        await client.flush()

        assert client.messages == []


async def test_a_request_returns_the_answer_to_its_own_inbox():
    def script(line):
        if not line.startswith(b"PUB state"):
            return b""
        inbox = line.split()[2]
        return b"MSG other 1 1\r\nx\r\n" + b"MSG " + inbox + b" 9001 2\r\nok\r\n"

    async with scripted_server(script) as (url, lines), dial(url) as client:
        answer = await client.request("state.balance")
        await client.flush()

        assert answer == RawMessage(f"{client.inbox}.1", "", b"", b"ok")
        assert b"UNSUB 9001" in lines


async def test_a_request_without_an_answer_returns_none():
    async with scripted_server() as (url, _), dial(url) as client:
        assert await client.request("nobody", timeout_s=0.01) is None


async def test_a_closed_connection_ends_every_wait_and_takes_nothing():
    async with (
        scripted_server(lambda line: b"QUIT" if line == b"STOP" else b"") as (url, lines),
        dial(url) as client,
    ):
        await client.send(b"STOP\r\n")
        reached = await client.wait_until(lambda: False)
        await client.send(b"AFTER\r\n")

        assert not reached
        assert b"AFTER" not in lines
