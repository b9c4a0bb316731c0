"""Deferred positions are stored right after a commit if one comes, and in any case."""

from __future__ import annotations

import asyncio

from econsim.services.ledger.pause import HOLDER_S, PaymentPause

AN_HOUR_S = 3_600.0


async def waiting(pause, holders=lambda: 1):
    """Return a task that waits for the pause of a ledger whose first commit is over."""
    pause.note()
    task = asyncio.create_task(pause.wait(holders))
    await asyncio.wait([task], timeout=0.05)
    return task


async def test_positions_wait_for_the_next_commit():
    pause = PaymentPause(lag_s=0, most_s=AN_HOUR_S)
    task = await waiting(pause)
    assert not task.done()

    pause.note()

    await task


async def test_positions_wait_for_a_pause_among_commits_that_follow_each_other():
    pause = PaymentPause(lag_s=0, most_s=AN_HOUR_S, quiet_s=0.2)
    task = await waiting(pause)

    for _ in range(20):
        pause.note()
        await asyncio.sleep(0)
        assert not task.done()

    await task


async def test_positions_do_not_wait_for_ever_for_a_commit():
    pause = PaymentPause(lag_s=0, most_s=0.001)

    await (await waiting(pause))


async def test_positions_of_many_that_come_behind_in_the_pause_wait_as_those_of_many():
    pause, behind = PaymentPause(lag_s=0, most_s=AN_HOUR_S, quiet_s=0), [1]
    task = await waiting(pause, lambda: len(behind))

    behind *= 1_000_000
    pause.note()

    await asyncio.wait([task], timeout=0.05)
    assert not task.done()
    task.cancel()


async def test_positions_wait_anew_once_a_commit_has_stored_those_before(monkeypatch):
    pause, loop = PaymentPause(lag_s=0, most_s=0.001), asyncio.get_running_loop()
    task = await waiting(pause, lambda: int(AN_HOUR_S / HOLDER_S / 2))
    now = loop.time
    monkeypatch.setattr(loop, "time", lambda: now() + AN_HOUR_S)

    pause.note_stored()
    pause.note()

    await asyncio.wait([task], timeout=0.05)
    assert not task.done()
    task.cancel()
