"""The order of copied events: facts are put in the order of their own ticks before a monitor judges them. Pure.

The server copies journal entries and file changes into the log at any place, even after the run's closing. So their place says nothing,
and what is missing, too late or out of order is known for good only when all copies have passed its tick.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from dataclasses import replace
from functools import partial
from typing import Final, TypeAlias

from econsim.domain.expectation import monitor
from econsim.domain.expectation.monitor import (
    COPIED,
    Decision,
    Monitor,
    TooManyOpen,
    Watch,
    room_for_one_more,
)
from econsim.domain.expectation.occurrence import Now, Occurrence, source_of

ORDERED_MIN: Final = 2_048
"""Newest facts that are not judged yet, whatever the copies have passed: an event that is so many facts late finds its place."""

GROWTH: Final = 8
"""A running verdict is made anew when this part of the facts that wait, one in so many, has come since: looking stays cheap."""

Kept: TypeAlias = tuple[float, int, int, int, Occurrence, int]
"""Place in the bound's unit, rank of the type, place in the log, number of arrival, fact, and number of its watch."""


class InTickOrder(Monitor):
    """Shows a monitor its facts ordered by tick, or by time if its bound is in ms.

    A source is copied in its own order, so a tick that every copied source and the rest of the log have left behind is complete. Such
    ticks are judged, all but the newest `ORDERED_MIN` facts. So what waits does not grow with the run, only with how late the copies
    are, up to `OPEN_MAX`; a fact that comes for a judged tick after all makes the expectation undecidable.
    """

    def __init__(self, make: Callable[[Now], Monitor], order: Sequence[str], unit: str, now: Now) -> None:
        """Start before the first event; `order` are the types in the order in which facts of one tick count."""
        super().__init__()
        self._unit, self._now = unit, now
        self._rank = {kind: place for place, kind in reversed(list(enumerate(order)))}
        self._sources = {source_of(kind) for kind in order if kind in COPIED}
        self._judged_now = Now()
        self._inner = make(self._judged_now)
        self._watches = list(self._inner.watches())
        self._kept: list[Kept] = []
        self._full = min(2 * ORDERED_MIN, monitor.OPEN_MAX)
        self._judged_to = float("-inf")
        self._count = self._looked_at = 0
        self._so_far: Decision | None = None

    def watches(self) -> Iterator[Watch]:
        """Yield what the monitor watches."""
        for place, each in enumerate(self._watches):
            yield replace(each, see=partial(self._keep, place))

    @property
    def types(self) -> frozenset[str]:
        """Return the types on which the verdict rests."""
        return self._inner.types

    def decision(self, now: Now, *, ended: bool) -> Decision:
        """Return what the facts so far say; final before the end only if its witness proves it."""
        if ended:
            self._show(self._inner, self._judged_now, sorted(self._kept))
            self._kept.clear()
            return _conclude(self._inner, self._judged_now, now, ended=True)
        if self._so_far is None or self._count > self._looked_at + len(self._kept) // GROWTH:
            self._looked_at = self._count
            # A copy judges what waits as if nothing else came.
            judged, inner = deepcopy((self._judged_now, self._inner))
            self._show(inner, judged, sorted(self._kept))
            found = _conclude(inner, judged, now, ended=False)
            self._so_far = replace(found, is_final=found.is_final and not found.needs_all)
        return self._so_far

    def _keep(self, place: int, seen: Occurrence) -> None:
        at = seen.tick if self._unit == "ticks" else seen.at(self._unit)
        if at < self._judged_to:
            message = f"an event of tick {seen.tick} came after more than {ORDERED_MIN} of later ticks"
            raise TooManyOpen(message)
        self._count += 1
        if self._inner.decided is not None:
            return
        rank = self._rank.get(seen.record.type, len(self._rank) // 2)
        self._kept.append((at, rank, seen.sequence, self._count, seen, place))
        if len(self._kept) >= self._full:
            self._judge_past()

    def _judge_past(self) -> None:
        """Judge the facts of ticks that the copies, and the rest of the log, have left behind."""
        now, kept = self._now, self._kept
        kept.sort()
        passed = (now.at(self._unit), *(now.place_of_copies(source, self._unit) for source in self._sources))
        due = min(*passed, kept[-min(ORDERED_MIN, len(kept))][0])
        cut = bisect_left(kept, (due,))
        if cut:
            self._judged_to = due
            self._show(self._inner, self._judged_now, kept[:cut])
            self._kept = kept[cut:]
        room_for_one_more(len(self._kept))
        self._full = min(len(self._kept) + ORDERED_MIN, monitor.OPEN_MAX)

    def _show(self, inner: Monitor, judged: Now, facts: Sequence[Kept]) -> None:
        judged.start = self._now.start
        watches = self._watches if inner is self._inner else list(inner.watches())
        newest = judged.at(self._unit) if judged.count else float("-inf")
        for at, _, sequence, count, seen, place in facts:
            if inner.decided is not None:
                return
            watches[place].see(seen)
            if at > newest:
                newest = at
                judged.count, judged.sequence = count, sequence
                judged.tick, judged.time = max(seen.tick, judged.tick), seen.record.occurred_at
                inner.pass_to(judged)


def _conclude(inner: Monitor, judged: Now, now: Now, *, ended: bool) -> Decision:
    judged.count, judged.sequence = now.count, now.sequence
    judged.tick, judged.time = max(now.tick, judged.tick), max(now.time, judged.time)
    inner.pass_to(judged)
    # It rests on all copies, wherever they stand.
    return replace(inner.decision(judged, ended=ended), sequence=now.sequence)
