"""Dead letters of the server's advisories in memory: each message makes one letter, whatever crashes in between."""

import asyncio
import json
from types import SimpleNamespace

import pytest
from fake_nats import FakeNats

from econsim.services.admin import dead_letter_collector as collector
from econsim.services.context import ServiceContext
from econsim.streams import ADVISORIES, DEAD_LETTER
from econsim.testing import FakeWallClock

TASK = "system.task.delegate.run.anna"


@pytest.fixture
def client():
    return FakeNats()


@pytest.fixture
def context(client):
    return ServiceContext("admin", SimpleNamespace(connection=client), FakeWallClock())


def add_task(client):
    """Store a message in queue `tasks`; return its sequence number."""
    return client.store(TASK, b'{"do":"it"}', {"trace": "t"}).seq


def announce(client, sequence, queue="tasks", *, terminated=False):
    """Store the server's advisory about a message."""
    kind = "terminated" if terminated else "max_deliver"
    content = {
        "type": f"io.nats.jetstream.advisory.v1.{kind}",
        "stream": queue,
        "stream_seq": sequence,
        "consumer": "gateway",
        "deliveries": 5,
    }
    name = "MSG_TERMINATED" if terminated else "MAX_DELIVERIES"
    subject = f"$JS.EVENT.ADVISORY.CONSUMER.{name}.tasks.gateway"
    return client.store(subject, json.dumps(content).encode(), {})


def letters(client):
    return client.streams[DEAD_LETTER.name].messages


async def test_a_message_delivered_too_often_becomes_a_letter_and_leaves_its_queue(context, client):
    sequence = add_task(client)
    announce(client, sequence)

    await collector.collect(context)

    (letter,) = letters(client)
    assert (letter.subject, letter.payload) == (f"dead_letter.{TASK}", b'{"do":"it"}')
    assert letter.headers["trace"] == "t"
    assert letter.headers["dead-letter-code"] == collector.EXHAUSTED
    assert letter.headers["dead-letter-reason"] == (
        "consumer gateway of tasks never acknowledged it, delivered 5 times"
    )
    assert not client.stored("tasks")
    assert not client.stored(ADVISORIES.name)


async def test_a_terminated_message_that_is_gone_leaves_a_letter_without_content(context, client):
    announce(client, 7, terminated=True)

    await collector.collect(context)

    (letter,) = letters(client)
    assert letter.subject == "dead_letter.unknown.tasks"
    assert letter.headers["dead-letter-code"] == collector.TERMINATED
    assert letter.headers["dead-letter-lacks"]


async def test_a_message_that_was_acknowledged_late_is_no_letter(context, client):
    announce(client, 7)

    await collector.collect(context)

    assert not letters(client)
    assert not client.stored(ADVISORIES.name)


@pytest.mark.parametrize("terminated", [False, True])
async def test_a_message_whose_letter_a_worker_stored_only_leaves_its_queue(context, client, terminated):
    sequence = add_task(client)
    origin = {"dead-letter-stream": "tasks", "dead-letter-sequence": str(sequence)}
    client.store(f"dead_letter.{TASK}", b"", origin)
    announce(client, sequence, terminated=terminated)

    await collector.collect(context)

    assert len(letters(client)) == 1
    assert not client.stored("tasks")


async def test_a_message_with_a_letter_that_is_gone_makes_no_second_letter(context, client):
    client.store(f"dead_letter.{TASK}", b"", {"dead-letter-stream": "tasks", "dead-letter-sequence": "7"})
    announce(client, 7, terminated=True)

    await collector.collect(context)

    assert len(letters(client)) == 1


async def test_advisories_that_are_repeated_after_a_crash_make_one_letter(context, client):
    sequence = add_task(client)
    (message,) = client.streams["tasks"].messages
    announce(client, sequence)
    await collector.collect(context)
    client.streams["tasks"].messages.append(message)
    announce(client, sequence)

    await collector.collect(context)

    assert len(letters(client)) == 1
    assert not client.stored("tasks")


@pytest.mark.parametrize("payload", [b"\xff", b"[]", b"{}", b'{"stream":"audit_log"}'])
async def test_an_advisory_that_is_not_understood_is_dropped_and_logged(context, client, payload, caplog):
    client.store("$JS.EVENT.ADVISORY.CONSUMER.MSG_TERMINATED.tasks.x", payload, {})

    await collector.collect(context)

    assert "is not understood" in caplog.text
    assert not client.stored(ADVISORIES.name)


async def test_an_advisory_about_a_stream_that_is_no_queue_is_ignored(context, client):
    announce(client, 1, queue="audit_log")

    await collector.collect(context)

    assert not letters(client)


async def test_the_task_collects_until_it_is_cancelled(context, client):
    serving = asyncio.create_task(collector.serve(context, poll_interval_s=0.0))
    announce(client, add_task(client))

    await client.until(lambda: letters(client))
    serving.cancel()

    with pytest.raises(asyncio.CancelledError):
        await serving
