"""Ctrl-C and SIGTERM, noted: whatever a command does after one, it was stopped.

A KeyboardInterrupt alone is not enough: compiled code turns it into another error, or drops it, while Python loads
modules; and a command that cleans up may fail because its server was stopped at the same moment.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

_noted: Final[list[int]] = []
"""Signals of this command. No event of `threading`: a handler may not take a lock that the main thread holds."""


def note_interrupts() -> None:
    """Have Ctrl-C noted from now on, before it raises KeyboardInterrupt; not if this process ignores it."""
    if in_main_thread() and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _interrupt)


@contextmanager
def hold_back_interrupts() -> Iterator[Callable[[], bool]]:
    """Let Ctrl-C and SIGTERM interrupt nothing during the context; provide the question whether one came. A second one does interrupt.

    For work that must not be cut between two statements, and that asks often.
    """
    if not in_main_thread():
        yield interrupted
        return
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.getsignal(number) for number in numbers]
    asked: list[int] = []

    def hold(number: int, _: object) -> None:
        note_interrupt()
        asked.append(number)
        if len(asked) > 1:
            raise KeyboardInterrupt

    # What this process ignores stays ignored.
    for number, handler in zip(numbers, before, strict=True):
        if handler is not signal.SIG_IGN:
            signal.signal(number, hold)
    try:
        yield lambda: bool(asked)
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def note_interrupt() -> None:
    """Note that the command is asked to stop."""
    _noted.append(signal.SIGINT)


def interrupted() -> bool:
    """Tell whether the command was asked to stop."""
    return bool(_noted)


def forget_interrupts() -> None:
    """Forget the signals of an earlier command of this process."""
    _noted.clear()


def in_main_thread() -> bool:
    """Tell whether this is the thread that handles signals."""
    return threading.current_thread() is threading.main_thread()


def _interrupt(*_: object) -> None:
    note_interrupt()
    raise KeyboardInterrupt
