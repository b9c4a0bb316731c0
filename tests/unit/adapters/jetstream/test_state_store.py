"""Atomic commits on a scripted server: their wire form, and what each answer means."""

from __future__ import annotations

import nats.errors
import pytest
from scripted_client import ScriptedClient, acknowledgement, refusal, stored

from econsim import subjects
from econsim.adapters.jetstream.state_store import JetStreamStateStore, digest_subject
from econsim.errors import Conflict, InvalidMessage, SetupError, Unavailable
from econsim.ports import WRITES_MAX, Write

ONE = [Write("run.anna.balance", b"1")]
TWO = [*ONE, Write("run.bert.balance", b"2")]


class PublishingClient(ScriptedClient):
    """A scripted client that keeps what is published too."""

    def __init__(self, *answers: object) -> None:
        super().__init__(*answers)
        self.published: list[tuple[str, bytes, dict[str, str]]] = []

    async def publish(self, subject, payload, headers):
        self.published.append((subject, payload, headers))


async def test_a_single_write_is_one_message_behind_the_newest_of_its_run() -> None:
    client = PublishingClient(acknowledgement("KV_agent_state", 5))

    assert await JetStreamStateStore(client).commit("run", ONE, 4) == 5

    subject, payload, headers = client.requests[0]
    assert (subject, payload) == ("$KV.agent_state.run.anna.balance", b"1")
    assert headers["Nats-Expected-Last-Subject-Sequence"] == "4"
    assert headers["Nats-Expected-Last-Subject-Sequence-Subject"] == "$KV.agent_state.run.>"
    assert "Nats-Batch-Id" not in headers


async def test_several_writes_are_one_batch_whose_last_message_commits() -> None:
    client = PublishingClient(acknowledgement("KV_agent_state", 6))

    await JetStreamStateStore(client).commit("run", TWO, 4)

    first, last = client.published[0][2], client.requests[0][2]
    assert first["Nats-Batch-Id"] == last["Nats-Batch-Id"]
    assert (first["Nats-Batch-Sequence"], last["Nats-Batch-Sequence"]) == ("1", "2")
    assert "Nats-Batch-Commit" not in first
    assert last["Nats-Batch-Commit"] == "1"
    expected = "Nats-Expected-Last-Subject-Sequence"
    assert (first[expected], expected in last) == ("4", False)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (refusal(10071), Conflict),
        (refusal(10164), Conflict),
        (refusal(10174), SetupError),
        (refusal(10054), SetupError),
        (refusal(10077), Unavailable),
        (TimeoutError(), Unavailable),
        (nats.errors.NoRespondersError(), Unavailable),
        (nats.errors.MaxPayloadError(), InvalidMessage),
    ],
)
async def test_each_answer_has_its_error(answer: object, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        await JetStreamStateStore(PublishingClient(answer)).commit("run", ONE, 0)


@pytest.mark.parametrize("count", [0, WRITES_MAX + 1])
async def test_a_commit_of_no_write_or_too_many_sends_nothing(count: int) -> None:
    client = PublishingClient()

    with pytest.raises(InvalidMessage):
        await JetStreamStateStore(client).commit("run", ONE * count, 0)

    assert not client.published
    assert not client.requests


async def test_a_key_is_read_with_its_revision() -> None:
    client = ScriptedClient(stored(9, "$KV.agent_state.run.anna.balance", b"1"))

    entry = await JetStreamStateStore(client).get("run.anna.balance")

    assert entry is not None
    assert (entry.value, entry.revision) == (b"1", 9)


async def test_a_key_that_was_never_written_is_none() -> None:
    assert await JetStreamStateStore(ScriptedClient(refusal(10037, code=404))).get("run.x") is None


async def test_reading_without_an_answer_is_unknown() -> None:
    with pytest.raises(Unavailable):
        await JetStreamStateStore(ScriptedClient(TimeoutError())).get("run.x")


@pytest.mark.parametrize(
    ("key", "subject"),
    [
        ("run.transfer.t-1", subjects.TRANSFER_POSTED(run="run")),
        ("run.refusal.t-1", subjects.TRANSFER_REFUSED(run="run")),
        ("run.anna.balance", "run.anna.balance"),
    ],
)
def test_a_journal_entry_has_the_digest_of_its_copy_in_the_log(key: str, subject: str) -> None:
    assert digest_subject(key) == subject
