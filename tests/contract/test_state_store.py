"""The same scenarios on the fake store and on JetStream, with expectations written by hand.

Cannot catch: loss at a power failure, a replica that lags behind its leader, a slow disk.
"""

import asyncio
import os
import signal
from pathlib import Path

import pytest
from eventually import eventually
from ledger_builders import endow, pay, submit
from requirements import requirement

from econsim.adapters.jetstream import provision
from econsim.adapters.jetstream.state_store import JetStreamStateStore
from econsim.adapters.nats.connection import connect
from econsim.adapters.server.embedded import EmbeddedServer
from econsim.domain.ledger.verify import verify_journal
from econsim.errors import Conflict, InvalidMessage, Unavailable
from econsim.ports import StoredEntry, Write
from econsim.schemas.ledger import Position, TransferPostedEvent
from econsim.services.ledger.writer import LedgerWriter
from econsim.testing import Failure, FakeKeyTable, FakeStateStore, FakeWallClock

REAL = pytest.param("jetstream", marks=pytest.mark.nats)


@pytest.fixture(params=["fake", REAL])
def store(request):
    return request.getfixturevalue(f"{request.param}_store")


@pytest.fixture
def fake_store():
    return FakeStateStore()


@pytest.fixture
async def jetstream_store(connect_as):
    return JetStreamStateStore(await connect_as("ledger"))


async def history(store, run):
    return [entry async for entry in store.history(run)]


async def value(store, key):
    entry = await store.get(key)
    return entry.value if entry else None


async def test_writes_all_keys_and_returns_the_revision_of_the_last(store, run):
    last = await store.commit(run, [Write(f"{run}.k.{i}", b"%d" % i) for i in range(5)], 0)

    assert [entry.value for entry in await history(store, run)] == [b"0", b"1", b"2", b"3", b"4"]
    assert await store.get(f"{run}.k.4") == StoredEntry(f"{run}.k.4", b"4", last)


@pytest.mark.parametrize("size", [1, 3])
async def test_a_commit_follows_the_newest_write_of_its_run_alone(store, run, size):
    newest = 0
    for i in range(3):
        newest = await store.commit(run, [Write(f"{run}.a{i}.{n}", b"%d" % i) for n in range(size)], newest)
        await store.commit(f"{run}-other{i}", [Write(f"{run}-other{i}.a.x", b"-")], 0)

    assert [entry.value for entry in await history(store, run)] == [
        b"%d" % i for i in (0, 1, 2) for _ in range(size)
    ]


@requirement("kv.cas")
@pytest.mark.parametrize("size", [1, 3])
async def test_a_conflict_changes_nothing(store, run, size):
    first = await store.commit(run, [Write(f"{run}.a.x", b"1")], 0)
    await store.commit(run, [Write(f"{run}.a.y", b"2")], first)

    for stale in (0, first, first + 99):
        with pytest.raises(Conflict):
            await store.commit(run, [Write(f"{run}.b.{n}", b"9") for n in range(size)], stale)

    assert [entry.value for entry in await history(store, run)] == [b"1", b"2"]


@requirement("kv.cas")
@pytest.mark.parametrize("size", [1, 20])
async def test_of_writers_at_once_one_is_first_each_time(store, run, size):
    newest = 0
    for turn in range(20):
        batches = [[Write(f"{run}.w{turn}-{w}.{n}", b"") for n in range(size)] for w in range(4)]

        outcomes = await asyncio.gather(
            *(store.commit(run, batch, newest) for batch in batches), return_exceptions=True
        )

        (newest,) = [each for each in outcomes if isinstance(each, int)]
        assert [type(each) for each in outcomes if not isinstance(each, int)] == [Conflict] * 3
    assert len(await history(store, run)) == 20 * size


@requirement("kv.history")
async def test_history_holds_one_run_only_and_every_write_of_it(store, run):
    newest = other = 0
    for i in range(3):
        newest = await store.commit(run, [Write(f"{run}.a.x", b"%d" % i)], newest)
        other = await store.commit(f"{run}-other", [Write(f"{run}-other.a.x", b"-")], other)

    assert [(entry.key, entry.value) for entry in await history(store, run)] == [
        (f"{run}.a.x", b"0"),
        (f"{run}.a.x", b"1"),
        (f"{run}.a.x", b"2"),
    ]


async def test_history_reads_more_than_it_buffers(store, run):
    newest = 0
    for start in range(0, 5000, 1000):
        writes = [Write(f"{run}.k.{i}", b"v") for i in range(start, start + 1000)]
        newest = await store.commit(run, writes, newest)

    keys = [entry.key async for entry in store.history(run)]

    assert keys == [f"{run}.k.{i}" for i in range(5000)]


async def test_a_write_is_found_by_its_revision_and_history_begins_at_one(store, run):
    first = await store.commit(run, [Write(f"{run}.a", b"1")], 0)
    second = await store.commit(run, [Write(f"{run}.b", b"2")], first)

    assert (await store.at(first)).key == f"{run}.a"
    assert await store.at(second + 1_000) is None
    assert [entry.revision async for entry in store.history(run, second)] == [second]
    assert [entry async for entry in store.history(run, second + 1)] == []


async def test_an_unknown_run_has_no_history(store, run):
    assert await history(store, run) == []


@pytest.mark.parametrize("count", [0, 1001])
async def test_a_commit_outside_the_limits_is_refused(store, run, count):
    with pytest.raises(InvalidMessage):
        await store.commit(run, [Write(f"{run}.k.{i}", b"") for i in range(count)], 0)


@requirement("kv.cas")
async def test_five_hundred_submissions_on_a_hot_account_lose_nothing(store, run):
    writer = LedgerWriter(run, "salt", store, FakeWallClock(), FakeKeyTable())
    await writer.load()
    await writer.submit(submit("open", endow("hot", 1000)))

    answers = await asyncio.gather(
        *(writer.submit(submit(f"s{i}", pay(f"p{i}", "hot", f"a{i % 7}", 2))) for i in range(500))
    )

    again = LedgerWriter(run, "salt", store, FakeWallClock(), FakeKeyTable())
    await again.load()
    assert [answer.refused for answer in answers] == [{}] * 500
    assert again.balance("hot").credits == Position(0, 0)
    assert sum(again.balance(f"a{i}").credits.posted for i in range(7)) == 1000


@requirement("log.read_models", "kv.state")
async def test_stored_journal_and_balances_agree(store, run):
    writer = LedgerWriter(run, "salt", store, FakeWallClock(), FakeKeyTable())
    await writer.submit(submit("open", endow("ann", 10), endow("bob", 10)))
    await asyncio.gather(*(writer.submit(submit(f"s{i}", pay(f"p{i}", "ann", "bob", 1))) for i in range(9)))

    entries = await history(store, run)

    events = [TransferPostedEvent.model_validate_json(e.value) for e in entries if ".transfer." in e.key]
    stated = {holder: {"credits": writer.balance(holder).credits} for holder in ("treasury", "ann", "bob")}
    report = verify_journal(events, stated)
    assert report.findings == ()
    assert report.balances["bob"]["credits"] == Position(19, 0)


@pytest.mark.parametrize("failure", list(Failure))
async def test_the_fake_can_lose_an_answer(fake_store, run, failure):
    fake_store.fail_next(failure)

    with pytest.raises(Unavailable):
        await fake_store.commit(run, [Write(f"{run}.a.x", b"1")], 0)

    assert len(await history(fake_store, run)) == (failure is Failure.AFTER)


class LosesAnswers(JetStreamStateStore):
    """Waits so briefly for the first answers that their outcome stays unknown."""

    lost = 0

    async def commit(self, prefix, writes, newest):
        last = await super().commit(prefix, writes, newest)
        if self.lost < 3:
            self.lost += 1
            raise Unavailable
        return last


@pytest.mark.nats
async def test_an_unknown_outcome_on_the_real_server_is_done_once(connect_as, run):
    writer = LedgerWriter(
        run, "salt", LosesAnswers(await connect_as("ledger")), FakeWallClock(), FakeKeyTable()
    )

    assert (await writer.submit(submit("open", endow("ann", 5)))).refused == {}
    assert (await writer.submit(submit("s", pay("p", "ann", "bob", 5)))).refused == {}

    assert writer.balance("bob").credits == Position(5, 0)


@pytest.fixture
async def mortal():
    """A server of the test's own and a function that connects a store to it."""
    clients = []
    async with EmbeddedServer(Path(), ephemeral=True) as server:

        async def connected(role):
            clients.append(await connect(server.url, server.creds(role), role))
            return clients[-1]

        await provision.apply(await connected("setup"))
        yield server, JetStreamStateStore(await connected("ledger"), timeout_s=1)
        for client in clients:
            await client.close()


async def commit_quadruples(store, run, outcomes):
    newest = 0
    for i in range(200):
        writes = [Write(f"{run}.{i}.{side}", b"v") for side in "abcd"]
        try:
            outcomes[f"{run}.{i}"] = newest = await store.commit(run, writes, newest)
        except Unavailable:
            outcomes[f"{run}.{i}"] = None
            return


@pytest.mark.nats
@pytest.mark.slow
async def test_killing_the_server_in_mid_batch_leaves_no_half_batch(mortal, run):
    server, store = mortal
    outcomes = {}
    runs = [f"{run}-{n}" for n in range(8)]
    senders = [asyncio.create_task(commit_quadruples(store, name, outcomes)) for name in runs]
    await eventually(lambda: len(outcomes) >= 40)
    os.kill(server.pid, signal.SIGKILL)
    await asyncio.gather(*senders)
    await asyncio.sleep(1)

    stems = [entry.key.rsplit(".", 1)[0] for name in runs for entry in await history(store, name)]
    assert None in outcomes.values()
    assert {stems.count(stem) for stem in stems} == {4}
    assert {stem for stem, revision in outcomes.items() if revision} <= set(stems)


@pytest.mark.nats
@pytest.mark.slow
@requirement("economic.atomic_money", "operations.chaos")
async def test_killing_the_server_twice_loses_and_doubles_no_payment(mortal, run):
    server, store = mortal
    writer = LedgerWriter(run, "salt", store, FakeWallClock(), FakeKeyTable())
    await writer.submit(submit("open", endow("ann", 1000)))

    async def pay_all():
        for i in range(150):
            assert (await writer.submit(submit(f"s{i}", pay(f"p{i}", "ann", "bob", 2)))).refused == {}

    sending = asyncio.create_task(pay_all())
    for sequence in (30, 90):
        await eventually(lambda: writer.sequence >= sequence)  # noqa: B023 - awaited before the next turn
        os.kill(server.pid, signal.SIGKILL)
    await sending

    again = LedgerWriter(run, "salt", store, FakeWallClock(), FakeKeyTable())
    await again.load()
    assert server.crashes == 2
    assert again.sequence == 151
    assert again.balance("bob").credits == writer.balance("bob").credits == Position(300, 0)
