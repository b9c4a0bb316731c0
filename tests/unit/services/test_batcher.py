"""Items that come during a batch form the next one; errors belong to the callers of their batch."""

from __future__ import annotations

import asyncio
from contextvars import ContextVar

import pytest

from econsim.services.batcher import Batcher, parts_by_length


class Work:
    """Work that notes its batches and waits for leave to finish each."""

    def __init__(self):
        self.batches = []
        self.leave = asyncio.Semaphore(0)
        self.error = None

    async def __call__(self, items):
        self.batches.append(list(items))
        await self.leave.acquire()
        if self.error:
            raise self.error
        return [item * 10 for item in items]


async def begin(batcher, *items):
    tasks = [asyncio.create_task(batcher.do(item)) for item in items]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return tasks


async def test_items_that_come_during_a_batch_form_the_next_one():
    batcher = Batcher(work := Work(), 10)

    first = await begin(batcher, 1)
    rest = await begin(batcher, 2, 3)
    work.leave.release()
    work.leave.release()

    assert await asyncio.gather(*first, *rest) == [10, 20, 30]
    assert work.batches == [[1], [2, 3]]


async def test_a_batch_has_at_most_its_largest_size():
    batcher = Batcher(work := Work(), 2)
    work.leave = asyncio.Semaphore(9)

    assert await asyncio.gather(*(batcher.do(n) for n in range(5))) == [0, 10, 20, 30, 40]

    assert max(map(len, work.batches)) == 2


async def test_patient_items_go_with_the_first_that_is_not():
    batcher = Batcher(work := Work(), 10, patience_s=60)
    work.leave.release()

    patient = asyncio.create_task(batcher.do(1, is_patient=True))
    await asyncio.sleep(0.01)
    assert work.batches == []
    (other,) = await begin(batcher, 2)

    assert await asyncio.gather(patient, other) == [10, 20]
    assert work.batches == [[1, 2]]


async def test_a_patient_item_goes_alone_when_its_patience_ends():
    batcher = Batcher(work := Work(), 10, patience_s=0.001)
    work.leave.release()

    assert await batcher.do(1, is_patient=True) == 10


async def test_an_item_that_is_left_by_a_full_batch_does_not_wait():
    batcher = Batcher(work := Work(), 1, patience_s=60)
    work.leave = asyncio.Semaphore(9)
    patient = asyncio.create_task(batcher.do(1, is_patient=True))

    assert await asyncio.gather(batcher.do(2), patient) == [20, 10]


async def test_an_error_belongs_to_its_batch_alone():
    batcher = Batcher(work := Work(), 10)
    work.error = ValueError("broken")
    (failing,) = await begin(batcher, 1)
    work.leave.release()
    with pytest.raises(ValueError, match="broken"):
        await failing

    work.error = None
    work.leave.release()

    assert await batcher.do(2) == 20


async def test_a_caller_that_is_cancelled_leaves_its_item_in_the_batch():
    batcher = Batcher(work := Work(), 10)
    (gone,) = await begin(batcher, 1)
    waiting = await begin(batcher, 2)

    gone.cancel()
    work.leave.release()
    work.leave.release()

    assert await asyncio.gather(*waiting) == [20]
    assert work.batches == [[1], [2]]


@pytest.mark.parametrize(
    ("texts", "size_max", "parts"),
    [
        ([], None, []),
        (["aa", "bb", "cc"], None, [("aa", "bb"), ("cc",)]),
        (["aaaaaaa", "b"], None, [("aaaaaaa",), ("b",)]),
        (["a", "b", "c"], 2, [("a", "b"), ("c",)]),
    ],
)
def test_parts_hold_as_much_as_they_may_and_one_item_at_least(texts, size_max, parts):
    assert [*parts_by_length(texts, len, 5, size_max)] == parts


async def test_a_batch_is_done_in_the_context_of_its_first_item_s_caller():
    caller = ContextVar("caller", default="nobody")
    done = []

    async def work(items):
        done.append((caller.get(), list(items)))
        return items

    batcher = Batcher(work, 10)

    async def call(name, *items):
        caller.set(name)
        await asyncio.gather(*map(batcher.do, items))

    await asyncio.gather(call("ann", 1, 2), call("bob", 3))
    await call("bob", 4)

    assert done[-1] == ("bob", [4])
    assert done[0][0] == "ann"
