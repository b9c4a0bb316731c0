"""A ledger read back from its store: journal and balances as the newest writes have them."""

import pytest
from ledger_builders import endow, pay, submit

from econsim.domain.ledger.verify import verify_journal
from econsim.errors import CorruptJournal
from econsim.ports import StoredEntry
from econsim.schemas.ledger import CREDITS, DEBT, Position
from econsim.services.ledger.stored import StoredLedger
from econsim.services.ledger.writer import LedgerWriter
from econsim.testing import FakeKeyTable, FakeStateStore, FakeWallClock


@pytest.fixture
async def store():
    """A store after two submissions, one of them with a refused chain."""
    store = FakeStateStore()
    writer = LedgerWriter("run", "salt", store, FakeWallClock(), FakeKeyTable(), retry_wait_s=0)
    await writer.submit(submit("open", endow("ann", 9), endow("ann", 4, "cpu")))
    await writer.submit(submit("s", pay("p", "ann", "bob", 2), pay("q", "ann", "bob", 50)))
    return store


def read(store):
    stored = StoredLedger()
    for entry in store.entries:
        stored.fold(entry)
    return stored


async def test_balances_are_those_of_the_newest_writes(store):
    balances = read(store).balances

    assert balances["ann"] == {CREDITS: Position(7, 0), DEBT: Position(0, 0), "cpu": Position(4, 0)}
    assert balances["bob"][CREDITS] == Position(2, 0)


async def test_entries_are_posted_and_refused_ones_in_order(store):
    entries = read(store).entries

    assert [entry.data.sequence for entry in entries] == [1, 2, 3]
    assert [entry.type for entry in entries] == ["market.transfer_posted"] * 2 + ["market.transfer_refused"]


async def test_journal_and_balances_verify(store):
    stored = read(store)

    assert verify_journal(stored.entries, stored.balances).findings == ()


async def test_who_has_entries_after_the_newest_positions_is_behind(store):
    stored = read(store)
    assert stored.behind == set()

    last = next(entry for entry in store.entries if entry.key == "run.transfer.s")
    stored.fold(last)

    assert stored.behind == {"ann", "bob"}


async def test_a_fold_returns_journal_entries_alone(store):
    found = [StoredLedger().fold(entry) is not None for entry in store.entries]

    assert found.count(True) == 3


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("run.transfer.c", b"{}"),
        ("run.ann.balance", b"{"),
        ("run.ann.balance", b"{}"),
        ("run.ann.holdings", b"[]"),
        ("run.ann.holdings", b'{"cpu":3}'),
        ("run", b"{}"),
    ],
)
def test_a_write_that_cannot_be_read_is_named(key, value):
    with pytest.raises(CorruptJournal) as caught:
        StoredLedger().fold(StoredEntry(key, value, 5))

    assert f"{key} at revision 5" in str(caught.value)
