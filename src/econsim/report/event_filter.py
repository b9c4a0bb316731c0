"""Events of a run that fit what somebody typed: `type:trade agent:buyer_003 words`. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from pydantic_core import to_json

from econsim.domain.audit.describe import describe
from econsim.domain.audit.facts import Fact, Record, facts
from econsim.report.run_view import EVENTS_MAX, SeenEvent

TYPE, AGENT = "type:", "agent:"
"""Beginnings of the words that ask for a type and for an agent."""


@dataclass(frozen=True, slots=True)
class EventSearch:
    """Properties that events must have; an empty search fits all."""

    types: tuple[str, ...] = ()
    """Beginnings of types or actions, one of which must fit."""
    agents: tuple[str, ...] = ()
    """Agents that a fact must all concern."""
    words: tuple[str, ...] = ()
    """Lower-case texts that must all stand in a fact or in its description."""

    @classmethod
    def parse(cls, text: str) -> EventSearch:
        """Return the filter that a text asks for."""
        parts = text.split()
        types = tuple(part.removeprefix(TYPE) for part in parts if part.startswith(TYPE))
        agents = tuple(part.removeprefix(AGENT) for part in parts if part.startswith(AGENT))
        words = tuple(part.casefold() for part in parts if not part.startswith((TYPE, AGENT)))
        return cls(types, agents, words)

    @property
    def is_empty(self) -> bool:
        """Tell whether all events fit."""
        return not (self.types or self.agents or self.words)

    def fits(self, entry: Record) -> bool:
        """Tell whether an event fits: its type does, and one of its facts does."""
        action = entry.type.partition(".")[2]
        if self.types and not any(
            entry.type.startswith(each) or action.startswith(each) for each in self.types
        ):
            return False
        if not (self.agents or self.words):
            return True
        return any(map(self._fits_fact, facts(entry)))

    def _fits_fact(self, fact: Fact) -> bool:
        if not all(map(fact.concerns, self.agents)):
            return False
        if not self.words:
            return True
        text = f"{fact.type} {describe(fact)} {to_json(fact.data).decode()}".casefold()
        return all(word in text for word in self.words)


class EventList:
    """The newest events of a run that fit a filter."""

    def __init__(self) -> None:
        """Start with the empty filter."""
        self.filter = EventSearch()
        """Filter of the list."""
        self.events: deque[SeenEvent] = deque(maxlen=EVENTS_MAX)
        """Events that fit, oldest first."""

    def add(self, event: SeenEvent) -> None:
        """Add the next event, if it fits."""
        if self.filter.fits(event.entry):
            self.events.append(event)

    def put_before(self, earlier: Iterable[SeenEvent]) -> None:
        """Put earlier events that fit before the others, as many as there is room for."""
        self.events = deque([*earlier, *self.events], maxlen=EVENTS_MAX)

    def reset(self, events: Iterable[SeenEvent], wanted: EventSearch | None = None) -> None:
        """Start again with these events, and with another filter if one is given."""
        self.filter = self.filter if wanted is None else wanted
        self.events.clear()
        for event in events:
            self.add(event)
