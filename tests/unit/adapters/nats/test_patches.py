"""The patches of the client library: each is shown by what the library would do without it."""

import asyncio
from types import SimpleNamespace

import nats.errors
import pytest
from nats.aio.client import Client
from nats.js.errors import APIError, BadRequestError
from nats.protocol import parser

from econsim.adapters.nats.patches import (
    apply_patches,
    hand_over,
    header_lines,
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


def test_headers_are_read_as_the_library_reads_them():
    block = (
        "a: b\r\nNats-X:c:d \r\nno colon\r\nn ame: x\r\nn\xe4me: x\r\n v : \xe4\r\na: again\r\n\r\n".encode()
    )

    assert header_lines(block) == {"a": "again", "Nats-X": "c:d", "v": "\xe4"}


@pytest.mark.parametrize("size", [1, 7, 64, 10_000])
async def test_messages_are_handed_over_whole_and_once_however_they_were_cut(size):
    client, others = Client(), []

    async def process(sid, _subject, _reply, data, headers):
        others.append((sid, data, headers))

    client._process_msg = process
    block, payloads = b"NATS/1.0\r\nn: 1\r\n\r\n", [b"x" * length for length in (0, 5, 300)]
    sent = b"".join(
        b"HMSG _INBOX.a %d %d %d\r\n%b%b\r\n" % (sid, len(block), len(block) + len(payload), block, payload)
        for payload in payloads
        for sid in (7, 8)
    )
    sent += b"MSG _INBOX.a 7 2\r\nhi\r\n"
    taken = []

    def take(data, begin, middle, end):
        taken.append((data[begin:middle], data[middle:end]))

    with hand_over(SimpleNamespace(_conn=client, _id=7), take):
        for start in range(0, len(sent), size):
            await client._ps.parse(sent[start : start + size])

    assert taken == [*((block, payload) for payload in payloads), (b"", b"hi")]
    assert others == [(8, payload, block) for payload in payloads]


async def test_what_comes_after_the_end_of_a_handing_over_is_processed_as_ever():
    client, others = Client(), []

    async def process(sid, *_message):
        others.append(sid)

    client._process_msg = process
    with hand_over(SimpleNamespace(_conn=client, _id=7), lambda *_: None):
        pass

    await client._ps.parse(b"MSG _INBOX.a 7 2\r\nhi\r\n")

    assert others == [7]


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
    reconnect_on_errors(client, lose, lose)

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


async def test_requests_have_inboxes_of_their_own_and_end_in_time():
    apply_patches()
    client, inboxes = Client(), []
    client._resp_sub_prefix = bytearray(b"_INBOX.abc.")

    async def publish(_subject, _payload, reply, headers):
        inboxes.append((reply, headers))

    client.publish = publish
    late = [client.request("a.b", b"", timeout=0.01, headers={"n": "1"}) for _ in range(2)]
    ended = await asyncio.gather(*late, return_exceptions=True)

    assert [type(error) for error in ended] == [nats.errors.TimeoutError] * 2
    assert len({reply for reply, _ in inboxes}) == 2
    assert all(reply.startswith("_INBOX.abc.") and headers == {"n": "1"} for reply, headers in inboxes)
    assert not client._resp_map
