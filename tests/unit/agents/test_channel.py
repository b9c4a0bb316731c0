"""Retries of an agent: not before the retry time, always the same message, and not longer than its patience.

The client answers by a script; tests/integration/test_external_agents.py has a real one.
"""

import asyncio
import json
import time

import nats.errors
import pytest
from nats.aio.msg import Msg
from requirements import requirement

from econsim import subjects
from econsim.agents.channel import AgentChannel
from econsim.agents.session import AgentSession
from econsim.agents.views import to_milliseconds
from econsim.domain.admission.reports import REPORT_BYTES_MAX
from econsim.errors import (
    EconsimError,
    InvalidMessage,
    NotAllowed,
    NotFound,
    QuotaExceeded,
    Refused,
    Unavailable,
)
from econsim.schemas.admission import Admitted, AgentReport
from econsim.schemas.ledger import Balance, GetBalance, Position
from econsim.services.handlers import entry_refusal, error_reply

STORED = Admitted(stream="audit_log", seq=7)
REPORT = AgentReport(event_id="x", data={"a": 1})
NOT_NOW = Unavailable("not now", retry_after_ms=20)


class Wire:
    """Answers each request with the next of a script, its last again and again."""

    def __init__(self, *script):
        self.script, self.asked, self.at, self.is_closed = list(script), [], [], False

    async def request(self, subject, payload, **_):
        self.asked.append((subject, payload))
        self.at.append(time.monotonic())
        answer = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if isinstance(answer, Exception) and not isinstance(answer, EconsimError):
            raise answer
        refused = isinstance(answer, EconsimError)
        # An entry's refusal holds a reply's under another name.
        body = (
            entry_refusal(answer)
            if refused and "agent." in subject
            else error_reply(answer)
            if refused
            else answer
        )
        headers = {"status": "error"} if refused else None
        return Msg(None, subject, data=body.model_dump_json().encode(), headers=headers)

    @property
    def gaps_ms(self):
        return [(after - before) * 1000 for before, after in zip(self.at, self.at[1:], strict=False)]


def line(wire, patience_s=5.0):
    return AgentChannel(wire, "run", "anna", patience_s)


async def sent(wire, **options):
    return await line(wire, **options).send(subjects.REPORT, REPORT, event="slept")


async def test_a_stored_message_is_sent_once_under_its_short_name():
    wire = Wire(STORED)

    assert await sent(wire) == STORED
    assert wire.asked == [("agent.anna.slept", REPORT.model_dump_json().encode())]


@pytest.mark.parametrize(
    "told", [NOT_NOW, QuotaExceeded("too much", retry_after_ms=20, quota="max_order_rate")]
)
@requirement("queue.retry")
async def test_it_waits_once_to_twice_the_retry_time_and_sends_the_same_message_again(told):
    wire = Wire(told, told, told, told, STORED)
    speaking = line(wire)

    await speaking.send(subjects.REPORT, REPORT, event="slept")

    assert len(wire.asked) == 5
    assert len(set(wire.asked)) == 1
    assert all(gap >= 20 for gap in wire.gaps_ms)
    assert 80 <= speaking.waited_ms <= 160


async def test_agents_with_the_same_retry_time_wait_for_different_times():
    waits = set()
    for _ in range(5):
        speaking = line(Wire(Unavailable("not now", retry_after_ms=30), STORED))
        await speaking.send(subjects.REPORT, REPORT, event="slept")
        waits.add(speaking.waited_ms)

    assert len(waits) > 1


@pytest.mark.parametrize(
    "error", [TimeoutError(), nats.errors.NoRespondersError(), nats.errors.TimeoutError()]
)
async def test_without_an_answer_the_same_message_is_sent_again(error):
    wire = Wire(error, STORED)

    assert await sent(wire) == STORED
    assert len(set(wire.asked)) == 1


@requirement("queue.retry")
async def test_patience_ends_before_a_wait_that_would_outlast_it():
    wire = Wire(Unavailable("not now", code="queue_is_full", retry_after_ms=60_000))
    tired = line(wire)

    with pytest.raises(Unavailable) as raised:
        await tired.send(subjects.REPORT, REPORT, event="slept")

    assert raised.value.error_code == "queue_is_full"
    assert (tired.waited_ms, len(wire.asked)) == (0, 1)


async def test_patience_ends_after_many_short_waits():
    wire = Wire(NOT_NOW)

    with pytest.raises(Unavailable):
        await sent(wire, patience_s=1)

    assert 2 <= len(wire.asked) <= 51


async def test_without_patience_nothing_is_repeated():
    wire = Wire(nats.errors.TimeoutError())

    with pytest.raises(Unavailable, match="may or may not be stored") as unknown:
        await sent(wire, patience_s=0)

    assert unknown.value.error_code == "outcome_is_unknown"
    assert len(wire.asked) == 1


@pytest.mark.parametrize(
    "error",
    [
        InvalidMessage("wrong"),
        NotAllowed("no"),
        NotFound("nothing"),
        QuotaExceeded("for good", quota="max_kv_keys"),
    ],
)
async def test_an_error_that_is_not_retryable_is_raised_at_once_with_its_code(error):
    wire = Wire(error)

    with pytest.raises(Refused) as refused:
        await sent(wire)

    assert refused.value.error_code == error.error_code
    assert isinstance(refused.value, QuotaExceeded) == isinstance(error, QuotaExceeded)
    assert len(wire.asked) == 1


async def test_on_a_closed_connection_nothing_is_retried():
    wire = Wire(nats.errors.ConnectionClosedError())
    wire.is_closed = True

    with pytest.raises(Unavailable):
        await sent(wire)

    assert len(wire.asked) == 1


async def test_a_message_that_is_too_large_is_not_sent():
    wire = Wire(STORED)

    with pytest.raises(InvalidMessage, match=f"at most {REPORT_BYTES_MAX}"):
        await line(wire).send(subjects.REPORT, AgentReport(data={"a": "x" * REPORT_BYTES_MAX}), event="slept")

    assert not wire.asked


async def test_an_answer_that_is_no_acknowledgement_is_an_error():
    with pytest.raises(InvalidMessage, match="no acknowledgement"):
        await sent(Wire(REPORT))


async def test_a_request_is_retried_too():
    balance = Balance(holder="anna", credits=Position(posted=5, pending=0), sequence=1)
    wire = Wire(NOT_NOW, NOT_NOW, balance)

    assert await line(wire).ask(subjects.GET_BALANCE, GetBalance(), Balance) == balance
    assert len(wire.asked) == 3
    assert len(set(wire.asked)) == 1


async def test_a_request_waits_for_a_service_that_is_away_for_a_moment():
    balance = Balance(holder="anna", credits=Position(posted=5, pending=0), sequence=1)
    wire = Wire(nats.errors.NoRespondersError(), nats.errors.NoRespondersError(), balance)

    assert await line(wire).ask(subjects.GET_BALANCE, GetBalance(), Balance) == balance


@requirement("request.timeout")
async def test_a_request_to_an_absent_service_fails_long_before_patience_ends(monkeypatch):
    monkeypatch.setattr("econsim.agents.channel.AWAY_S", 0.3)
    wire = Wire(nats.errors.NoRespondersError())

    with pytest.raises(NotFound, match="nobody answers"):
        async with asyncio.timeout(20):
            await line(wire, patience_s=3_600).ask(subjects.GET_BALANCE, GetBalance(), Balance)

    assert len(wire.asked) > 1


async def test_a_report_sent_again_for_want_of_an_answer_is_the_same_report():
    wire = Wire(nats.errors.TimeoutError(), STORED)
    session = AgentSession(wire, "run", "anna")

    await session.report("slept", {"a": 1})
    await session.report("slept", {"a": 1})

    first, again, other = (json.loads(payload)["event_id"] for _, payload in wire.asked)
    assert first == again
    assert first != other


@pytest.mark.parametrize("seconds", [float("inf"), float("nan"), "5"])
def test_a_deadline_is_a_finite_number_of_seconds(seconds):
    with pytest.raises(InvalidMessage, match="is no number of seconds"):
        to_milliseconds(seconds)


async def test_content_that_no_json_holds_is_refused_before_it_is_sent():
    wire = Wire(STORED)

    with pytest.raises(InvalidMessage, match="cannot be written as JSON"):
        await line(wire).send(subjects.REPORT, AgentReport(event_id="x", data={"a": "\ud800"}), event="seen")

    assert wire.asked == []
