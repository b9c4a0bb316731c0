"""Snapshots of a component: when one is written, which one is used, and that neither ever fails the component."""

from dataclasses import dataclass

import pytest

from econsim.domain.audit.snapshot import SnapshotForm, StateSnapshot
from econsim.services import snapshots as module
from econsim.services.snapshots import EVENT_ITEMS, TAIL_MIN, Snapshots
from econsim.testing import FakeKeyTable

KEY = "run.cpu"


@dataclass(frozen=True)
class State:
    """Something like the state of a component."""

    batch: int


FORM = SnapshotForm(State, "1")


def snapshot(batch):
    return StateSnapshot(batch, f"digest of {batch}", State(batch))


async def digest_at(sequence):
    """Return the digest of a record of a log of 1000 records."""
    return f"digest of {sequence}" if sequence <= 1000 else None


@pytest.fixture(autouse=True)
def no_rest(monkeypatch):
    """Have components write whenever their tail is long."""
    monkeypatch.setattr(module, "REST", 0)


@pytest.fixture
def table():
    return FakeKeyTable()


def component(table):
    return Snapshots(table, KEY, FORM)


async def write(snapshots, batch, tail=TAIL_MIN):
    """Offer a snapshot with this tail."""
    snapshots.count(0, tail)
    snapshots.offer(lambda: snapshot(batch))
    await snapshots.wait()


async def test_the_next_leader_gets_the_newest_snapshot(table):
    first = component(table)
    for batch in (1, 2):
        await write(first, batch)

    assert await component(table).newest(digest_at) == snapshot(2)
    assert len(await table.entries()) == 1


async def test_a_component_without_snapshot_gets_none_and_says_nothing(table, caplog):
    assert await component(table).newest(digest_at) is None
    assert not caplog.records


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (b"", "does not begin as a snapshot"),
        (FORM.encode(snapshot(7))[:-1], "its content is not what was written"),
        (SnapshotForm(State, "0").encode(snapshot(7)), "this version writes"),
        (FORM.encode(StateSnapshot(7, "another", State(7))), "the log has another record at place 7"),
        (FORM.encode(snapshot(1001)), "the log has another record at place 1001"),
    ],
)
async def test_an_unfit_snapshot_is_dropped_with_one_line_that_says_why(table, caplog, value, why):
    await table.put(KEY, value)

    assert await component(table).newest(digest_at) is None
    (record,) = caplog.records
    assert why in record.getMessage()


async def test_a_dropped_snapshot_is_replaced(table):
    await table.put(KEY, b"unreadable")
    second = component(table)
    await second.newest(digest_at)

    await write(second, 3)

    assert await component(table).newest(digest_at) == snapshot(3)


async def test_a_table_that_does_not_answer_is_as_good_as_none(table, caplog):
    snapshots = component(table)
    table.available = False

    assert await snapshots.newest(digest_at) is None
    await write(snapshots, 3)

    assert len(caplog.records) == 2


@pytest.mark.parametrize(("tail", "written"), [(TAIL_MIN - 1, False), (TAIL_MIN, True)])
async def test_a_snapshot_is_written_when_the_tail_is_long(table, tail, written):
    await write(component(table), 1, tail)

    assert len(await table.entries()) == written


@pytest.mark.parametrize(("rest", "newest"), [(0, 2), (1e9, 1)])
async def test_a_component_rests_from_a_snapshot_for_a_multiple_of_its_cost(table, monkeypatch, rest, newest):
    monkeypatch.setattr(module, "REST", rest)
    snapshots = component(table)

    for batch in (1, 2):
        await write(snapshots, batch)

    assert await component(table).newest(digest_at) == snapshot(newest)


async def test_an_event_counts_as_some_items(table):
    snapshots = component(table)
    snapshots.count(TAIL_MIN // EVENT_ITEMS)

    await write(snapshots, 1, tail=0)

    assert await table.entries()


async def test_the_tail_begins_anew_with_each_snapshot(table):
    snapshots = component(table)
    await write(snapshots, 1)

    await write(snapshots, 2, tail=TAIL_MIN - 1)

    assert await component(table).newest(digest_at) == snapshot(1)


async def test_of_two_leaders_the_one_that_covers_less_loses(table):
    slow, fast = component(table), component(table)
    await write(fast, 5)

    for batch in (4, 6):
        await write(slow, batch)

    assert await component(table).newest(digest_at) == snapshot(5)


async def test_a_leader_replaces_the_older_snapshot_of_another(table):
    one, other = component(table), component(table)
    await write(other, 5)

    for batch in (6, 7):
        await write(one, batch)

    assert await component(table).newest(digest_at) == snapshot(7)


async def test_a_state_that_cannot_be_taken_or_is_too_large_costs_a_line_and_nothing_else(
    table, caplog, monkeypatch
):
    snapshots = component(table)
    snapshots.count(0, TAIL_MIN)
    snapshots.offer(lambda: 1 // 0)
    monkeypatch.setattr(module, "BYTES_MAX", 10)

    await write(snapshots, 1)

    assert len(caplog.records) == 2
    assert not await table.entries()
