"""Many calls of one function in parallel processes, each result as soon as it is there. Batches and experiments run so."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import active_children, get_context
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
    # Ctrl-C reaches the whole group of processes; the parent ends these.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
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
    pool = process_pool(processes)
    try:
        places = {pool.submit(function, *arguments): place for place, arguments in enumerate(calls)}
        for future in as_completed(places):
            yield places[future], future.result()
    except BaseException:
        terminate(pool)
        raise
    pool.shutdown()


def terminate(pool: ProcessPoolExecutor) -> None:
    """End the processes of a pool at once, in the middle of their calls: an observer of a run that was stopped would wait for ever."""
    pool.shutdown(wait=False, cancel_futures=True)
    # Pools alone start processes by this module of Python.
    for process in active_children():
        process.terminate()
