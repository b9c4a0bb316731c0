"""Many calls of one function in parallel processes, each result as soon as it is there. Batches and experiments run so."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from typing import Any, TypeVar

from econsim.adapters.server.child_processes import end_with_parent
from econsim.services.gc_tuning import collect_rarely

Result = TypeVar("Result")


def process_pool(processes: int | None = None) -> ProcessPoolExecutor:
    """Return a pool of processes, by default one a core, that end with this one even if it is killed."""
    # Spawned, because a fork would copy the locks of a display that another thread is drawing.
    return ProcessPoolExecutor(
        processes, mp_context=get_context("spawn"), initializer=_begin, initargs=(os.getpid(),)
    )


def _begin(parent: int) -> None:
    end_with_parent(parent)
    collect_rarely()


def in_processes(
    function: Callable[..., Result], calls: Sequence[tuple[Any, ...]], processes: int | None = None
) -> Iterator[tuple[int, Result]]:
    """Yield the place of each call and its result as calls end; in this process if there is one process or one call.

    Raises what a call raises, and begins no further call then.
    """
    if processes == 1 or len(calls) == 1:
        for place, arguments in enumerate(calls):
            yield place, function(*arguments)
        return
    with process_pool(processes) as pool:
        places = {pool.submit(function, *arguments): place for place, arguments in enumerate(calls)}
        try:
            for future in as_completed(places):
                yield places[future], future.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
