"""Monitors of events that follow others: then, latency. Pure."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Final

from econsim.domain.audit.causality import named_cause, names_of
from econsim.domain.expectation.monitor import (
    Decision,
    Monitor,
    See,
    SeeAll,
    Watch,
    failing,
    holding,
    room_for_one_more,
    vacuous,
    watch_keys,
)
from econsim.domain.expectation.names import CATALOG
from econsim.domain.expectation.occurrence import Facts, Key, Now, Occurrence, distance
from econsim.domain.expectation.pattern import compile_pattern, data_keys, fits, key_of
from econsim.schemas.expectation_forms import Latency, Then
from econsim.schemas.expectation_parts import Bound, Correlation, EventPattern

EARLY_MAX: Final = 4_096
"""Facts kept that may stand before what they follow from, in the same tick."""


@dataclass(slots=True)
class _Waiting:
    """A trigger whose event has not come."""

    source: Occurrence | Facts
    """Trigger, or the facts that it is one of."""
    position: int
    """Its position among these."""
    at: float
    """Its place in the bound's unit."""
    key: Key
    is_met: bool = False

    @property
    def trigger(self) -> Occurrence:
        """The trigger; most are met in time, and nobody asks for them again."""
        return self.source.occurrence(self.position)


class FollowUps:
    """Triggers that wait for their event, matched by a key."""

    def __init__(self, trigger: EventPattern, event: EventPattern, within: Bound, same: Correlation) -> None:
        """Start with none."""
        self.trigger, self.event = compile_pattern(trigger), compile_pattern(event)
        self._unit, self._size = within.unit, within.size
        self.key_of_trigger = key_of(same, self.trigger.type)
        """Returns the key by which events belong to a trigger."""
        self.key_of_event = key_of(same, self.event.type, is_later=True)
        """Returns the key by which an event belongs to its trigger."""
        self._trigger_keys, self._event_keys = data_keys(same), data_keys(same, is_later=True)
        self._open: dict[Key, list[_Waiting]] = {}
        self._order: deque[_Waiting] = deque()
        self.begun = 0
        """Number of triggers so far."""

    def watches(self, see: See, see_all: SeeAll, begin: See) -> Iterator[Watch]:
        """Yield the watch for the event, then that for the trigger, so that an event of both kinds does not follow itself."""
        yield watch_keys(self.event, see, see_all, self._event_keys, self.trigger)
        yield watch_keys(self.trigger, begin, self.begin_all, self._trigger_keys, self.event)

    def candidates(self, facts: Facts, *others: Key) -> Iterator[tuple[int, Key]]:
        """Yield position and key of those of a record's facts that triggers wait for, or that have another key of these."""
        waiting, keys_of = self._open, self._event_keys
        if keys_of and (waiting or others):
            keys = facts.values(keys_of)
            # Of most records nothing is waited for.
            if others or not waiting.keys().isdisjoint(keys):
                yield from (
                    (p, key) for p, key in enumerate(keys, facts.first) if key in waiting or key in others
                )

    def begin(self, seen: Occurrence, key: Key | None = None) -> None:
        """Take a trigger."""
        self._wait_for(seen, -1, seen.at(self._unit), self.key_of_trigger(seen) if key is None else key)

    def begin_all(self, facts: Facts) -> None:
        """Take a record's triggers."""
        if self._trigger_keys:
            at = facts.at(self._unit)
            for position, key in enumerate(facts.values(self._trigger_keys), facts.first):
                self._wait_for(facts, position, at, key)

    def _wait_for(self, source: Occurrence | Facts, position: int, at: float, key: Key) -> None:
        room_for_one_more(len(self._order))
        self.begun += 1
        waiting = _Waiting(source, position, at, key)
        self._open.setdefault(key, []).append(waiting)
        self._order.append(waiting)

    def meet(self, seen: Occurrence | Facts, key: Key) -> list[tuple[_Waiting, float]]:
        """Take an event with a key, alone or among its record's; return the triggers that it follows, each with the distance from it."""
        if key not in self._open:
            return []
        here, found, left = seen.at(self._unit), [], []
        for waiting in self._open.pop(key):
            after = here - waiting.at
            # An event of an earlier tick follows nothing of a later one.
            waiting.is_met = after >= 0
            if waiting.is_met:
                found.append((waiting, after))
            else:
                left.append(waiting)
        if left:
            self._open[key] = left
        return found

    def overdue(self, now: Now, *, ended: bool = False) -> Iterator[_Waiting]:
        """Yield and drop the triggers whose event can no longer come in time; all that wait if no more events come."""
        here, size = now.at(self._unit), self._size
        while self._order:
            first = self._order[0]
            if not first.is_met and not ended and here - first.at <= size:
                return
            self._order.popleft()
            if not first.is_met:
                self._forget(first)
                yield first

    @property
    def oldest(self) -> Occurrence | None:
        """Return the trigger that waits longest."""
        return next((each.trigger for each in self._order if not each.is_met), None)

    def _forget(self, waiting: _Waiting) -> None:
        left = [each for each in self._open.get(waiting.key, ()) if each is not waiting]
        if left:
            self._open[waiting.key] = left
        else:
            self._open.pop(waiting.key, None)


class ThenMonitor(Monitor):
    """Judges `then`."""

    def __init__(self, form: Then) -> None:
        """Start before the first event."""
        super().__init__()
        self._answers = FollowUps(form.trigger, form.event, form.within, form.same)
        self._bound = form.within
        self._descent = _Descent() if form.caused else None
        self._nearest: Occurrence | Facts | None = None
        self._overdue: tuple[_Waiting, int] | None = None

    def watches(self) -> Iterator[Watch]:
        """Yield the event and the trigger; all there is, if the chain of causes is followed."""
        if self._descent is None:
            yield from self._answers.watches(self._meet, self._meet_all, self._answers.begin)
            return
        for kind in CATALOG:
            yield Watch(kind, self._follow)

    @property
    def types(self) -> frozenset[str]:
        """Return both types; what lies between on the chain of causes is named by its effects."""
        return frozenset((self._answers.event.type, self._answers.trigger.type))

    def pass_to(self, now: Now) -> None:
        """Note the first trigger whose event did not come; one that comes later tells by how much it missed."""
        for each in self._answers.overdue(now):
            self._overdue = self._overdue or (each, now.sequence)

    def decision(self, now: Now, *, ended: bool) -> Decision:
        """Return whether every trigger so far was followed."""
        oldest = self._answers.oldest
        if self.decided:
            return self.decided
        if self._overdue:
            return self._failure(self._overdue[0].trigger, self._overdue[1])
        if oldest and ended:
            return self._failure(oldest, now.sequence)
        trigger, event = self._answers.trigger.text, self._answers.event.text
        if not self._answers.begun:
            return vacuous(f"{trigger} never happened" if ended else f"no {trigger} yet")
        if oldest:
            return failing(f"{trigger} waits for {event}", witness=(oldest,))
        return holding(f"all {self._answers.begun} {trigger} were followed by {event} within {self._bound}")

    def _meet(self, seen: Occurrence, keys: Sequence[Key] = ()) -> None:
        self._nearest = seen
        for key in keys or (self._answers.key_of_event(seen),):
            self._meet_one(seen, -1, key)

    def _meet_all(self, facts: Facts) -> None:
        # The event of an overdue trigger still tells by how much it missed.
        others = (self._overdue[0].key,) if self._overdue else ()
        for position, key in self._answers.candidates(facts, *others):
            self._meet_one(facts, position, key)
        if len(facts):
            self._nearest = facts

    def _meet_one(self, seen: Occurrence | Facts, position: int, key: Key) -> None:
        """Take an event with a key: alone, or at its position among its record's."""
        if self._overdue and key == self._overdue[0].key:
            trigger = self._overdue[0]
            self._check(trigger, seen, position, seen.at(self._bound.unit) - trigger.at)
        for trigger, after in self._answers.meet(seen, key):
            self._check(trigger, seen, position, after)

    def _check(self, waiting: _Waiting, found: Occurrence | Facts, position: int, after: float) -> None:
        unit = self._bound.unit
        if after > self._bound.size:
            trigger, seen = waiting.trigger, found.occurrence(position)
            text = f"{self._answers.event.text} came {distance(unit, after)} after its trigger, allowed are {self._bound}"
            missed = distance(unit, after - self._bound.size)
            self.decide(seen.sequence, text, trigger, seen, missed_by=missed)

    def _failure(self, trigger: Occurrence, sequence: int) -> Decision:
        text = f"{self._answers.trigger.text} was not followed by {self._answers.event.text} within {self._bound}"
        last = self._nearest.last if isinstance(self._nearest, Facts) else self._nearest
        return failing(text, "", (trigger,), last, is_final=True, sequence=sequence)

    def _follow(self, seen: Occurrence) -> None:
        """Take any fact: it may be an event, a trigger, or a link of the chain of causes between them."""
        answers, descent = self._answers, self._descent
        if descent is None:
            return
        for fact, roots in descent.roots(seen):
            if fits(answers.event, fact):
                same = answers.key_of_event(fact)
                self._meet(fact, [(root, *same) for root in roots])
        if fits(answers.trigger, seen):
            answers.begin(seen, (seen.event_id, *answers.key_of_trigger(seen)))
            for fact in descent.mark(seen, (seen.event_id,)):
                self._follow(fact)


class _Descent:
    """Descent of facts from triggers, along named causes; effects may stand before their causes in the log."""

    def __init__(self) -> None:
        self._roots: OrderedDict[str, tuple[str, ...]] = OrderedDict()
        self._orphans: OrderedDict[str, list[Occurrence]] = OrderedDict()

    def roots(self, seen: Occurrence) -> Iterator[tuple[Occurrence, tuple[str, ...]]]:
        """Yield a fact, and those before it that descend from it, each with the triggers that they descend from."""
        cause = named_cause(seen.fact)
        found = self._roots.get(cause) if cause else None
        if found:
            yield seen, found
            for fact in self.mark(seen, found):
                yield from self.roots(fact)
        elif cause:
            self._orphans.setdefault(cause, []).append(seen)
            if len(self._orphans) > EARLY_MAX:
                self._orphans.popitem(last=False)

    def mark(self, seen: Occurrence, roots: tuple[str, ...]) -> list[Occurrence]:
        """Note that a fact descends from triggers; return the facts before it that name it as their cause."""
        orphans: list[Occurrence] = []
        for name in (seen.event_id, *names_of(seen.fact)):
            self._roots[name] = tuple(dict.fromkeys((*self._roots.get(name, ()), *roots)))
            self._roots.move_to_end(name)
            orphans += self._orphans.pop(name, ())
        while len(self._roots) > 16 * EARLY_MAX:
            self._roots.popitem(last=False)
        return orphans


class LatencyMonitor(Monitor):
    """Judges `latency`: a share of the latencies is within the bound exactly if as many are; none has to be kept."""

    def __init__(self, form: Latency) -> None:
        """Start before the first event."""
        super().__init__()
        self._answers = FollowUps(form.trigger, form.event, form.at_most, form.same)
        self._share, self._bound = form.percentile, form.at_most
        self._fast = self._slow = 0
        self._worst: tuple[float, _Waiting, Occurrence | None] | None = None

    def watches(self) -> Iterator[Watch]:
        """Yield the event, then the trigger."""
        yield from self._answers.watches(self._meet, self._meet_all, self._answers.begin)

    def pass_to(self, now: Now) -> None:
        """Count triggers whose event is overdue as late."""
        for each in self._answers.overdue(now):
            self._late(each, None, float("inf"))

    def decision(self, now: Now, *, ended: bool) -> Decision:
        """Return whether enough of the triggers were followed in time."""
        if ended:
            for each in self._answers.overdue(now, ended=True):
                self._late(each, None, float("inf"))
        total = self._fast + self._slow
        if not total:
            return vacuous(f"{self._answers.trigger.text} never happened")
        text = f"{self._fast} of {total} were within {self._bound}, {100 * self._fast / total:.3g} %"
        # Rounded first: 99 % of 100 must be 99, and 0.99 * 100 is a little more.
        needed = ceil(round(self._share * total / 100, 9))
        if self._fast >= needed:
            return holding(text)
        missed = f"{needed - self._fast} of {total} events"
        witness: tuple[Occurrence, ...] = ()
        if self._worst:
            after, waiting, event = self._worst
            witness = (waiting.trigger, event) if event else (waiting.trigger,)
            missed += (
                f"; the latest came after {distance(self._bound.unit, after)}"
                if event
                else "; one did not come in time"
            )
        return failing(f"{text}, {self._share:g} % are needed", missed, witness)

    def _meet(self, seen: Occurrence) -> None:
        self._meet_one(seen, -1, self._answers.key_of_event(seen))

    def _meet_all(self, facts: Facts) -> None:
        for position, key in self._answers.candidates(facts):
            self._meet_one(facts, position, key)

    def _meet_one(self, seen: Occurrence | Facts, position: int, key: Key) -> None:
        for waiting, after in self._answers.meet(seen, key):
            if after <= self._bound.size:
                self._fast += 1
            else:
                self._late(waiting, seen.occurrence(position), after)

    def _late(self, waiting: _Waiting, event: Occurrence | None, after: float) -> None:
        self._slow += 1
        if self._worst is None or after > self._worst[0]:
            self._worst = after, waiting, event
