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
from econsim.domain.expectation.occurrence import Facts, Fields, Now, Occurrence, source_of

ORDERED_MIN: Final = 2_048
"""Newest facts that are not judged yet, whatever the copies have passed: an event that is so many facts late finds its place."""

GROWTH: Final = 8
"""A running verdict is made anew when this part of the facts that wait, one in so many, has come since: looking stays cheap."""

Kept: TypeAlias = tuple[float, int, int, int, Occurrence | Facts, int]
"""Place in the bound's unit, rank of the type, place in the log, number of arrival, fact or facts, and number of their watch."""


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
        self._waiting = 0
        self._full = min(2 * ORDERED_MIN, monitor.OPEN_MAX)
        self._judged_to = float("-inf")
        self._count = self._looked_at = 0
        self._so_far: Decision | None = None

    def watches(self) -> Iterator[Watch]:
        """Yield what the monitor watches."""
        types = [each.type for each in self._watches]
        for place, each in enumerate(self._watches):
            is_alone = types.count(each.type) == 1 and each.matches is None and not each.actor
            see_all = partial(self._keep_all, place, each.keys_of) if is_alone else None
            yield replace(each, see=partial(self._keep, place), see_all=see_all)

    @property
    def types(self) -> frozenset[str]:
        """Return the types on which the verdict rests."""
        return self._inner.types

    def decision(self, now: Now, *, ended: bool) -> Decision:
        """Return what the facts so far say; final before the end only if its witness proves it."""
        if ended:
            self._show(self._inner, self._judged_now, sorted(self._kept))
            self._kept.clear()
            self._waiting = 0
            return _conclude(self._inner, self._judged_now, now, ended=True)
        if self._so_far is None or self._count > self._looked_at + self._waiting // GROWTH:
            self._looked_at = self._count
            # A copy judges what waits as if nothing else came.
            judged, inner = deepcopy((self._judged_now, self._inner))
            self._show(inner, judged, sorted(self._kept))
            found = _conclude(inner, judged, now, ended=False)
            self._so_far = replace(found, is_final=found.is_final and not found.needs_all)
        return self._so_far

    def _keep_all(self, place: int, keys_of: Fields | None, facts: Facts) -> None:
        """Keep all facts of a record."""
        if self._inner.decided is None:
            self._keep(place, facts.to_keep(keys_of))

    def _keep(self, place: int, seen: Occurrence | Facts) -> None:
        """Keep a fact, or all facts of a record."""
        size = _size(seen)
        if not size:
            return
        at = seen.tick if self._unit == "ticks" else seen.at(self._unit)
        if at < self._judged_to:
            message = f"an event of tick {seen.tick} came after more than {ORDERED_MIN} of later ticks"
            raise TooManyOpen(message)
        first = self._count + 1
        self._count += size
        if self._inner.decided is not None:
            return
        rank = self._rank.get(seen.record.type, len(self._rank) // 2)
        self._kept.append((at, rank, seen.sequence, first, seen, place))
        self._waiting += size
        if self._waiting >= self._full:
            self._judge_past()

    def _judge_past(self) -> None:
        """Judge the facts of ticks that the copies, and the rest of the log, have left behind."""
        now, kept = self._now, self._kept
        kept.sort()
        passed = (now.at(self._unit), *(now.place_of_copies(source, self._unit) for source in self._sources))
        due = min(*passed, self._newest_place())
        cut = bisect_left(kept, (due,))
        if cut:
            self._judged_to = due
            self._show(self._inner, self._judged_now, kept[:cut])
            self._kept = kept[cut:]
            self._waiting -= sum(_size(each[4]) for each in kept[:cut])
        room_for_one_more(self._waiting)
        self._full = min(self._waiting + ORDERED_MIN, monitor.OPEN_MAX)

    def _newest_place(self) -> float:
        """Return the place of the first of the newest facts that are not judged yet."""
        place, newer = float("inf"), 0
        for each in reversed(self._kept):
            place, newer = each[0], newer + _size(each[4])
            if newer >= ORDERED_MIN:
                break
        return place

    def _show(self, inner: Monitor, judged: Now, facts: Sequence[Kept]) -> None:
        judged.start = self._now.start
        watches = self._watches if inner is self._inner else list(inner.watches())
        newest = judged.at(self._unit) if judged.count else float("-inf")
        for at, _, sequence, count, seen, place in facts:
            if inner.decided is not None:
                return
            if at <= newest:
                _show_to(watches[place], seen)
                continue
            # The first of a new place tells that the places before are past.
            _show_to(watches[place], seen.part(0, 1) if isinstance(seen, Facts) else seen)
            newest = at
            judged.count, judged.sequence = count, sequence
            judged.tick, judged.time = max(seen.tick, judged.tick), seen.record.occurred_at
            inner.pass_to(judged)
            if isinstance(seen, Facts) and len(seen) > 1:
                _show_to(watches[place], seen.part(1))


def _size(kept: Occurrence | Facts) -> int:
    return len(kept) if isinstance(kept, Facts) else 1


def _show_to(watch: Watch, kept: Occurrence | Facts) -> None:
    if isinstance(kept, Facts) and watch.see_all:
        watch.see_all(kept)
        return
    assert watch.see
    for seen in kept if isinstance(kept, Facts) else (kept,):
        watch.see(seen)


def _conclude(inner: Monitor, judged: Now, now: Now, *, ended: bool) -> Decision:
    judged.count, judged.sequence = now.count, now.sequence
    judged.tick, judged.time = max(now.tick, judged.tick), max(now.time, judged.time)
    inner.pass_to(judged)
    # It rests on all copies, wherever they stand.
    return replace(inner.decision(judged, ended=ended), sequence=now.sequence)
