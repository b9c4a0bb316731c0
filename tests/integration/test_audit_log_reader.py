"""The log can be read whole, followed over a killed server, and asked for its newest event."""

import asyncio
import os
import signal
from contextlib import aclosing

import pytest
from superuser import superuser

from econsim.adapters.jetstream import audit_log, provision, run_reader
from econsim.adapters.jetstream.run_reader import newest_events
from econsim.adapters.nats.connection import Outgoing, connect, publish_many, synchronize
from econsim.adapters.server.binary import find
from econsim.adapters.server.embedded import EmbeddedServer
from econsim.evaluation.bench.live import create_stream
from econsim.streams.benchmarks import STREAM_PREFIX
from econsim.subjects import AUDIT

pytestmark = pytest.mark.nats


def events(run, numbers, action="ticked"):
    return [
        Outgoing(f"system.clock.{action}.{run}", str(number).encode(), f"{run}-{action}-{number}")
        for number in numbers
    ]


def collect_subjects(found):
    """Return a callback that keeps the subjects of its messages."""

    async def receive(message):
        found.append(message.subject)

    return receive


async def test_reads_a_run_and_nothing_else_in_order(nc, run):
    await publish_many(nc.jetstream(), events(f"{run}-other", range(3)) + events(run, range(300)))

    read = [int(event.payload) async for event in audit_log.read(nc, run)]

    assert read == list(range(300))


async def test_a_run_without_events_reads_as_nothing(nc, run):
    assert [event async for event in audit_log.read(nc, run)] == []


async def test_reads_from_a_sequence_and_only_the_subjects_asked_for(nc, run):
    await publish_many(nc.jetstream(), events(run, range(3)) + events(run, range(3), "period_opened"))
    everything = [event async for event in audit_log.read(nc, run)]
    patterns = [f"system.clock.period_opened.{run}", f"system.clock.period_closed.{run}"]

    read = [event async for event in audit_log.read(nc, run, patterns, start=everything[4].sequence)]

    assert read == everything[4:]


async def test_the_newest_event_of_a_subject_is_one_request(nc, run):
    await publish_many(nc.jetstream(), events(run, range(3)))

    newest = await audit_log.last_event(nc, f"system.clock.ticked.{run}")

    assert newest is not None
    assert newest.payload == b"2"
    assert await audit_log.last_event(nc, f"system.clock.period_opened.{run}") is None


@pytest.mark.parametrize(("count", "found_max"), [(1, 8), (10, 80)])
async def test_the_newest_events_are_read_from_the_end_alone(nc, run, count, found_max):
    sent = [event for n in range(300) for event in events(run, [n]) + events(run, [n], "period_opened")]
    await publish_many(nc.jetstream(), sent)

    found, is_all = await newest_events(nc, [f"system.clock.ticked.{run}"], count)

    assert count <= len(found) <= found_max
    assert ([int(event.payload) for event in found], is_all) == ([*range(300)][-len(found) :], False)


async def test_a_rare_pattern_is_read_no_further_back_than_a_frequent_one(nc, run):
    rare, frequent = events(run, range(3), "period_opened"), events(run, range(100))
    await publish_many(nc.jetstream(), [*rare, *frequent])
    patterns = [f"system.clock.{action}.{run}" for action in ("period_opened", "ticked")]

    found, is_all = await newest_events(nc, patterns, 3)

    assert {event.subject for event in found} == {f"system.clock.ticked.{run}"}
    assert ([event.payload for event in found][-3:], is_all) == ([b"97", b"98", b"99"], False)


async def test_the_newest_events_of_a_run_with_fewer_are_all_of_it(nc, run):
    await publish_many(nc.jetstream(), events(run, range(3)) + events(run, range(3), "period_opened"))
    patterns = [f"system.clock.{action}.{run}" for action in ("period_opened", "ticked", "period_closed")]

    found, is_all = await newest_events(nc, patterns, 10)

    assert ([int(event.payload) for event in found], is_all) == ([0, 1, 2, 0, 1, 2], True)


async def test_a_role_may_answer_flow_control_in_the_newer_form(tmp_path, run):
    """The server's flag for it is off by default in 2.15: without the right to answer nothing more is sent."""
    program = tmp_path / "nats-server"
    program.write_text(
        f"#!/bin/sh\n[ $1 = --config ] && echo 'feature_flags {{ js_ack_fc_v2: true }}' >>$2\nexec {find()} $*\n"
    )
    program.chmod(0o700)

    async with EmbeddedServer(tmp_path, binary=program) as server:
        client = await connect(server.url, superuser(server), "test-writer")
        await provision.apply(client)
        await publish_many(client.jetstream(), events(run, range(6_000)))
        reader, asked = await connect(server.url, server.creds("clock"), "test-reader"), []
        await client.subscribe("$JS.FC.*.*.audit_log.>", cb=collect_subjects(asked))
        await synchronize(client)
        read = [int(event.payload) async for event in audit_log.read(reader, run)]
        await synchronize(client)
        await reader.close()
        await client.close()

    assert read == list(range(6_000))
    assert asked


async def test_a_reader_that_pauses_loses_nothing(nc, run):
    await publish_many(nc.jetstream(), events(run, range(6_000)))

    read = 0
    async for _ in audit_log.read(nc, run):
        read += 1
        if read % 1_000 == 0:
            await asyncio.sleep(0.05)

    assert read == 6_000


async def test_following_survives_a_killed_server_without_gap_or_repeat(tmp_path):
    """Of the log, and of a benchmark run's own stream, which the server need not have flushed."""
    async with EmbeddedServer(tmp_path) as server:
        client = await connect(server.url, superuser(server), "test")
        await provision.apply(client)
        await create_stream(client, "run1")
        stream = client.jetstream()

        async def follow(name):
            received = []
            async with aclosing(run_reader.follow(client, "run1", stream=name)) as log:
                async for event in log:
                    received.append(int(event.payload))
                    if len(received) == 200:
                        break
            return received

        following = asyncio.gather(follow(AUDIT), follow(f"{STREAM_PREFIX}run1"))
        await publish_many(stream, events("run1", range(100)))
        os.kill(server.pid, signal.SIGKILL)
        await publish_many(stream, events("run1", range(100, 200)))
        received = await asyncio.wait_for(following, 60)
        await client.close()

    assert received == [list(range(200))] * 2
