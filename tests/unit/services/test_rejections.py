"""Events about attempts: one a second for each sender and refusal, with the count, in bounded memory.

The second is shortened; the client keeps a list.
"""

import asyncio
import gc
import json
import time

import nats.errors
import pytest

from econsim.adapters.poll import Poll
from econsim.domain.audit.envelope import DIGEST, digest
from econsim.errors import InvalidMessage, InvalidSubject, NotAllowed, QuotaExceeded
from econsim.schemas.admission import AgentSuspended
from econsim.schemas.subject import Parsed
from econsim.services.rejections import MESSAGE_LENGTH_MAX, SUBJECT_LENGTH_MAX, RejectionEvents
from econsim.testing import FakeWallClock

PAUSE_S = 0.05


class RecordingClient:
    """Keeps what is published, or raises its error."""

    def __init__(self):
        self.sent, self.error = [], None

    async def publish(self, subject, payload, headers):
        if self.error:
            raise self.error
        assert headers[DIGEST] == digest(subject, payload)
        self.sent.append((subject, json.loads(payload)))

    @property
    def counts(self):
        return [
            (event["data"]["sender"], event["data"]["code"], event["data"]["times"]) for _, event in self.sent
        ]


@pytest.fixture
def client():
    return RecordingClient()


@pytest.fixture
def rejections(client):
    return rejection_events(client)


def rejection_events(client, **limits):
    clock = FakeWallClock("1970-01-01T12:00:00.000000000Z")
    return RejectionEvents(client, "admission", "admission-1", clock, pause_s=PAUSE_S, **limits)


def attempt(rejections, agent="anna", run="r", times=1, error=None):
    for _ in range(times):
        rejections.publish_attempt(
            Parsed("agent", agent, "slept", run, agent),
            f"agent.{agent}",
            error or NotAllowed("no", code="no"),
        )


async def until_counted(rejections):
    """Wait until nothing is counted any more."""
    async for _ in Poll(PAUSE_S / 5, timeout_s=30):
        if not rejections.cases:
            return
    pytest.fail(f"{rejections.cases} cases are still counted")


async def test_the_first_attempt_is_published_at_once(rejections, client):
    attempt(rejections)
    await asyncio.sleep(0)

    ((subject, event),) = client.sent
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


async def test_a_burst_is_published_twice_and_counted_whole(rejections, client):
    attempt(rejections, times=1_000)
    await until_counted(rejections)

    assert client.counts == [("anna", "no", 1), ("anna", "no", 999)]


async def test_a_sender_that_goes_on_has_one_event_a_second(rejections, client):
    started = time.monotonic()
    for _ in range(30):
        attempt(rejections, times=10)
        await asyncio.sleep(PAUSE_S / 10)
    await until_counted(rejections)

    assert 2 <= len(client.counts) <= 1 + (time.monotonic() - started) / PAUSE_S
    assert sum(times for _, _, times in client.counts) == 300


async def test_senders_refusals_and_runs_are_counted_apart(rejections, client):
    for _ in range(2):
        attempt(rejections)
        attempt(rejections, agent="bert")
        attempt(rejections, run="other")
        attempt(rejections, error=InvalidSubject("wrong"))
    await asyncio.sleep(0)

    assert sorted(
        (subject, *count) for (subject, _), count in zip(client.sent, client.counts, strict=True)
    ) == [
        ("system.admission.rejected.other", "anna", "no", 1),
        ("system.admission.rejected.r", "anna", "no", 1),
        ("system.admission.rejected.r", "anna", "subject_is_invalid", 1),
        ("system.admission.rejected.r", "bert", "no", 1),
    ]


async def test_an_invalid_or_excessive_message_is_no_attempt(rejections, client):
    attempt(rejections, error=InvalidMessage("wrong"))
    attempt(rejections, error=QuotaExceeded("too much"))
    await until_counted(rejections)

    assert not client.sent


async def test_an_attempt_of_a_service_is_published_in_no_run(rejections, client):
    rejections.publish_service_attempt("market.cpu.sold", NotAllowed("no"))
    await asyncio.sleep(0)

    ((subject, event),) = client.sent
    assert subject == "system.admission.rejected.none"
    assert (event["data"]["side"], event["data"]["sender"]) == ("service", "admission")


async def test_texts_of_an_agent_are_published_short_and_printable(rejections, client):
    rejections.publish_attempt(
        Parsed("a", "b", "c", "\x1b.>", "\x1b[2J"), "x\n" * 1_000, NotAllowed("\x07" * 1_000)
    )
    await asyncio.sleep(0)

    ((subject, event),) = client.sent
    data = event["data"]
    assert subject.endswith(".none")
    assert (len(data["subject"]), len(data["message"])) == (SUBJECT_LENGTH_MAX, MESSAGE_LENGTH_MAX)
    assert (data["subject"] + data["message"] + data["sender"]).isprintable()


async def test_cases_are_bounded_and_all_are_forgotten(client):
    rejections = rejection_events(client, cases_max=20)
    for number in range(30):
        attempt(rejections, agent=f"a{number}", times=2)

    assert rejections.cases == 20
    await until_counted(rejections)
    assert len(client.sent) == 40


@pytest.mark.parametrize("error", [nats.errors.ConnectionClosedError(), NotAllowed("not here")])
async def test_a_publish_that_fails_delays_nothing(rejections, client, error):
    client.error, raised = error, []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: raised.append(context))

    attempt(rejections, times=5)
    await until_counted(rejections)
    gc.collect()

    assert not raised
    client.error = None
    attempt(rejections)
    await asyncio.sleep(0)
    assert client.counts == [("anna", "no", 1)]


async def test_each_suspension_is_published(rejections, client):
    for _ in range(2):
        rejections.publish_suspension("r", AgentSuspended(agent="anna", received=5_000, allowed=100))
    await asyncio.sleep(0)

    assert [subject for subject, _ in client.sent] == ["system.agent.suspended.r"] * 2
    assert client.sent[0][1]["event_id"] != client.sent[1][1]["event_id"]


async def test_the_log_has_sentences(rejections, caplog):
    attempt(rejections, times=3, error=NotAllowed("orders of others are theirs", code="no"))
    rejections.publish_suspension("r", AgentSuspended(agent="anna", received=5000, allowed=100))
    await until_counted(rejections)

    assert caplog.messages == [
        "agent anna of run r was refused on agent.anna: orders of others are theirs (no)",
        "agent anna of run r is suspended: it sent 5,000 messages in a second, and 100 are allowed",
        "agent anna of run r was refused on agent.anna, 2 times: orders of others are theirs (no)",
    ]


async def test_the_log_says_what_is_not_published(client, caplog):
    attempt(rejection_events(client, cases_max=0))

    assert caplog.messages == [
        "agent anna of run r was refused on agent.anna: no (no); not published, because too many are"
    ]
