"""Work in batches: items that come while a batch is under way form the next one (group commit); messages of bounded length."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from contextvars import Context, copy_context
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class Batcher(Generic[Item, Result]):
    """Batches of items, one batch at a time; a lone item does not wait for others, unless it is patient.

    A batch that fails fails every caller of it. A caller that is cancelled leaves its items in the batch. The work is done in the
    context of the first items' caller: in its span.
    """

    def __init__(
        self,
        work: Callable[[Sequence[Item]], Awaitable[Sequence[Result]]],
        size_max: int,
        patience_s: float = 0,
    ) -> None:
        """Have `work` return a result for each item of a batch of at most `size_max` items.

        Patient items wait up to `patience_s` for one that is not.
        """
        self._work = work
        self._size_max = size_max
        self._patience_s = patience_s
        self._queue: deque[tuple[Sequence[Item], asyncio.Future[Sequence[Result]], Context]] = deque()
        self._hurry = asyncio.Event()
        self._worker: asyncio.Task[None] | None = None

    async def do(self, item: Item, *, is_patient: bool = False) -> Result:
        """Return the result of one item; raises what its batch raised."""
        (result,) = await self.do_together((item,), is_patient=is_patient)
        return result

    async def do_together(self, items: Sequence[Item], *, is_patient: bool = False) -> Sequence[Result]:
        """Return the results of at most `size_max` items, which are in one batch; raises what it raised."""
        results: asyncio.Future[Sequence[Result]] = asyncio.get_running_loop().create_future()
        self._queue.append((items, results, copy_context()))
        if not is_patient:
            self._hurry.set()
        if self._worker is None or self._worker.done():
            self._begin()
        return await results

    def _begin(self) -> None:
        """Start the next batch: in the context of its first items' caller."""
        self._worker = asyncio.create_task(self._do_batch(), context=self._queue[0][2])

    async def _do_batch(self) -> None:
        if not self._hurry.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(self._hurry.wait(), self._patience_s)
        batch = self._take()
        if not self._queue:
            self._hurry.clear()
        try:
            results = await self._work([item for items, _, _ in batch for item in items])
        except Exception as error:  # noqa: BLE001 - every error belongs to the callers, not to this task
            for _, waiting, _ in batch:
                _settle(waiting, error=error)
        else:
            begin = 0
            for items, waiting, _ in batch:
                _settle(waiting, results[begin : begin + len(items)])
                begin += len(items)
        if self._queue:
            self._begin()

    def _take(self) -> list[tuple[Sequence[Item], asyncio.Future[Sequence[Result]], Context]]:
        """Take as many items off the queue as a batch may have, and always those of the first caller."""
        batch = [self._queue.popleft()]
        size = len(batch[0][0])
        while self._queue and size + len(self._queue[0][0]) <= self._size_max:
            batch.append(self._queue.popleft())
            size += len(batch[-1][0])
        return batch


def _settle(
    waiting: asyncio.Future[Sequence[Result]],
    results: Sequence[Result] = (),
    error: Exception | None = None,
) -> None:
    if waiting.done():  # its caller was cancelled
        return
    if error is not None:
        waiting.set_exception(error)
        waiting.exception()  # retrieved, because the caller may be gone
    else:
        waiting.set_result(results)


def parts_by_length(
    items: Iterable[Item], length_of: Callable[[Item], int], length_max: int, size_max: int | None = None
) -> Iterator[tuple[Item, ...]]:
    """Yield items in parts of at most `size_max` items and `length_max` together; one that is longer goes alone."""
    part: list[Item] = []
    total = 0
    for item in items:
        length = length_of(item)
        if part and (len(part) == size_max or total + length > length_max):
            yield tuple(part)
            part, total = [], 0
        part.append(item)
        total += length
    if part:
        yield tuple(part)
