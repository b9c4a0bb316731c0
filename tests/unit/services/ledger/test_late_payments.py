"""Payments of services around the end of a period: what the ledger still takes, and what waits for the next period."""

from contextlib import nullcontext

import pytest
from factories import active, group, scenario
from ledger_builders import chain, endow, pay, pending, post, submit, void

from econsim.errors import NotAllowed, Unavailable
from econsim.services.ledger import leader
from econsim.services.ledger.late_payments import require_in_time
from econsim.services.ledger.writer import LedgerWriter
from econsim.testing import Failure, FakeKeyTable, FakeStateStore, FakeWallClock

CLOSING = submit("close-payments-1-1", tick=5, closes_payments=True)
HELD = chain("call", pending("call-t", "ann", "cognition", 10))
LATE = chain("late", pending("late-t", "ann", "cognition", 10))
SETTLED = chain("call.settled", post("call-p", "ann", "cognition", 4, of="call-t"))
RELEASED = chain("call.released", void("call-v", "ann", "cognition", of="call-t"))


def new_writer(store):
    return LedgerWriter("run", "salt", store, FakeWallClock(), FakeKeyTable(), retry_wait_s=0)


@pytest.fixture
def store():
    return FakeStateStore()


@pytest.fixture
async def writer(store):
    writer = new_writer(store)
    await writer.submit(submit("open", endow("ann", 100)))
    await writer.submit(submit("held", HELD, tick=5))
    return writer


async def test_a_closed_tick_takes_no_payment_and_the_next_one_does(writer):
    await writer.submit(CLOSING)

    with pytest.raises(Unavailable) as late:
        require_in_time(writer, "cognition", submit("late", LATE, tick=5))

    assert (late.value.error_code, late.value.retry_after_ms) == ("period_is_closing", 200)
    require_in_time(writer, "cognition", submit("late", LATE, tick=6))


async def test_the_ledger_decides_nothing_that_comes_too_late(writer):
    await writer.submit(CLOSING)

    with pytest.raises(Unavailable):
        await leader.submit(
            active(scenario(group("ann", "external"))), writer, "cognition", submit("late", LATE, tick=5)
        )

    assert not writer.has_decided("late")


async def test_the_answer_to_the_closing_counts_what_is_still_reserved(writer):
    before = await writer.submit(CLOSING)
    await writer.submit(submit("settle", SETTLED, tick=5))
    after = await writer.submit(CLOSING)

    assert (before.pending, after.pending) == (1, 0)


@pytest.mark.parametrize("late", [HELD, SETTLED, RELEASED], ids=["repeat", "settlement", "release"])
async def test_a_closed_tick_takes_repeats_and_resolutions(writer, late):
    await writer.submit(CLOSING)

    require_in_time(writer, "cognition", submit("again", late, tick=5))


@pytest.mark.parametrize("sender", ["clock", "market"])
async def test_those_who_end_the_period_are_never_late(writer, sender):
    await writer.submit(CLOSING)

    require_in_time(writer, sender, submit("redeem-1-1", pay("r", "treasury", "ann", 1), tick=5))


async def test_a_restart_does_not_open_payments(writer, store):
    await writer.submit(CLOSING)
    successor = new_writer(store)
    await successor.load()

    with pytest.raises(Unavailable):
        require_in_time(successor, "cognition", submit("late", LATE, tick=5))


async def test_a_closing_whose_commit_failed_is_still_written(writer, store):
    store.fail_next(Failure.BEFORE)
    await writer.submit(CLOSING)
    successor = new_writer(store)
    await successor.load()

    assert successor.closed == 5


async def test_closing_again_writes_nothing(writer, store):
    await writer.submit(CLOSING)
    written = len(store.entries)

    await writer.submit(CLOSING)

    assert len(store.entries) == written


@pytest.mark.parametrize(("sender", "closed"), [("clock", 5), ("market", 0), ("mcp", 0)])
async def test_only_the_clock_closes_payments(writer, sender, closed):
    run = active(scenario(group("ann", "external")))

    with nullcontext() if closed else pytest.raises(NotAllowed, match="may not close payments"):
        await leader.submit(run, writer, sender, CLOSING)

    assert writer.closed == closed
