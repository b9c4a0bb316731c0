"""Cancellation that is repeated: of tasks that drop one, that never end, that fail, or that are done."""

from __future__ import annotations

import asyncio
import time

import pytest

from econsim.adapters.cancellation import cancel_until_done


async def drop(cancellations: int) -> None:
    """Go on after so many cancellations."""
    while True:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancellations -= 1
            if cancellations < 0:
                raise


async def started(*cancellations: int) -> list[asyncio.Task[None]]:
    tasks = [asyncio.create_task(drop(each)) for each in cancellations]
    await asyncio.sleep(0)
    return tasks


async def test_a_task_that_drops_cancellations_is_cancelled_again() -> None:
    tasks = await started(0, 3)

    await cancel_until_done(tasks, 0.001)

    assert all(task.cancelled() for task in tasks)


async def test_a_task_that_never_ends_is_left_at_the_deadline() -> None:
    (task,) = await started(10_000)

    began = time.monotonic()
    await cancel_until_done([task], 0.001, timeout_s=0.02)

    assert time.monotonic() - began < 5
    assert not task.done()
    await cancel_until_done([task], 0.0)


async def test_the_error_of_a_task_is_dropped(caplog: pytest.LogCaptureFixture) -> None:
    async def fail() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            message = "broken"
            raise RuntimeError(message)

    tasks = [asyncio.create_task(fail())]
    await asyncio.sleep(0)

    await cancel_until_done(tasks, 0.001)
    tasks.clear()

    assert not caplog.records


async def test_without_tasks_there_is_nothing_to_wait_for() -> None:
    await cancel_until_done([], 3600.0)
