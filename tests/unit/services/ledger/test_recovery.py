"""A ledger made again: from a snapshot and the entries after it, it is the one that all entries make; else from all of them."""

import asyncio
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ledger_builders import chain, endow, pay, pending, post, submit, void
from snapshot_times import write_snapshots_always, write_snapshots_no_more

from econsim.errors import CorruptJournal
from econsim.ports import StoredEntry
from econsim.services.ledger.recovery import SNAPSHOT, ledger_snapshots, recovered_state
from econsim.services.ledger.writer import LedgerWriter
from econsim.testing import FakeKeyTable, FakeStateStore, FakeWallClock


class CountingStore(FakeStateStore):
    """A store that counts the writes that are read of its history."""

    read = 0

    async def history(self, prefix, start=1):
        async for entry in super().history(prefix, start):
            self.read += 1
            yield entry


class Ledgers:
    """A run's store and snapshots, and the ledger that writes them."""

    def __init__(self):
        self.store, self.table = CountingStore(), FakeKeyTable()
        self.writer = LedgerWriter("run", "salt", self.store, FakeWallClock(), self.table, retry_wait_s=0)

    async def submit(self, *submissions):
        for number, chains in enumerate(submissions):
            await self.writer.submit(submit(f"{len(self.store.entries)}-{number}", *chains))
            await self.writer.snapshots.wait()

    async def recovered(self, table=None):
        """Return what the next leader knows, with snapshots or with another table's."""
        snapshots = ledger_snapshots(table or self.table, "run")
        async with snapshots.in_use():
            return await recovered_state("run", "salt", self.store, snapshots)


@pytest.fixture
def snapshots_at_once(monkeypatch):
    """Have every commit write a snapshot, until told otherwise."""
    write_snapshots_always(monkeypatch)

    def stop():
        write_snapshots_no_more(monkeypatch)

    return stop


def facts(state):
    """Return all that two equal states have in common."""
    return state.snapshot(), state.newest, state.entry_revision, list(state.positions.unwritten), state.ledger


def step(number):
    """Return one of 288 chains between few holders: reservations, what ends them, payments, repeats and refusals."""
    number, kind = divmod(number, 4)
    number, debit = divmod(number, 2)
    name, amount = divmod(number, 9)
    parties = ("ann", "bob") if debit else ("bob", "ann")
    match kind:
        case 0:
            return pay(f"p{name}", *parties, amount)
        case 1:
            return chain(f"r{name}", pending(f"r{name}", *parties, amount))
        case 2:
            return chain(f"s{name}", post(f"s{name}", *parties, 1, of=f"r{name}"))
    return chain(f"v{name}", void(f"v{name}", *parties, of=f"r{name}"))


SUBMISSIONS = st.lists(st.lists(st.integers(0, 287).map(step), min_size=1, max_size=4), max_size=8)


@settings(max_examples=60)
@given(before=SUBMISSIONS, after=SUBMISSIONS)
def test_a_ledger_from_a_snapshot_and_its_tail_is_the_one_from_the_whole_history(monkeypatch, before, after):
    async def scenario():
        write_snapshots_always(monkeypatch)
        ledgers = Ledgers()
        await ledgers.submit([endow("ann", 20), endow("bob", 20)], *before)
        write_snapshots_no_more(monkeypatch)
        await ledgers.submit(*after)
        return await ledgers.recovered(), await ledgers.recovered(FakeKeyTable())

    restored, whole = asyncio.run(scenario())

    assert facts(restored) == facts(whole)
    assert restored.positions.writes(100) == whole.positions.writes(100) == []


async def test_only_what_comes_after_the_snapshot_is_read(snapshots_at_once):
    ledgers = Ledgers()
    await ledgers.submit([endow("ann", 9)], [pay("p", "ann", "bob", 1)])
    snapshots_at_once()
    own_positions = 2  # of the snapshot's own commit: they stand behind its entry
    before = len(ledgers.store.entries)
    await ledgers.submit([pay("q", "ann", "bob", 1)])

    ledgers.store.read = 0
    await ledgers.recovered()

    assert ledgers.store.read == len(ledgers.store.entries) - before + own_positions


async def test_a_snapshot_of_another_journal_is_dropped(snapshots_at_once, caplog):
    ledgers, others = Ledgers(), Ledgers()
    await ledgers.submit([endow("ann", 9)])
    await others.submit([endow("ann", 8)])

    recovered = await others.recovered(ledgers.table)

    assert recovered.balance("ann").credits.posted == 8
    assert "the log has another record at place 1" in caplog.text


async def test_a_snapshot_that_its_tail_does_not_follow_from_is_dropped_for_the_next_leader(
    snapshots_at_once, caplog
):
    ledgers = Ledgers()
    await ledgers.submit([endow("ann", 9)], [pay("p", "ann", "bob", 1)])
    snapshots_at_once()
    entry = await ledgers.table.get("run")
    snapshot = SNAPSHOT.decode(entry.value)
    forged = replace(snapshot, state=replace(snapshot.state, sequence=7))
    await ledgers.table.put("run", SNAPSHOT.encode(forged))
    await ledgers.submit([pay("q", "ann", "bob", 1)])

    with pytest.raises(CorruptJournal):
        await ledgers.recovered()

    assert (await ledgers.recovered()).balance("bob").credits.posted == 2
    assert "is dropped" in caplog.text


async def test_a_snapshot_at_a_place_that_holds_no_entry_is_dropped(snapshots_at_once, caplog):
    ledgers = Ledgers()
    await ledgers.submit([endow("ann", 9)])
    ledgers.store.entries[0] = StoredEntry("run.transfer.x", b"unreadable", 1)

    with pytest.raises(CorruptJournal):
        await ledgers.recovered()

    assert "the log has another record at place 1" in caplog.text
