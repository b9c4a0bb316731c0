"""The order of copied events: facts are put in the order of their own ticks before a monitor judges them. Pure.

The server copies journal entries and file changes into the log at any place, even after the run's closing. So their place says nothing,
and what is missing, too late or out of order is known for good only at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from heapq import heapify, heappop, heappush
from typing import Final, TypeAlias

from econsim.domain.expectation import monitor
from econsim.domain.expectation.monitor import COPIED, Decision, Monitor, TooManyOpen, Watch
from econsim.domain.expectation.occurrence import Now, Occurrence

GROWTH: Final = 8
"""A running verdict is made anew when this part of the facts, one in so many, has come since: looking stays cheap in long runs."""

Kept: TypeAlias = tuple[float, int, int, int, Occurrence, int]
"""Place in the bound's unit, rank of the type, place in the log, number of arrival, fact, and number of its watch."""


class InTickOrder(Monitor):
    """Shows a monitor its facts ordered by tick, or by time if its bound is in ms.

    Up to `OPEN_MAX` facts are kept to the end. When there are more, those of ticks that the copies have left behind are judged;
    a fact that comes for such a tick after all makes the expectation undecidable.
    """

    def __init__(self, make: Callable[[Now], Monitor], order: Sequence[str], unit: str, now: Now) -> None:
        """Start before the first event; `order` are the types in the order in which facts of one tick count."""
        super().__init__()
        self._make, self._unit, self._now = make, unit, now
        self._rank = {kind: place for place, kind in reversed(list(enumerate(order)))}
        self._newest = {kind: float("-inf") for kind in order if kind in COPIED}
        self._judged_now = Now()
        self._inner = make(self._judged_now)
        self._watches = list(self._inner.watches())
        self._kept: list[Kept] = []
        self._released_to = float("-inf")
        self._count = self._shown = 0
        self._so_far: Decision | None = None

    def watches(self) -> Iterator[Watch]:
        """Yield what the monitor watches; of copied types all facts, which tell how far the copies are."""
        for place, each in enumerate(self._watches):
            matches = None if each.type in self._newest else each.matches
            yield Watch(each.type, partial(self._keep, place), matches, each.entity)

    @property
    def types(self) -> frozenset[str]:
        """Return the types on which the verdict rests."""
        return self._inner.types

    def decision(self, now: Now, *, ended: bool) -> Decision:
        """Return what the facts so far say; final before the end only if its witness proves it."""
        if ended:
            self._show(self._inner, self._judged_now, sorted(self._kept))
            self._kept.clear()
            return self._conclude(self._inner, self._judged_now, now, ended=True)
        if self._so_far is None or self._count >= self._shown + 1 + self._shown // GROWTH:
            self._shown = self._count
            judged, inner = self._judged_now, self._inner
            if self._released_to == float("-inf"):
                judged = Now()
                inner = self._make(judged)
                self._show(inner, judged, sorted(self._kept))
                found = self._conclude(inner, judged, now, ended=False)
            else:
                found = inner.decision(judged, ended=False)
            self._so_far = replace(found, is_final=found.is_final and not found.needs_all)
        return self._so_far

    def _keep(self, place: int, seen: Occurrence) -> None:
        at, kind = seen.at(self._unit), seen.record.type
        newest = self._newest.get(kind)
        if newest is not None:
            if at > newest:
                self._newest[kind] = at
            matches = self._watches[place].matches
            if matches and not matches(seen):
                return
        if at < self._released_to:
            message = f"a copied event came after more than {monitor.OPEN_MAX} of later ticks"
            raise TooManyOpen(message)
        if len(self._kept) >= monitor.OPEN_MAX:
            self._release()
        self._count += 1
        rank = self._rank.get(kind, len(self._rank) // 2)
        kept = (at, rank, seen.sequence, self._count, seen, place)
        if self._released_to == float("-inf"):
            # All are sorted together at the end: facts come nearly in order, so that takes a quarter of the time of a heap.
            self._kept.append(kept)
        else:
            heappush(self._kept, kept)

    def _release(self) -> None:
        """Judge the facts of ticks that the copies, and the rest of the log, have left behind."""
        due = min(*self._newest.values(), self._now.at(self._unit))
        past = []
        if self._released_to == float("-inf"):
            heapify(self._kept)
        while self._kept and self._kept[0][0] < due:
            past.append(heappop(self._kept))
        monitor.room_for_one_more(len(self._kept))
        self._released_to = due
        self._show(self._inner, self._judged_now, past)

    def _show(self, inner: Monitor, judged: Now, facts: Sequence[Kept]) -> None:
        judged.start = self._now.start
        watches = self._watches if inner is self._inner else list(inner.watches())
        for at, _, sequence, count, seen, place in facts:
            turns = judged.count == 0 or at > judged.at(self._unit)
            judged.count, judged.sequence = count, sequence
            judged.tick, judged.time = max(seen.tick, judged.tick), seen.record.occurred_at
            if inner.decided is None:
                watches[place].see(seen)
                if turns:
                    inner.pass_to(judged)

    def _conclude(self, inner: Monitor, judged: Now, now: Now, *, ended: bool) -> Decision:
        judged.count, judged.sequence = now.count, now.sequence
        judged.tick, judged.time = max(now.tick, judged.tick), max(now.time, judged.time)
        inner.pass_to(judged)
        # It rests on all copies, wherever they stand.
        return replace(inner.decision(judged, ended=ended), sequence=now.sequence)
