"""The graph of causes over the facts of a run. Pure; `econsim why` prints it.

The envelope of a market event names the tick as its cause; its items have nearer causes, found by the economy's own
ids: a trade follows from the taker's order, a chain from its order, trade, call or event, a cancel from the order it
removes, a tick from its period.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from econsim import subjects
from econsim.domain.audit.envelope import AddressedEvent
from econsim.domain.audit.facts import Fact, Record, facts
from econsim.domain.finding import TICK, Finding
from econsim.errors import NotFound

DEPTH_MAX: Final = 12
"""Levels of effects below a fact: from a tick to the last transfer there are five."""

AMBIGUOUS_SHOWN: Final = 4
"""Number of candidates named when a prefix fits several facts."""

UNCAUSED_TYPES: Final = frozenset(
    row.type
    for row in (
        subjects.COMMANDED,
        subjects.TRUST_CHANGED,
        subjects.QUOTA_CHANGED,
        subjects.LETTER_BURIED,
        subjects.LETTER_RETRIED,
        subjects.LETTER_DROPPED,
        subjects.ADMISSION_REJECTED,
        subjects.AGENT_SUSPENDED,
        subjects.CONNECTION_CHANGED,
    )
)
"""Types of events that need no cause in the run: decisions of people, and observations around the economy. Their
publishers know no tick, so theirs is 0, and a reader takes the tick that is open at their place in the log."""


@dataclass(frozen=True, slots=True)
class EffectTree:
    """A fact with the tree of its effects."""

    fact: Fact
    """Fact at the root of the tree."""
    effects: tuple[EffectTree, ...]
    """Effects of the fact, in the order they were read."""


class CausalGraph:
    """The graph of a run's facts and their causes."""

    def __init__(self, events: Iterable[Record | AddressedEvent] = ()) -> None:
        """Start with these events; more may be added in any order."""
        self._facts: dict[str, Fact] = {}
        self._names: dict[str, str] = {}
        self._effects: dict[str, list[str]] | None = None
        for event in events:
            self.add(event)

    def __len__(self) -> int:
        """Return the number of facts."""
        return len(self._facts)

    def __contains__(self, name: object) -> bool:
        """Return whether an id stands for a fact."""
        return name in self._facts or name in self._names

    def ids(self, fact: Fact) -> list[str]:
        """Return the ids that stand for a fact."""
        return [fact.event_id, *(name for name, event_id in self._names.items() if event_id == fact.event_id)]

    def add(self, event: Record | AddressedEvent) -> None:
        """Add one event; a repeat changes nothing."""
        self._effects = None
        for fact in facts(event):
            self._facts[fact.event_id] = fact
            for name in _names(fact):
                self._names[name] = fact.event_id
            for name in _weak_names(fact):
                self._names.setdefault(name, fact.event_id)

    def find(self, name: str) -> Fact:
        """Return the fact that an id stands for; raises NotFound if none fits, or more than one.

        An id is that of an event, an item (`<event>.<index>`), a trade, an order, a call or a chain, or the unique
        beginning of one. The id of a batch stands for its first item, the id of an order for its acceptance or
        refusal, the receipt of a call for its outcome.
        """
        exact = name if name in self._facts else self._names.get(name)
        if exact is not None:
            return self._facts[exact]
        found = sorted({fact for word, fact in self._ids() if word.startswith(name)}) if name else []
        batches = {fact.partition(".")[0] for fact in found}
        if len(found) == 1 or (len(batches) == 1 and found[0].startswith(name)):
            return self._facts[found[0]]
        if not found:
            message = f"no event, trade, order, call or chain {name!r} in this run"
            raise NotFound(message, id=name)
        shown = ", ".join(found[:AMBIGUOUS_SHOWN])
        message = f"{name!r} fits {len(found)} facts, among them {shown}; give more of the id"
        raise NotFound(message, code="id_is_ambiguous", id=name)

    def cause(self, fact: Fact) -> Fact | None:
        """Return the cause of a fact; none for the root, and where the log has a gap."""
        nearest = self._lookup(named_cause(fact))
        # A refused reservation names the call or order that it is for, which has no other fact.
        return self._lookup(fact.causation_id) if nearest in (None, fact) else nearest

    def chain(self, name: str) -> list[Fact]:
        """Return the fact that an id stands for, its cause, the cause of that, and so on to the root."""
        steps: dict[str, Fact] = {}
        fact: Fact | None = self.find(name)
        while fact is not None and fact.event_id not in steps:
            steps[fact.event_id] = fact
            fact = self.cause(fact)
        return list(steps.values())

    def tree(self, name: str, depth_max: int = DEPTH_MAX) -> EffectTree:
        """Return the fact that an id stands for, with the tree of its effects."""
        if self._effects is None:
            self._effects = self._effects_by_cause()
        return self._effect_tree(self.find(name), depth_max, self._effects)

    def findings(self) -> list[Finding]:
        """Return the faults of the whole run; none if every fact leads to the root.

        A `gap` is a fact of which the cause is not in the log, an `orphan` names no cause and is not the root, a
        `cycle` is its own cause. The evidence is the cause it names, or its type.
        """
        return [finding for fact in self._facts.values() if (finding := self._check(fact)) is not None]

    def _lookup(self, name: str | None) -> Fact | None:
        return None if name is None else self._facts.get(self._names.get(name, name))

    def _check(self, fact: Fact) -> Finding | None:
        if fact.type == subjects.RUN_OPENED.type or _needs_no_cause(fact.type):
            return None
        named = named_cause(fact)
        if named is None:
            return Finding(fact.tick, fact.event_id, "orphan", fact.type, TICK)
        cause = self._lookup(named)
        if cause == fact and fact.type == subjects.TRANSFER_REFUSED.type:
            cause = self.cause(fact)
        if cause is None:
            return Finding(fact.tick, fact.event_id, "gap", named, TICK)
        if cause.event_id == fact.event_id:
            return Finding(fact.tick, fact.event_id, "cycle", fact.type, TICK)
        return None

    def _effects_by_cause(self) -> dict[str, list[str]]:
        effects: dict[str, list[str]] = {}
        for fact in self._facts.values():
            cause = self.cause(fact)
            if cause is not None:
                effects.setdefault(cause.event_id, []).append(fact.event_id)
        return effects

    def _effect_tree(self, fact: Fact, depth: int, effects: dict[str, list[str]]) -> EffectTree:
        below = effects.get(fact.event_id, ()) if depth else ()
        return EffectTree(
            fact, tuple(self._effect_tree(self._facts[name], depth - 1, effects) for name in below)
        )

    def _ids(self) -> Iterator[tuple[str, str]]:
        yield from ((name, name) for name in self._facts)
        yield from self._names.items()


def _needs_no_cause(kind: str) -> bool:
    """Return whether events of this type need no cause in the run; agents' own reports need none."""
    own = kind.partition(".")[0] == "agent" and kind != subjects.CYCLE_COMPLETED.type
    return own or kind in UNCAUSED_TYPES


def names_of(fact: Fact) -> Iterator[str]:
    """Yield all ids that stand for a fact, besides its own: those of its order, trade, call, chain or batch."""
    yield from _names(fact)
    yield from _weak_names(fact)


def _names(fact: Fact) -> Iterator[str]:
    """Yield the ids that stand for a fact, besides its own."""
    data = fact.data
    match fact.type:
        case subjects.BID_ACCEPTED.type | subjects.ASK_ACCEPTED.type:
            yield data["order_id"]
        case subjects.TRADE_EXECUTED.type:
            yield data["trade_id"]
        case subjects.LLM_INVOKED.type | subjects.TOOL_COMPLETED.type | subjects.TOOL_FAILED.type:
            yield data["id"]
        case subjects.QUESTION_ASKED.type:
            yield data["question_id"]
        case subjects.TASK_DELEGATED.type:
            yield data["task_id"]
        case subjects.TICKED.type:
            yield f"tick.{fact.tick}"
        case subjects.RUN_OPENED.type:
            yield "endow"
        case subjects.PERIOD_OPENED.type:
            yield f"deal.{data['period']}"
        case subjects.PERIOD_CLOSED.type:
            yield f"redeem.{data['period']}"


def _weak_names(fact: Fact) -> Iterator[str]:
    """Yield the ids that stand for a fact unless they stand for another: a fill's chain has its trade's id."""
    event, _, index = fact.event_id.partition(".")
    if index == "0":
        yield event
    if fact.type == subjects.ORDER_REJECTED.type:
        yield fact.data["order_id"]
    elif "cause" in fact.data and "id" in fact.data:
        yield fact.data["id"]


def named_cause(fact: Fact) -> str | None:
    """Return the id of a fact's nearest cause, by the economy's ids if it has any; the log may have no such fact."""
    data = fact.data
    if fact.type == subjects.TRADE_EXECUTED.type:
        return str(data["bid_id"] if data["taker"] == "bid" else data["ask_id"])
    if fact.type == subjects.ORDER_CANCELLED.type:
        return str(data["order_id"])
    if fact.type == subjects.QUESTION_ENDED.type:
        return str(data["question_id"])
    if fact.type in _STEPS_OF_TASKS:
        return str(data["task_id"])
    if fact.type in _SOCIAL_BEGINNINGS and fact.causation_id is None:
        return f"tick.{fact.tick}" if fact.tick else "endow"
    return data.get("cause", fact.causation_id) or _enclosing_period(fact)


_STEPS_OF_TASKS: Final = frozenset(
    row.type for row in (subjects.TASK_OFFERED, subjects.TASK_ADVANCED, subjects.TASK_SETTLED)
)
"""Types of events about a task that was delegated before."""

_SOCIAL_BEGINNINGS: Final = frozenset(
    row.type
    for row in (
        subjects.QUESTION_ASKED,
        subjects.TASK_DELEGATED,
        subjects.TASK_REFUSED,
        subjects.MESSAGE_POSTED,
        subjects.CONSENT_CHANGED,
    )
)
"""Types of events of the social service that name no cause: an agent's request in the tick led to them."""


def _enclosing_period(fact: Fact) -> str | None:
    """Return the cause of a clock's event with an envelope that names none: its period, or the run."""
    if fact.type in (subjects.TICKED.type, subjects.PERIOD_CLOSED.type):
        return f"deal.{fact.data['period']}"
    return "endow" if fact.type in (subjects.PERIOD_OPENED.type, subjects.RUN_CLOSED.type) else None
