"""Many calls of one function in parallel processes, each result as soon as it is there. Batches and experiments run so."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import active_children, connection, parent_process
from multiprocessing.context import ForkServerContext, ForkServerProcess
from multiprocessing.forkserver import ensure_running
from threading import Thread
from types import ModuleType
from typing import Any, Final, TypeVar

from econsim.config import safe_path
from econsim.errors import RunFailed
from econsim.services.gc_tuning import collect_rarely

Result = TypeVar("Result")

PRELOADED: Final = ["econsim.evaluation.bench.cell"]
"""Modules that all processes of pools share: to import them takes as long as a hundred small cells."""


class _CellProcess(ForkServerProcess):
    """A process that does not run the main module again: a script that starts a study needs no guard against it."""

    @staticmethod
    def _Popen(process_obj: Any) -> Any:  # noqa: ANN401, N802 - the hook of multiprocessing
        main = sys.modules["__main__"]
        sys.modules["__main__"] = ModuleType("__main__")
        try:
            return ForkServerProcess._Popen(process_obj)  # noqa: SLF001
        finally:
            sys.modules["__main__"] = main


class _Context(ForkServerContext):
    """Processes forked from one that has imported what cells need and does nothing else: no thread of it holds a lock."""

    Process = _CellProcess


def process_pool(processes: int | None = None) -> ProcessPoolExecutor:
    """Return a pool of processes, by default one a core, that end with this one even if it is killed."""
    context = _Context()
    context.set_forkserver_preload(PRELOADED)
    with safe_path():
        ensure_running()
    return ProcessPoolExecutor(processes, mp_context=context, initializer=_begin)


def _begin() -> None:
    # Ctrl-C reaches the whole group of processes; the parent ends these.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=_end_with_parent, daemon=True).start()
    # What policies print would stand among the tables or JSON of the command that waits for the results.
    sys.stdout = sys.stderr
    collect_rarely()


def _end_with_parent() -> None:
    """End this process when the one that started the pool has ended, however it did."""
    parent = parent_process()
    assert parent is not None
    connection.wait([parent.sentinel])
    os.kill(os.getpid(), signal.SIGTERM)


def in_processes(
    function: Callable[..., Result], calls: Sequence[tuple[Any, ...]], processes: int | None = None
) -> Iterator[tuple[int, Result]]:
    """Yield the place of each call and its result as calls end; in this process if there is one process or one call.

    Raises what a call raises, and begins no further call then; RunFailed if a process of the pool was ended.
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
    except BrokenProcessPool:
        terminate(pool)
        message = (
            "a process ended in the middle of a run: it was killed, for the want of memory perhaps, or a policy ended it; "
            "`econsim bench resume` goes on with a batch, and fewer --jobs need less memory"
        )
        raise RunFailed(message) from None
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
