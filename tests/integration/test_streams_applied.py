"""What the server has is what `streams` declares, and what the streams promise holds on a real server."""

import asyncio
import uuid

import pytest
from eventually import eventually
from requirements import requirement

from econsim.adapters.jetstream import audit_log, provision, sources
from econsim.adapters.jetstream.order_consumers import book_consumer
from econsim.adapters.nats.connection import synchronize
from econsim.adapters.poll import Poll
from econsim.errors import SetupError
from econsim.schemas.stream import Source, Stream
from econsim.streams import STREAMS

pytestmark = pytest.mark.nats


async def collect_deliveries(nc, consumer):
    """Return the list into which the consumer's deliveries go."""
    deliveries = []

    async def receive(message):
        if message.reply:
            deliveries.append(message)

    await nc.subscribe(consumer.deliver_subject, cb=receive)
    await synchronize(nc)
    return deliveries


async def publish_orders(nc, run, numbers):
    for number in numbers:
        await nc.jetstream().publish(f"market.cpu.place_orders.{run}.host", str(number).encode())


async def run_events(nc, run, at_least=0):
    """Return subject and payload of every event of a run, once there are so many."""
    async for _ in Poll(0.02, timeout_s=20):
        events = [(event.subject, event.payload) async for event in audit_log.read(nc, run)]
        if len(events) >= at_least:
            break
    return events


@pytest.mark.parametrize("stream", STREAMS, ids=lambda stream: stream.name)
@requirement("log.thirty_days")
async def test_the_server_reports_back_what_is_declared(nc, stream):
    info = await provision.request(nc, f"STREAM.INFO.{stream.name}")

    reported = {key: value for key, value in info["config"].items() if key != "metadata"}
    declared = provision.stream_config(stream, 1)

    assert {k: v for k, v in reported.items() if v} == {k: v for k, v in declared.items() if v}


async def test_applying_twice_changes_nothing(nc):
    changes = await provision.apply(nc)

    assert {change.action for change in changes} == {"keep"}


async def test_drift_is_shown_by_field_and_put_right(nc, run):
    stream = Stream(name=run, why="A stream.", subjects=(f"dead_letter_{run}",), max_age_s=600)
    await provision.apply(nc, streams=[stream])
    drifted = provision.stream_config(stream, 1) | {"max_age": 300 * 10**9, "allow_rollup_hdrs": True}
    await provision.request(nc, f"STREAM.UPDATE.{run}", drifted)

    [change] = await provision.apply(nc, streams=[stream])
    [again] = await provision.plan(nc, streams=[stream])

    assert str(change).splitlines() == [
        f"update {run}",
        "    allow_rollup_hdrs: true → null",
        "    max_age: 300000000000 → 600000000000",
    ]
    assert again.action == "keep"


async def test_what_cannot_change_in_place_is_refused_with_the_remedy(nc, run):
    await provision.apply(nc, streams=[Stream(name=run, why="A.", subjects=(f"dead_letter_{run}",))])
    memory = Stream(name=run, why="A.", subjects=(f"dead_letter_{run}",), storage="memory")

    with pytest.raises(SetupError, match=r'storage: "file" → "memory".*delete the stream'):
        await provision.apply(nc, streams=[memory])


def copying(run, to, **more):
    """Return an origin's stream, and one that copies its events to other subjects."""
    origin = Stream(name=f"{run}-from", why="An origin.", subjects=(f"from-{run}.*",))
    source = Source(origin.name, ((f"from-{run}.*", f"{to}-{run}.{{{{wildcard(1)}}}}"),))
    return origin, Stream(name=run, why="Copies.", sources=(source,), deny_delete=True, **more)


async def copies(nc, run):
    """Return subject → copies, when all that was written so far has been copied: a last event says so."""
    last = f"end-{uuid.uuid4().hex}"
    await nc.jetstream().publish(f"from-{run}.{last}", b"")

    async def look():
        found = await provision.subject_counts(nc, run, ">")
        return found if any(subject.endswith(last) for subject in found) else None

    found = await eventually(look)
    return {subject: found[subject] for subject in found if ".end-" not in subject}


async def events_of(nc, run, numbers):
    for number in numbers:
        await nc.jetstream().publish(f"from-{run}.{number}", b"")


async def test_forty_events_stay_forty_when_what_copies_them_is_changed(nc, run):
    await provision.apply(nc, streams=copying(run, "before"))
    await events_of(nc, run, range(40))
    before = await copies(nc, run)

    [_, planned] = await provision.plan(nc, streams=copying(run, "after"))
    await provision.apply(nc, streams=copying(run, "after"))
    await events_of(nc, run, range(40, 45))

    assert str(planned).endswith("; what was copied is not copied again")
    assert before == {f"before-{run}.{n}": 1 for n in range(40)}
    assert await copies(nc, run) == before | {f"after-{run}.{n}": 1 for n in range(40, 45)}


async def test_what_is_written_while_copying_is_changed_is_copied_once(nc, run):
    await provision.apply(nc, streams=copying(run, "before"))
    writing = asyncio.create_task(events_of(nc, run, range(400)))
    await copies(nc, run)

    await provision.apply(nc, streams=copying(run, "after"))
    await writing
    found = await copies(nc, run)

    assert {*found.values()} == {1}
    assert {subject.rpartition(".")[2] for subject in found} == {*map(str, range(400))}
    assert len(found) == 400


@pytest.mark.parametrize("stops_before", [1, 2, 7, 12])
async def test_a_change_of_copying_that_was_interrupted_is_finished_by_the_next(nc, run, stops_before):
    await provision.apply(nc, streams=copying(run, "before"))
    await events_of(nc, run, range(10))
    before, left = await copies(nc, run), iter(range(1, stops_before))

    async def ask(operation, body):
        next(left)
        return await provision.request(nc, operation, body)

    info = await provision.request(nc, f"STREAM.INFO.{run}")
    with pytest.raises(RuntimeError):
        await sources.exchange(ask, info, provision.stream_config(copying(run, "after")[1], 1))
    await provision.apply(nc, streams=copying(run, "after"))
    await events_of(nc, run, range(10, 12))

    assert await copies(nc, run) == before | {f"after-{run}.{n}": 1 for n in (10, 11)}
    assert [each.action for each in await provision.plan(nc, streams=copying(run, "after"))] == ["keep"] * 2


async def test_a_change_of_something_else_leaves_where_copying_began(nc, run):
    await provision.apply(nc, streams=copying(run, "before"))
    await events_of(nc, run, range(5))
    await copies(nc, run)
    await provision.apply(nc, streams=copying(run, "after"))

    await provision.apply(nc, streams=copying(run, "after", max_age_s=600))
    [source] = (await provision.request(nc, f"STREAM.INFO.{run}"))["config"]["sources"]

    assert source["opt_start_seq"] == 7


async def test_a_source_of_unknown_progress_is_not_changed(nc, run):
    """Servers before 2.15 do not say; then the newest copy tells, if it is still kept."""

    async def ask(_, __):
        message = "none"
        raise SetupError(message, err_code=10037)

    _, before = copying(run, "before")
    _, after = copying(run, "after")
    info = {
        "config": provision.stream_config(before, 1),
        "state": {"first_seq": 41},
        "sources": [{"name": run}],
    }

    obstacle = await sources.exchange_obstacle(ask, info, provision.stream_config(after, 1))

    assert obstacle.startswith(f"nobody knows how much of {run}-from it copied")


@requirement("kv.watch")
async def test_journal_entries_become_events_and_balances_do_not(nc, run):
    state = await nc.jetstream().key_value("agent_state")

    await state.put(f"{run}.alice.balance", b"1")
    await state.put(f"{run}.transfer.s1", b"2")
    await state.put(f"{run}.refusal.s2", b"3")

    assert await run_events(nc, run, 2) == [
        (f"market.ledger.transfer_posted.{run}", b"2"),
        (f"market.ledger.transfer_refused.{run}", b"3"),
    ]


async def test_a_command_is_queued_and_not_an_event(nc, run):
    stream = nc.jetstream()

    ack = await stream.publish(f"market.cpu.place_bid.{run}.alice", b"x")

    assert ack.stream == "market_orders"
    assert await run_events(nc, run) == []


@requirement("log.immutable")
async def test_nobody_can_empty_the_log(nc):
    with pytest.raises(SetupError, match="purge not permitted"):
        await provision.request(nc, "STREAM.PURGE.audit_log")


async def test_a_new_leader_of_a_book_gets_every_open_command_in_order_and_the_former_one_none(nc, run):
    first, second = [
        await collect_deliveries(nc, book_consumer(run, "cpu", holder)) for holder in ("w1", "w2")
    ]
    await publish_orders(nc, run, range(5))
    await provision.recreate_consumer(nc, book_consumer(run, "cpu", "w1"))
    await eventually(lambda: len(first) == 5)
    await first[0].ack_sync()

    await provision.recreate_consumer(nc, book_consumer(run, "cpu", "w2"))
    await publish_orders(nc, run, range(5, 7))
    await eventually(lambda: len(second) == 6)

    assert [message.data for message in second] == [b"1", b"2", b"3", b"4", b"5", b"6"]
    assert len(first) == 5
