"""Monitors that count and add up: exactly, at_most, at_least, sum. Pure."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator
from typing import Any, Final

from econsim.domain.expectation.monitor import (
    Decision,
    Monitor,
    Watch,
    failing,
    holding,
    room_for_one_more,
    vacuous,
    watch,
)
from econsim.domain.expectation.names import is_money, segments
from econsim.domain.expectation.occurrence import Now, Occurrence, distance
from econsim.domain.expectation.pattern import (
    compile_pattern,
    constraint_words,
    key_of,
    miss,
    predicate,
    reader,
)
from econsim.schemas.expectation_forms import Count, Sum
from econsim.schemas.types import MICROS_PER_CREDIT

Key = tuple[Any, ...]
"""Values of correlated fields."""

KEPT: Final = 5
"""Facts kept as witnesses of one count."""

KEPT_APART: Final = 2
"""The same for each value of correlated fields, of which there may be many."""


class CountMonitor(Monitor):
    """Judges `exactly`, `at_most` and `at_least` over the whole run."""

    def __init__(self, form: Count) -> None:
        """Start before the first event."""
        super().__init__()
        self._form, self._pattern = form, compile_pattern(form.event)
        self._key = key_of(form.same, self._pattern.type)
        self._counts: Counter[Key] = Counter()
        self._kept: dict[Key, deque[Occurrence]] = {}

    def watches(self) -> Iterator[Watch]:
        """Yield the event."""
        yield watch(self._pattern, self._see)

    def decision(self, now: Now, *, ended: bool) -> Decision:
        """Return whether the counts so far are right."""
        del now, ended
        if self.decided:
            return self.decided
        form, counts = self._form, self._counts or Counter({(): 0})
        wanted = f"{form.form.replace('_', ' ')} {form.times}"
        if form.form == "at_most":
            return holding(
                f"{self._pattern.text} happened {distance('times', max(counts.values()))}, {wanted} may"
            )
        key, least = min(counts.items(), key=lambda each: (each[1], str(each[0])))
        of = f" for {', '.join(map(str, key))}" if key else ""
        text = f"{self._pattern.text} happened {distance('times', least)}{of}, {wanted} must"
        if least >= form.times:
            return holding(
                text,
                is_final=form.form == "at_least" and not form.same,
                needs_all=form.form == "exactly",
            )
        return failing(text, distance("times", form.times - least), tuple(self._kept.get(key, ())))

    def _see(self, seen: Occurrence) -> None:
        form, key = self._form, self._key(seen)
        if key not in self._counts:
            room_for_one_more(len(self._counts))
            self._kept[key] = deque(maxlen=KEPT_APART if form.same else KEPT)
        self._counts[key] += 1
        self._kept[key].append(seen)
        if form.form != "at_least" and self._counts[key] > form.times:
            of = f" for {', '.join(map(str, key))}" if key else ""
            text = f"{self._pattern.text} happened {distance('times', self._counts[key])}{of}, {form.form.replace('_', ' ')} {form.times} may"
            self.decide(seen.sequence, text, *self._kept[key], missed_by="1 time", needs_all=False)


class SlidingCountMonitor(Monitor):
    """Judges `at_most` in every window of a length, wherever it begins."""

    def __init__(self, form: Count) -> None:
        """Start before the first event."""
        super().__init__()
        self._times, self._pattern = form.times, compile_pattern(form.event)
        self._window = form.per
        self._key = key_of(form.same, self._pattern.type)
        self._newest: dict[Key, deque[Occurrence]] = {}
        self._most = 0

    def watches(self) -> Iterator[Watch]:
        """Yield the event."""
        yield watch(self._pattern, self._see)

    def decision(self, now: Now, *, ended: bool) -> Decision:
        """Return that no window had too many."""
        del now, ended
        return self.decided or holding(f"at most {self._most} {self._pattern.text} per {self._window}")

    def pass_to(self, now: Now) -> None:
        """Forget what lies before any window that is open."""
        if self._window:
            unit, size = self._window.unit, self._window.size
            old = [key for key, kept in self._newest.items() if now.at(unit) - kept[-1].at(unit) >= size]
            for key in old:
                del self._newest[key]

    def _see(self, seen: Occurrence) -> None:
        if self._window is None:
            return
        key, unit, size = self._key(seen), self._window.unit, self._window.size
        if key not in self._newest:
            room_for_one_more(len(self._newest))
            self._newest[key] = deque()
        kept = self._newest[key]
        kept.append(seen)
        while seen.at(unit) - kept[0].at(unit) >= size:
            kept.popleft()
        self._most = max(self._most, len(kept))
        if len(kept) > self._times:
            of = f" for {', '.join(map(str, key))}" if key else ""
            text = f"{self._pattern.text} happened {distance('times', len(kept))} within {self._window}{of}, at most {self._times} may"
            self.decide(seen.sequence, text, *list(kept)[-KEPT:], missed_by="1 time", needs_all=False)


class WindowCountMonitor(Monitor):
    """Judges `exactly` and `at_least` in each window of ticks, laid end to end from the run's start."""

    def __init__(self, form: Count) -> None:
        """Start before the first event."""
        super().__init__()
        self._form, self._pattern = form, compile_pattern(form.event)
        self._length = max(int(form.per.size) if form.per else 1, 1)
        self._key = key_of(form.same, self._pattern.type)
        self._counts: dict[int, Counter[Key]] = {}
        self._last: Occurrence | None = None
        self._next = 0
        self._ticks = 0

    def watches(self) -> Iterator[Watch]:
        """Yield the event."""
        yield watch(self._pattern, self._see)

    def pass_to(self, now: Now) -> None:
        """Judge the windows that are past."""
        self._judge_to(now.tick - 1, now.sequence)

    def decision(self, now: Now, *, ended: bool) -> Decision:
        """Return whether all whole windows had the right number."""
        if ended:
            self._judge_to(now.tick, now.sequence)
        if self.decided:
            return self.decided
        if not self._next:
            return vacuous(f"no window of {self._length} ticks is over")
        return holding(
            f"all {self._next} windows of {self._length} ticks had the right number of {self._pattern.text}",
        )

    def _judge_to(self, tick: int, sequence: int) -> None:
        while (self._next + 1) * self._length <= tick and self.decided is None:
            form, window = self._form, self._counts.pop(self._next, None)
            for key, count in (window or Counter({(): 0})).items():
                if count < form.times or (form.form == "exactly" and count > form.times):
                    self._fail(key, count, sequence)
            self._next += 1

    def _fail(self, key: Key, count: int, sequence: int) -> None:
        first = self._next * self._length + 1
        of = f" for {', '.join(map(str, key))}" if key else ""
        wanted = f"{self._form.form.replace('_', ' ')} {self._form.times}"
        ticks = f"ticks {first} to {first + self._length - 1}"
        text = f"{self._pattern.text} happened {distance('times', count)} in {ticks}{of}, {wanted} must"
        missed = distance("times", abs(count - self._form.times))
        self.decide(sequence, text, missed_by=missed, nearest=self._last)

    def _see(self, seen: Occurrence) -> None:
        window = self._counts.setdefault(max(seen.tick - 1, 0) // self._length, Counter())
        room_for_one_more(len(window))
        window[self._key(seen)] += 1
        self._last = seen


class SumMonitor(Monitor):
    """Judges `sum`; money is added in micro-credits, so that the sum is exact."""

    def __init__(self, form: Sum) -> None:
        """Start before the first event."""
        super().__init__()
        self._form, self._pattern = form, compile_pattern(form.event)
        self._read = reader(self._pattern.type, form.field)
        self._test = predicate(form.value)
        self._scale = MICROS_PER_CREDIT if is_money(form.field) else 1
        self._total: float = 0
        self._count = 0
        self._largest: tuple[float, Occurrence] | None = None

    def watches(self) -> Iterator[Watch]:
        """Yield the event."""
        yield watch(self._pattern, self._see)

    def decision(self, now: Now, *, ended: bool) -> Decision:
        """Return whether the sum so far is right."""
        del now
        field, total = segments(self._form.field)[-1], self._total / self._scale
        if not self._count:
            return vacuous(
                f"{self._pattern.text} never happened" if ended else f"no {self._pattern.text} yet"
            )
        text = f"{field} of {self._count} {self._pattern.text} adds up to {total:g}, {constraint_words(self._form.value)} must hold"
        if self._test(total):
            return holding(text)
        gap = miss(self._form.value, total)
        witness = (self._largest[1],) if self._largest else ()
        return failing(text, f"{gap:g}" if gap is not None else "", witness)

    def _see(self, seen: Occurrence) -> None:
        value = self._read(seen)
        if isinstance(value, int | float):
            self._count += 1
            self._total += round(value * self._scale) if self._scale > 1 else value
            if self._largest is None or abs(value) > self._largest[0]:
                self._largest = abs(value), seen
