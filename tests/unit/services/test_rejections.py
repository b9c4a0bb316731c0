"""Telling of tries at what is not allowed: once a second for each sender and refusal, with the count, in bounded memory.

The second is shortened; the wire is a list.
"""

import asyncio
import gc
import json
import time

import nats.errors
import pytest

from econsim.domain.audit.envelope import DIGEST, digest
from econsim.errors import InvalidMessage, InvalidSubject, NotAllowed, QuotaExceeded
from econsim.schemas.admission import AgentSuspended
from econsim.schemas.subject import Parsed
from econsim.services import rejections
from econsim.services.rejections import MESSAGE_LENGTH_MAX, SUBJECT_LENGTH_MAX, RejectionEvents

PAUSE_S = 0.05


class Wire:
    """Keeps what is published, or fails as it is told."""

    def __init__(self):
        self.sent, self.error = [], None

    async def publish(self, subject, payload, headers):
        if self.error:
            raise self.error
        assert headers[DIGEST] == digest(subject, payload)
        self.sent.append((subject, json.loads(payload)))

    @property
    def told(self):
        return [
            (event["data"]["sender"], event["data"]["code"], event["data"]["times"]) for _, event in self.sent
        ]


class Noon:
    def now(self):
        return "1970-01-01T12:00:00.000000000Z"


@pytest.fixture
def wire():
    return Wire()


@pytest.fixture
def noticed(wire, monkeypatch):
    monkeypatch.setattr(rejections, "PAUSE_S", PAUSE_S)
    return RejectionEvents(wire, "admission", "admission-1", Noon())


def tries(noticed, agent="anna", run="r", times=1, error=None):
    for _ in range(times):
        noticed.publish_attempt(
            Parsed("agent", agent, "slept", run, agent),
            f"agent.{agent}",
            error or NotAllowed("no", code="no"),
        )


async def quiet(noticed):
    """Wait until nothing is counted any more."""
    async with asyncio.timeout(30):
        while noticed._cases or noticed._tasks:  # noqa: ASYNC110 - it tells nobody when
            await asyncio.sleep(PAUSE_S / 5)


async def test_the_first_try_is_told_at_once(noticed, wire):
    tries(noticed)
    await asyncio.sleep(0)

    ((subject, event),) = wire.sent
    assert subject == "system.admission.rejected.r"
    assert (event["actor"], event["correlation_id"]) == ("admission", "r")
    assert event["data"] == {
        "side": "agent",
        "sender": "anna",
        "process": "admission-1",
        "subject": "agent.anna",
        "code": "no",
        "message": "no",
        "times": 1,
    }


async def test_a_burst_is_told_twice_and_nothing_of_it_is_lost(noticed, wire):
    tries(noticed, times=1_000)
    await quiet(noticed)

    assert wire.told == [("anna", "no", 1), ("anna", "no", 999)]


async def test_who_goes_on_is_told_of_once_a_second(noticed, wire):
    started = time.monotonic()
    for _ in range(30):
        tries(noticed, times=10)
        await asyncio.sleep(PAUSE_S / 10)
    await quiet(noticed)

    assert 2 <= len(wire.told) <= 1 + (time.monotonic() - started) / PAUSE_S
    assert sum(times for _, _, times in wire.told) == 300


async def test_senders_refusals_and_runs_are_told_apart(noticed, wire):
    for _ in range(2):
        tries(noticed)
        tries(noticed, agent="bert")
        tries(noticed, run="other")
        tries(noticed, error=InvalidSubject("wrong"))
    await asyncio.sleep(0)

    assert sorted((subject, *told) for (subject, _), told in zip(wire.sent, wire.told, strict=True)) == [
        ("system.admission.rejected.other", "anna", "no", 1),
        ("system.admission.rejected.r", "anna", "no", 1),
        ("system.admission.rejected.r", "anna", "subject_is_invalid", 1),
        ("system.admission.rejected.r", "bert", "no", 1),
    ]


async def test_to_be_wrong_or_too_much_is_not_told(noticed, wire):
    tries(noticed, error=InvalidMessage("wrong"))
    tries(noticed, error=QuotaExceeded("too much"))
    await quiet(noticed)

    assert not wire.sent


async def test_a_service_that_tries_is_told_of_in_no_run(noticed, wire):
    noticed.publish_service_attempt("market.cpu.sold", NotAllowed("no"))
    await asyncio.sleep(0)

    ((subject, event),) = wire.sent
    assert subject == "system.admission.rejected.none"
    assert (event["data"]["side"], event["data"]["sender"]) == ("service", "admission")


async def test_what_an_agent_makes_up_is_told_short_and_printable(noticed, wire):
    noticed.publish_attempt(
        Parsed("a", "b", "c", "\x1b.>", "\x1b[2J"), "x\n" * 1_000, NotAllowed("\x07" * 1_000)
    )
    await asyncio.sleep(0)

    ((subject, event),) = wire.sent
    data = event["data"]
    assert subject.endswith(".none")
    assert (len(data["subject"]), len(data["message"])) == (SUBJECT_LENGTH_MAX, MESSAGE_LENGTH_MAX)
    assert (data["subject"] + data["message"] + data["sender"]).isprintable()


async def test_no_more_kinds_are_counted_than_there_is_room_for_and_all_are_forgotten(
    noticed, wire, monkeypatch
):
    monkeypatch.setattr(rejections, "CASES_MAX", 20)
    for number in range(30):
        tries(noticed, agent=f"a{number}", times=2)

    assert len(noticed._cases) == 20
    await quiet(noticed)
    assert len(wire.sent) == 40


@pytest.mark.parametrize("error", [nats.errors.ConnectionClosedError(), NotAllowed("not here")])
async def test_what_cannot_be_told_holds_up_nobody(noticed, wire, error):
    wire.error, raised = error, []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: raised.append(context))

    tries(noticed, times=5)
    await quiet(noticed)
    gc.collect()

    assert not raised
    wire.error = None
    tries(noticed)
    await asyncio.sleep(0)
    assert wire.told == [("anna", "no", 1)]


async def test_a_flood_is_told_of_each_time_it_is_noticed(noticed, wire):
    for _ in range(2):
        noticed.publish_suspension("r", AgentSuspended(agent="anna", received=5_000, allowed=100))
    await asyncio.sleep(0)

    assert [subject for subject, _ in wire.sent] == ["system.agent.suspended.r"] * 2
    assert wire.sent[0][1]["event_id"] != wire.sent[1][1]["event_id"]
