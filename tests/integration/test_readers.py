"""Readers, from an account of their own: they read all of a run, over restarts, and can have it sent nowhere else."""

import asyncio
import json
import os
import signal
from contextlib import aclosing

import pytest
from requirements import requirement
from superuser import superuser

from econsim.adapters.jetstream import direct_get, provision, quota_table, run_reader
from econsim.adapters.jetstream.state_store import JetStreamStateStore
from econsim.adapters.nats.connection import Outgoing, connect, publish_many, synchronize
from econsim.adapters.server.embedded import EmbeddedServer
from econsim.errors import NotAllowed
from econsim.identity.roles import READERS as READERS_ACCOUNT
from econsim.identity.roles import ROLES, permissions
from econsim.ports import StoredEntry, Write
from econsim.schemas.quota import QuotaUpdate

pytestmark = pytest.mark.nats

READERS = ["observer", "auditor"]
LOG = "$JS.API.DIRECT.GET.audit_log"


def ticks(run, numbers):
    return [Outgoing(f"system.clock.ticked.{run}", str(n).encode(), f"{run}-{n}") for n in numbers]


@pytest.mark.parametrize("role", READERS)
async def test_a_run_is_read_in_pages_whole_and_in_order(connect_as, nc, run, role):
    count = direct_get.PAGE + 10
    await publish_many(nc.jetstream(), ticks(f"{run}-other", range(3)) + ticks(run, range(count)))

    found = [event async for event in run_reader.events(await connect_as(role), run)]

    assert [int(event.payload) for event in found] == list(range(count))
    assert await run_reader.newest(nc, f"system.clock.ticked.{run}") == found[-1]


async def test_the_newest_event_before_a_place_is_one_of_its_subject(connect_as, nc, run):
    await publish_many(
        nc.jetstream(), [*ticks(run, range(3)), Outgoing(f"system.run.closed.{run}", b"", f"{run}-end")]
    )
    reader, subject = await connect_as("observer"), f"system.clock.ticked.{run}"
    first, *_, end = [event.sequence async for event in run_reader.events(reader, run)]

    assert (await run_reader.newest_before(reader, subject, end)).payload == b"2"
    assert (await run_reader.newest_before(reader, subject, first + 1)).payload == b"0"
    assert await run_reader.newest_before(reader, subject, first) is None


async def test_an_observer_reads_the_books_and_the_quotas(connect_as, nc, run):
    observer, store = await connect_as("observer"), JetStreamStateStore(nc)
    await store.commit(run, [Write(f"{run}.alice.balance", b"5"), Write(f"{run}.bob.balance", b"6")], 0)
    await quota_table.KeyQuotaTable(nc).change(run, "alice", QuotaUpdate(max_publish_rate=7))

    read = [StoredEntry(e.subject, e.payload, e.sequence) async for e in run_reader.history(observer, run)]
    assert read == [e async for e in store.history(run)]
    shown = [(await quota_table.read_quotas(observer, run, who)).max_publish_rate for who in ("alice", None)]
    assert shown == [7, QuotaUpdate.model_fields["max_publish_rate"].default or 100]


async def test_following_survives_a_killed_server_without_gap_or_repeat(tmp_path):
    async with EmbeddedServer(tmp_path) as server:
        client = await connect(server.url, superuser(server), "test")
        reader = await connect(server.url, server.creds("auditor"), "test-reader")
        await provision.apply(client)
        received = []

        async def follow():
            async with aclosing(run_reader.follow(reader, "run1")) as log:
                async for event in log:
                    received.append(int(event.payload))
                    if len(received) == 200:
                        break

        following = asyncio.create_task(follow())
        await publish_many(client.jetstream(), ticks("run1", range(100)))
        os.kill(server.pid, signal.SIGKILL)
        await publish_many(client.jetstream(), ticks("run1", range(100, 200)))
        await asyncio.wait_for(following, 30)
        await reader.close()
        await client.close()

    assert received == list(range(200))


async def test_a_reader_that_has_the_newest_event_does_not_ask_for_each_one_after_it(
    connect_as, nc, run, monkeypatch
):
    asked, batch_get = [], direct_get.batch_get

    async def counted(*question):
        asked.append(question)
        return await batch_get(*question)

    async def publish():
        for number in range(60):
            await publish_many(nc.jetstream(), ticks(run, [number]))

    monkeypatch.setattr(direct_get, "batch_get", counted)
    publishing = asyncio.create_task(publish())
    async with aclosing(run_reader.follow(await connect_as("observer"), run, pause_s=0.3)) as log:
        read = [int((await anext(log)).payload) for _ in range(60)]
    await publishing

    assert read == list(range(60))
    assert len(asked) < 30


async def test_a_page_with_a_lost_message_is_requested_again(connect_as, nc, run, monkeypatch):
    await publish_many(nc.jetstream(), ticks(run, range(5)))
    reader, lost = await connect_as("observer"), []
    places = [event.sequence async for event in run_reader.events(reader, run)]
    hand_over = direct_get.hand_over

    def lossy(subscription, receive):
        def receive_most(data, begin, middle, end):
            if b"Nats-Sequence: %d\r" % places[2] in data[begin:middle] and not lost:
                lost.append(middle)
            else:
                receive(data, begin, middle, end)

        return hand_over(subscription, receive_most)

    monkeypatch.setattr(direct_get, "hand_over", lossy)
    async with aclosing(run_reader.follow(reader, run)) as log:
        read = [(await anext(log)).sequence for _ in places]

    assert lost
    assert read == places


@pytest.mark.parametrize("role", READERS)
@pytest.mark.parametrize("target", ["admin.quota.set.ada", "system.run.opened.made-up", "$KV.quotas.x.y"])
async def test_no_answer_is_sent_into_the_services_account(connect_as, nc, run, role, target):
    await publish_many(nc.jetstream(), ticks(run, range(1)))
    reader, arrived, kept = await connect_as(role), [], []

    async def receive(message):
        arrived.append(message)

    async def keep(message):
        kept.append(message)

    await nc.subscribe(target, cb=receive)
    await reader.subscribe(f"_INBOX.{role}.kept", cb=keep)
    question = json.dumps({"last_by_subj": f"system.clock.ticked.{run}"}).encode()
    await reader.publish(LOG, question, reply=target)
    await reader.publish(LOG, question, reply=f"_INBOX.{role}.kept")
    async with asyncio.timeout(30):
        while not kept:
            await synchronize(reader)
    await synchronize(nc)

    assert kept[0].data == b"0"
    assert not arrived


@pytest.mark.parametrize("role", [*READERS, "operator"])
@requirement("layers.observers_read_only")
async def test_no_consumer_can_be_made(server, run, role):
    """The guard of the client is taken off: the server refuses by itself."""
    refused = []

    async def note(error):
        refused.append(str(error))

    client = await connect(server.url, server.creds(role), "test", note)
    wide = f"$JS.API.CONSUMER.CREATE.audit_log.{run}"
    config = {"deliver_subject": "admin.quota.set.ada", "ack_policy": "none", "name": run}
    with pytest.raises(NotAllowed):
        await client.publish(wide, b"")
    client.publish = type(client).publish.__get__(client)
    await client.publish(wide, json.dumps({"stream_name": "audit_log", "config": config}).encode())
    await synchronize(client)
    await client.close()

    assert len(refused) == 1
    assert wide.lower() in refused[0].lower()


@pytest.mark.parametrize(
    "role", [name for name, access in ROLES.items() if access.account == READERS_ACCOUNT]
)
def test_the_questions_of_a_reader_are_of_streams_it_names_and_of_nothing_wider(role):
    questions = permissions(role)["pub"]["allow"]

    assert questions
    assert all(each.startswith("$JS.API.DIRECT.GET.") and "*" not in each for each in questions)
