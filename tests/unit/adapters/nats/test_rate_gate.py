"""What arrives from agents' accounts: no bytes end a connection, and too much of one agent is dropped."""

import asyncio

from nats.aio.client import Client
from nats.js.errors import APIError, BadRequestError
from nats.protocol import parser

from econsim.adapters.nats.rate_gate import PASSED_MIN, RateGate, apply_patches

ASK = b"market.account.get_balance.run.mallory"
CROSSED = b"_R_.abc.def"


def gate(told, allowed=100, most=1_000, now=lambda: 7.0):
    return RateGate(lambda _: allowed, lambda sender, count: told.append((sender.agent, count)), most, now)


def passed(gate, times, subject=ASK, reply=CROSSED):
    return sum(gate.passes(subject, reply) for _ in range(times))


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


def test_what_an_agent_sends_far_above_its_rate_is_dropped_and_told_once():
    told = []

    assert passed(gate(told), 5_000) == PASSED_MIN
    assert told == [("mallory", 1_000)]


def test_a_higher_rate_lets_more_pass():
    assert passed(gate([], allowed=1_000, most=10_000), 5_000) == 3_000


def test_the_next_second_begins_anew():
    at = iter([7.0] * 400 + [8.0] * 400)

    assert passed(gate([], now=lambda: next(at)), 800) == 2 * PASSED_MIN


def test_one_agents_flood_leaves_the_others_their_room():
    flooded = gate([])
    passed(flooded, 5_000)

    assert passed(flooded, 10, b"market.account.get_balance.run.anna") == 10


def test_a_request_that_asks_for_no_answer_is_dropped_a_report_is_not():
    assert passed(gate([]), 10, reply=b"") == 0
    assert passed(gate([]), 10, b"agent.mallory.noted.run.mallory", b"") == 10


def test_trusted_callers_and_events_are_not_counted():
    assert passed(gate([]), 5_000, reply=b"_INBOX.market.x") == 5_000
    assert passed(gate([]), 5_000, b"system.clock.ticked.run", b"") == 5_000
