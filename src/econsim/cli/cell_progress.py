"""Progress of a batch: a bar with the time left on a terminal, elsewhere a line now and then."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, Protocol

from econsim.cli.output import console, echo
from econsim.report.format import plural

LINE_S: Final = 60.0
"""Seconds between two lines of progress in a file or pipe."""


class Advance(Protocol):
    """Function to call after each run."""

    def __call__(self, *, passed: bool) -> None:
        """Note that a run has ended, and whether all its expectations hold."""


@contextmanager
def cell_progress(name: str, total: int, done: int = 0) -> Iterator[Advance]:
    """Provide the function to call after each run; `done` runs were there before."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    errors = console(stderr=True)
    lines = None if errors.is_terminal else progress_lines(name, total, done=done)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    failed = 0
    with Progress(*columns, console=errors, transient=True, disable=not errors.is_terminal) as progress:
        task = progress.add_task(name, total=total, completed=done)

        def advance(*, passed: bool) -> None:
            nonlocal failed
            failed += not passed
            if lines:
                lines()
            note = f"{name}  [red]{failed} not passed[/red]" if failed else name
            progress.update(task, advance=1, description=note)

        yield advance


def progress_lines(
    name: str, total: int, seconds: Callable[[], float] = time.monotonic, done: int = 0
) -> Callable[[], None]:
    """Return the function to call after each run where no bar can be drawn: it prints a line each LINE_S seconds."""
    echo(f"{name}: {plural(total, 'run')}" + (f", {done} of them done" if done else ""), err=True)
    printed = began = seconds()
    before = done

    def advance() -> None:
        nonlocal done, printed
        done += 1
        now = seconds()
        if done == total or now >= printed + LINE_S:
            printed = now
            left_s = (now - began) / (done - before) * (total - done)
            rest = f", about {left_s:.0f} s left" if done < total else ""
            echo(f"{name}: {done} of {plural(total, 'run')}{rest}", err=True)

    return advance
