"""Monitors of whether and in which order events happen: happens, never, before, until, sequence. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import islice, takewhile
from typing import Final

from econsim.domain.expectation.monitor import (
    Decision,
    Monitor,
    Nearest,
    Watch,
    failing,
    holding,
    is_overdue,
    room_for_one_more,
    vacuous,
    watch,
    watch_keys,
    watch_near,
)
from econsim.domain.expectation.occurrence import Facts, Key, Now, Occurrence, distance, is_within
from econsim.domain.expectation.pattern import compile_pattern, data_keys, key_of
from econsim.schemas.expectation_forms import Before, Happens, Never, Sequence, UntilEvent

KEPT_MAX: Final = 200
"""Events that permit others and are kept beyond their bound."""


class HappensMonitor(Monitor):
    """Judges `happens`."""

    def __init__(self, form: Happens, now: Now) -> None:
        """Start before the first event."""
        super().__init__()
        self._bound, self._now = form.within, now
        self._pattern = compile_pattern(form.event)
        self._nearest = Nearest(self._pattern)

    def watches(self) -> Iterator[Watch]:
        """Yield the event."""
        yield watch_near(self._pattern, self._see)

    def decision(self, now: Now, *, ended: bool) -> Decision:
        """Return that it did not happen, until it does; an event after the bound still tells by how much it missed."""
        text = f"{self._pattern.text} {'never happened' if ended else 'has not happened'}"
        is_past = is_overdue(self._bound, now, self._pattern.type)
        return self.decided or failing(text, nearest=self._nearest.occurrence, is_final=is_past)

    def _see(self, seen: Occurrence) -> None:
        unit = self._bound.unit
        if self._pattern.test and not self._pattern.test(seen):
            self._nearest.look_at(seen)
            return
        after = seen.at(unit) - self._now.origin(unit)
        if after <= self._bound.size:
            text = f"{self._pattern.text} happened at {distance(unit, after)}"
            self.decide(seen.sequence, text, seen, holds=True, needs_all=False)
        else:
            text = (
                f"{self._pattern.text} happened first after {distance(unit, after)}, due were {self._bound}"
            )
            missed = distance(unit, after - self._bound.size)
            self.decide(seen.sequence, text, missed_by=missed, nearest=seen)


class NeverMonitor(Monitor):
    """Judges `never`."""

    def __init__(self, form: Never, now: Now) -> None:
        """Start before the first event."""
        super().__init__()
        self._bound, self._now = form.within, now
        self._pattern = compile_pattern(form.event)

    def watches(self) -> Iterator[Watch]:
        """Yield the event."""
        yield watch(self._pattern, self._see)

    def decision(self, now: Now, *, ended: bool) -> Decision:
        """Return that it did not happen, until it does."""
        del now, ended
        return self.decided or holding(f"{self._pattern.text} never happened")

    def pass_to(self, now: Now) -> None:
        """Hold for good once the bound is past."""
        bound = self._bound
        if bound and is_overdue(bound, now, self._pattern.type):
            self.decide(now.sequence, f"{self._pattern.text} did not happen within {bound}", holds=True)

    def _see(self, seen: Occurrence) -> None:
        bound = self._bound
        if bound is None or seen.at(bound.unit) - self._now.origin(bound.unit) <= bound.size:
            self.decide(seen.sequence, f"{self._pattern.text} happened", seen, needs_all=False)


class BeforeMonitor(Monitor):
    """Judges `before`."""

    def __init__(self, form: Before) -> None:
        """Start before the first event."""
        super().__init__()
        self._bound = form.within
        self._first, self._event = compile_pattern(form.first), compile_pattern(form.event)
        self._key = key_of(form.same, self._first.type)
        self._later_key = key_of(form.same, self._event.type, is_later=True)
        self._first_keys, self._event_keys = data_keys(form.same), data_keys(form.same, is_later=True)
        self._known: dict[Key, tuple[Occurrence | Facts, int]] = {}
        self._checked = 0

    def watches(self) -> Iterator[Watch]:
        """Yield the event, then what must come first, so that an event of both kinds does not permit itself."""
        yield watch_keys(self._event, self._see, self._see_all, self._event_keys, self._first)
        yield watch_keys(self._first, self._see_first, self._see_all_first, self._first_keys, self._event)

    def decision(self, now: Now, *, ended: bool) -> Decision:
        """Return whether all events so far had their permission."""
        del now
        if self.decided:
            return self.decided
        if not self._checked:
            return vacuous(f"{self._event.text} never happened" if ended else f"no {self._event.text} yet")
        return holding(f"all {self._checked} {self._event.text} came after {self._first.text}")

    def pass_to(self, now: Now) -> None:
        """Forget what is too long ago to permit anything; a few are kept, to tell by how much an event missed."""
        bound = self._bound
        if bound is None or len(self._known) <= KEPT_MAX:
            return
        due = now.at(bound.unit) - bound.size
        old = takewhile(lambda each: each[1][0].at(bound.unit) < due, self._known.items())
        for key, _ in list(islice(old, len(self._known) - KEPT_MAX)):
            del self._known[key]

    def _see_first(self, seen: Occurrence) -> None:
        self._permit(self._key(seen), seen, -1)

    def _see_all_first(self, facts: Facts) -> None:
        if self._first_keys:
            for position, key in enumerate(facts.values(self._first_keys), facts.first):
                self._permit(key, facts, position)

    def _permit(self, key: Key, source: Occurrence | Facts, position: int) -> None:
        # The oldest stay in front.
        if self._known.pop(key, None) is None:
            room_for_one_more(len(self._known))
        self._known[key] = source, position

    def _see(self, seen: Occurrence) -> None:
        self._check(self._later_key(seen), seen, -1)

    def _see_all(self, facts: Facts) -> None:
        if self._event_keys:
            for position, key in enumerate(facts.values(self._event_keys), facts.first):
                self._check(key, facts, position)

    def _check(self, key: Key, source: Occurrence | Facts, position: int) -> None:
        """Check that an event has its permission."""
        self._checked += 1
        found, bound = self._known.get(key), self._bound
        if found is None:
            seen = source.occurrence(position)
            text = f"{self._event.text} happened without {self._first.text} before it"
            self.decide(seen.sequence, text, seen)
        elif bound and not is_within(bound, found[0].at(bound.unit), source.at(bound.unit)):
            first, seen = found[0].occurrence(found[1]), source.occurrence(position)
            after = seen.at(bound.unit) - first.at(bound.unit)
            text = f"{self._first.text} was {distance(bound.unit, after)} before, allowed are {bound}"
            missed = distance(bound.unit, after - bound.size)
            self.decide(seen.sequence, text, first, seen, missed_by=missed, nearest=first)


class UntilMonitor(Monitor):
    """Judges `until`."""

    def __init__(self, form: UntilEvent, now: Now) -> None:
        """Start before the first event."""
        super().__init__()
        self._bound, self._now = form.within, now
        self._event, self._until = compile_pattern(form.event), compile_pattern(form.until)
        self._nearest = Nearest(self._until)

    def watches(self) -> Iterator[Watch]:
        """Yield both events."""
        yield watch(self._event, self._see)
        yield watch_near(self._until, self._see_until)

    def decision(self, now: Now, *, ended: bool) -> Decision:
        """Return that the permission has not come, until it comes."""
        text = f"{self._until.text} {'never happened' if ended else 'has not happened'}"
        is_past = is_overdue(self._bound, now, self._until.type)
        return self.decided or failing(text, nearest=self._nearest.occurrence, is_final=is_past)

    def _see(self, seen: Occurrence) -> None:
        text = f"{self._event.text} happened before {self._until.text}"
        self.decide(seen.sequence, text, seen)

    def _see_until(self, seen: Occurrence) -> None:
        if self._until.test and not self._until.test(seen):
            self._nearest.look_at(seen)
            return
        unit = self._bound.unit
        after = seen.at(unit) - self._now.origin(unit)
        if after <= self._bound.size:
            text = f"{self._until.text} happened first, at {distance(unit, after)}"
            self.decide(seen.sequence, text, seen, holds=True)
        else:
            text = f"{self._until.text} happened after {distance(unit, after)}, due were {self._bound}"
            self.decide(seen.sequence, text, missed_by=distance(unit, after - self._bound.size), nearest=seen)


class SequenceMonitor(Monitor):
    """Judges `sequence`: for each key the newest way to come as far as each step, which is the one that leads furthest."""

    def __init__(self, form: Sequence) -> None:
        """Start before the first event."""
        super().__init__()
        self._gap = form.max_gap
        self._steps = [compile_pattern(each) for each in form.events]
        self._keys = [
            key_of(form.same, step.type, is_later=place > 0) for place, step in enumerate(self._steps)
        ]
        self._ways: dict[Key, list[tuple[Occurrence, ...]]] = {}
        self._longest: tuple[Occurrence, ...] = ()
        self._late: tuple[float, Occurrence] | None = None

    def watches(self) -> Iterator[Watch]:
        """Yield the steps, the last first, so that one event is one step."""
        for place in reversed(range(len(self._steps))):
            step = self._steps[place]
            yield watch(step, partial(self._see, place))

    def decision(self, now: Now, *, ended: bool) -> Decision:
        """Return how far the sequence came."""
        del now
        if self.decided:
            return self.decided
        missing, reached = self._steps[len(self._longest)], len(self._longest)
        state = "never came" if ended else "has not come"
        text = f"step {reached + 1} of {len(self._steps)}, {missing.text}, {state} within {self._gap} of step {reached}"
        if not reached:
            text = f"step 1 of {len(self._steps)}, {missing.text}, {state}"
        missed, nearest = "", None
        if self._late:
            missed, nearest = distance(self._gap.unit, self._late[0] - self._gap.size), self._late[1]
        return failing(text, missed, self._longest[-4:], nearest)

    def pass_to(self, now: Now) -> None:
        """Forget ways that nothing can continue."""
        unit = self._gap.unit
        if len(self._ways) > 1:
            due = now.at(unit) - self._gap.size
            self._ways = {
                k: w for k, w in self._ways.items() if any(way and way[-1].at(unit) >= due for way in w)
            }

    def _see(self, place: int, seen: Occurrence) -> None:
        key, unit = self._keys[place](seen), self._gap.unit
        ways = self._ways.get(key)
        if place == 0:
            if ways is None:
                room_for_one_more(len(self._ways))
                ways = self._ways[key] = [() for _ in self._steps]
            ways[0] = (seen,)
            self._longest = self._longest or ways[0]
            return
        before = ways[place - 1] if ways else ()
        if not ways or not before:
            return
        gap = seen.at(unit) - before[-1].at(unit)
        if gap > self._gap.size:
            if len(before) >= len(self._longest) and (self._late is None or gap < self._late[0]):
                self._late, self._longest = (gap, seen), before
            return
        ways[place] = (*before, seen)
        if place + 1 > len(self._longest):
            self._longest, self._late = ways[place], None
        if place + 1 == len(self._steps):
            text = f"all {len(self._steps)} steps came, none more than {self._gap} after the one before"
            self.decide(seen.sequence, text, *ways[place][-5:], holds=True, needs_all=False)
