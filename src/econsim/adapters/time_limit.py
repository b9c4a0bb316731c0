"""A limit on the time that a call of somebody else's code may take, on whatever thread it runs.

Python cannot stop a thread; it can have an exception raised in it at its next step. So a loop ends, and what waits in C (a long
`sleep`, a library's own loop) ends when it comes back to Python. One thread of this process watches all calls under way.

Life cycles::

    collection   holds                        added by    removed by    bound
    _started     thread -> start of its call  begin       end           threads with a call under way
    _stopped     threads that were stopped    the watch   end           threads with a call under way
"""

from __future__ import annotations

import ctypes
import threading
import time
from collections.abc import Callable
from typing import Final, TypeVar

LOOK_S: Final = 0.1
"""Pause between two looks at the calls under way."""

Result = TypeVar("Result")


class TookTooLong(Exception):
    """The call took longer than it may."""


class _Stop(BaseException):
    """Raised in a thread whose call takes too long; no `except Exception` catches it."""


class TimeLimit:
    """A limit on the time of calls, watched by one thread while there are any."""

    def __init__(self, limit_s: float) -> None:
        """Allow this many seconds of wall time for a call."""
        self._limit_s = limit_s
        self._lock = threading.Lock()
        self._started: dict[int, float] = {}
        self._stopped: set[int] = set()
        self._watch: threading.Thread | None = None

    def call(self, function: Callable[[], Result]) -> Result:
        """Call a function; raises TookTooLong if it is stopped, and whatever it raises."""
        thread = threading.get_ident()
        self._ensure_watch()
        try:
            self._started[thread] = time.monotonic()
            try:
                return function()
            finally:
                self._end(thread)
        except _Stop:
            self._end(thread)
            message = (
                f"one decision took longer than {self._limit_s:g} s, so this run does not repeat by its seed"
            )
            raise TookTooLong(message) from None

    def _ensure_watch(self) -> None:
        """Start the watching thread, once in each process: a fork does not inherit it."""
        if self._watch is None or not self._watch.is_alive():
            with self._lock:
                if self._watch is None or not self._watch.is_alive():
                    self._watch = threading.Thread(target=self._look, name="econsim-time-limit", daemon=True)
                    self._watch.start()

    def _end(self, thread: int) -> None:
        """Note the end of a call; a stop that comes too late is taken back."""
        with self._lock:
            self._started.pop(thread, None)
            if thread in self._stopped:
                self._stopped.discard(thread)
                _raise_in(thread, None)

    def _look(self) -> None:
        while True:
            time.sleep(LOOK_S)
            now = time.monotonic()
            for thread, started in list(self._started.items()):
                if now - started > self._limit_s:
                    self._stop(thread, started)

    def _stop(self, thread: int, started: float) -> None:
        with self._lock:
            if self._started.get(thread) == started:
                self._stopped.add(thread)
                _raise_in(thread, _Stop)


def _raise_in(thread: int, exception: type[BaseException] | None) -> None:
    """Have an exception raised in a thread at its next step; None takes one back that was not raised yet."""
    raised = ctypes.py_object(exception) if exception else None
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), raised)
