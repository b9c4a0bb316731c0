"""The patches of the client library: each is shown by what the library would do without it."""

import asyncio
from types import SimpleNamespace

import pytest
from nats.aio.client import Client
from nats.js.errors import APIError, BadRequestError
from nats.protocol import parser

from econsim.adapters.nats.patches import (
    apply_patches,
    install_filter,
    reconnect_on_errors,
    release_failed_publish,
)


def test_a_subject_that_is_no_text_becomes_one_that_a_handler_refuses():
    apply_patches()

    message = Client()._build_message(1, b"agent.\xff\xfe.x", b"", b"{}", None)

    assert message.subject == "agent.\ufffd\ufffd.x"


async def test_a_status_line_that_is_no_text_counts_as_no_headers():
    apply_patches()

    assert await Client()._process_headers(b"NATS/1.0 \xff\xfe\r\n\r\n") is None
    assert await Client()._process_headers(b"NATS/1.0\r\na: b\r\n\r\n") == {"a": "b"}


def test_what_a_stream_refuses_is_an_error_that_can_be_kept():
    apply_patches()

    error = APIError.from_error(
        {"code": 400, "err_code": 10060, "description": "expected stream does not match"}
    )

    assert isinstance(error, BadRequestError)
    assert error.err_code == 10060


def test_white_space_in_a_subject_does_not_part_the_servers_line():
    apply_patches()

    for line in (
        b"MSG agent.a\x0cb 7 2\r\n",
        b"MSG agent.a\x0cb 7  2\r\n",
        b"MSG agent.a\x0cb 7 _R_.a.b 2\r\n",
    ):
        found = parser.MSG_RE.match(line)

        assert found
        assert (found[1], found[2]) == (b"agent.a\x0cb", b"7")


async def test_the_answer_to_a_flush_that_was_given_up_is_the_answer_to_no_other():
    apply_patches()
    client, given_up, waiting = Client(), asyncio.Future(), asyncio.Future()
    client._pongs = [given_up, waiting]
    given_up.cancel()

    await client._process_pong()
    assert not waiting.done()

    await client._process_pong()
    assert waiting.done()


def test_patching_twice_changes_nothing():
    apply_patches()
    build = Client._build_message

    apply_patches()

    assert Client._build_message is build


async def test_only_the_publish_that_failed_is_released():
    older, failed = asyncio.Future(), asyncio.Future()

    release_failed_publish(SimpleNamespace(_publish_async_futures={"a": older, "b": failed}))

    assert failed.cancelled()
    assert not older.done()


async def test_a_stream_without_pending_publishes_has_none_to_release():
    release_failed_publish(SimpleNamespace(_publish_async_futures={}))


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        ("'authorization violation'", "lost"),
        ("'user authentication expired'", "lost"),
        ("'maximum subscriptions exceeded'", "lost"),
        ("'permissions violation for publish to \"a\"'", "processed"),
    ],
)
async def test_every_error_but_a_forbidden_subject_is_a_lost_connection(error, outcome):
    outcomes = []

    async def lose(_):
        outcomes.append("lost")

    async def process(_):
        outcomes.append("processed")

    client = SimpleNamespace(_process_err=process, _process_op_err=lose)
    reconnect_on_errors(client, lose)

    await client._process_err(error)

    assert outcomes == [outcome]


async def test_a_message_that_does_not_pass_the_filter_is_not_dispatched():
    dispatched = []

    async def process(sid, subject, reply, data, headers):
        dispatched.append((sid, subject, reply, data, headers))

    client = SimpleNamespace(_process_msg=process)
    install_filter(client, lambda subject, _: subject != b"flood")

    await client._process_msg(1, b"flood", b"", b"x", None)
    await client._process_msg(1, b"order", b"r", b"y", None)

    assert dispatched == [(1, b"order", b"r", b"y", None)]
