"""Monitors of state: state at an event, stable. Pure."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from math import inf
from typing import Final

from econsim import subjects
from econsim.domain.expectation.ledger_state import StateFold, StateName
from econsim.domain.expectation.monitor import (
    GAP_DECIMALS,
    Decision,
    Monitor,
    Watch,
    failing,
    holding,
    room_for_one_more,
    vacuous,
    watch,
)
from econsim.domain.expectation.names import nearest
from econsim.domain.expectation.occurrence import Now, Occurrence
from econsim.domain.expectation.pattern import (
    Read,
    compile_pattern,
    constraint_words,
    miss,
    predicate,
    reader,
)
from econsim.errors import InvalidExpectation
from econsim.schemas.expectation_forms import Stable, State

PARTS: Final = ("balance", "reserved", "debt", "holdings", "price")
"""Words that a key of state may have after the holder."""

_PLACE: Final = re.compile(r"\{([\w.]+)\}")


def state_name(key: str) -> StateName:
    """Return what a key of state names; raises InvalidExpectation with the nearest part."""
    holder, part, *rest = (*key.split("."), "")
    if part not in PARTS or not holder or len([each for each in rest if each]) != (part == "holdings"):
        close = nearest(part or "balance", PARTS)[0]
        shape = f"{holder or 'genesis_001'}.{close}{'.cpu' if close == 'holdings' else ''}"
        message = f"{key!r} is no key of state; did you mean {shape!r}? Its parts are {', '.join(PARTS)}"
        raise InvalidExpectation(message, name=key)
    return StateName(holder, part, rest[0])


class StateMonitor(Monitor):
    """Judges `state`."""

    def __init__(self, form: State, state: StateFold, now: Now) -> None:
        """Start before the first event."""
        super().__init__()
        self._form, self._state, self._now = form, state, now
        self._test = predicate(form.value)
        self._pattern = compile_pattern(form.at) if form.at else None
        places = _PLACE.findall(form.key)
        if places and self._pattern is None:
            message = (
                f"{form.key!r} has places in braces, which only an event can fill; give at = {{ type = … }}"
            )
            raise InvalidExpectation(message, name=form.key)
        kind = self._pattern.type if self._pattern else ""
        self._reads: dict[str, Read] = {place: reader(kind, place) for place in places}
        self._shape = state_name(_PLACE.sub("x", form.key))
        state.before_tick(self._shape, self._settle)
        self._waiting: deque[Occurrence] = deque()
        self._checked = 0

    @property
    def count(self) -> int:
        """Return the number of events after which the state is looked at; 0 for none."""
        return self._form.at_event_seq or 0

    def watches(self) -> Iterator[Watch]:
        """Yield the event at which the state is looked at."""
        if self._pattern:
            yield watch(self._pattern, self._see)

    @property
    def types(self) -> frozenset[str]:
        """Return the event and what changes the state."""
        changes = subjects.PRICE_UPDATED if self._shape.part == "price" else subjects.TRANSFER_POSTED
        return frozenset((changes.type, *(each.type for each in self.watches())))

    def look(self) -> None:
        """Look at the state as the log has it now, after so many events as was asked for."""
        self._check(None, self._form.key)

    def decision(self, now: Now, *, ended: bool) -> Decision:
        """Return whether the state was right everywhere."""
        if ended:
            self._settle(inf)
        if self.decided:
            return self.decided
        if self._checked:
            text = f"{self._form.key} was {constraint_words(self._form.value)} at all {self._checked} events"
            return holding(text)
        if self._pattern:
            return vacuous(
                f"{self._pattern.text} never happened" if ended else f"no {self._pattern.text} yet"
            )
        text = f"the run has {now.count} events, state is looked at after {self.count}"
        return vacuous(text) if ended else holding(text)

    def _see(self, seen: Occurrence) -> None:
        room_for_one_more(len(self._waiting))
        self._waiting.append(seen)

    def _settle(self, tick: float) -> None:
        """Look at the state of the events before a tick, which is complete now."""
        while self._waiting and self._waiting[0].tick < tick:
            seen = self._waiting.popleft()
            key = _PLACE.sub(lambda place: str(self._reads[place[1]](seen)), self._form.key)  # noqa: B023 - called at once
            self._check(seen, key)

    def _check(self, seen: Occurrence | None, key: str) -> None:
        self._checked += 1
        value = self._value(key)
        if value is not None and self._test(value):
            if self._pattern is None:
                self.decide(self._now.sequence, f"{key} was {value:g}", holds=True)
            return
        gap = miss(self._form.value, value)
        what = "is not known" if value is None else f"was {value:g}"
        text = f"{key} {what}, {constraint_words(self._form.value)} must hold"
        if value is None:
            known = {holder for holder, _ in self._state.accounts} | self._state.prices.keys()
            close = nearest(key.partition(".")[0], sorted(known))
            text += f"; the nearest name is {close[0]!r}" if close else ""
        missed = "" if gap is None else f"{gap:.6f}".rstrip("0").rstrip(".")
        self.decide(self._now.sequence, text, *((seen,) if seen else ()), missed_by=missed)

    def _value(self, key: str) -> float | None:
        """Return what a key holds; none where an event has filled its places with what is no name."""
        try:
            return self._state.value(state_name(key))
        except InvalidExpectation:
            return None


class StableMonitor(Monitor):
    """Judges `stable`: keeps the value of each tick of the run's end in which it changed."""

    def __init__(self, form: Stable, state: StateFold) -> None:
        """Start before the first event."""
        super().__init__()
        self._form, self._state = form, state
        self._name = state_name(form.key)
        state.before_tick(self._name, self._note)
        self._values: deque[tuple[int, float]] = deque()
        self._tick = 0

    @property
    def types(self) -> frozenset[str]:
        """Return what changes the state."""
        price = self._name.part == "price"
        return frozenset(((subjects.PRICE_UPDATED if price else subjects.TRANSFER_POSTED).type,))

    def decision(self, now: Now, *, ended: bool) -> Decision:
        """Return whether the state has stayed within its band lately."""
        del ended
        held = [*self._values, *self._newest(now.tick)]
        start = now.tick - int(self._form.lasting.size)
        recent = [value for tick, value in held if tick > start]
        before = [value for tick, value in held if tick <= start]
        values = before[-1:] + recent
        if not values:
            return vacuous(f"{self._form.key} never had a value")
        if start < 0:
            return failing(f"the run has {now.tick} ticks, {self._form.lasting} must be stable")
        band = round(max(values) - min(values), GAP_DECIMALS)
        text = f"{self._form.key} lay between {min(values):g} and {max(values):g} in the last {self._form.lasting}"
        if band <= self._form.band:
            return holding(text)
        return failing(f"{text}, a band of {self._form.band:g} is allowed", f"{band - self._form.band:g}")

    def _note(self, tick: int) -> None:
        """Note the value that held until a tick, if it changed."""
        self._values += self._newest(tick - 1)
        self._tick = tick
        start = tick - 1 - self._form.lasting.size
        while len(self._values) > 1 and self._values[1][0] <= start:
            self._values.popleft()

    def _newest(self, tick: int) -> tuple[tuple[int, float], ...]:
        """Return the value at the end of a tick with the tick since which it holds; nothing if it did not change."""
        value = self._state.value(self._name)
        if value is None or (self._values and self._values[-1][1] == value):
            return ()
        return ((self._tick or tick, value),)
