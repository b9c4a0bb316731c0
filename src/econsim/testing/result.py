"""Result of a test's run: its events as records and facts, its figures, and its hash."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from functools import cached_property
from typing import Final, TypeVar

from econsim import subjects
from econsim.domain.agent.population import population
from econsim.domain.audit.deduplication import Deduplicator
from econsim.domain.audit.envelope import AddressedEvent
from econsim.domain.audit.facts import Fact, Record, as_record, facts
from econsim.errors import NotFound
from econsim.report.summary import AgentSummary, MarketSummary, Summary
from econsim.runs.recorder import Recorder
from econsim.schemas.subject import SubjectKind

Figures = TypeVar("Figures")

_TYPES: Final = frozenset(row.type for row in subjects.TABLE if row.kind is SubjectKind.EVENT)


class Result:
    """One run that has ended."""

    def __init__(self, events: Iterable[AddressedEvent]) -> None:
        """Read the events of a run to their end."""
        recorder, repeats, records = Recorder(None), Deduplicator(), []
        for addressed in events:
            recorder.add(addressed)
            if not repeats.is_repeat(entry := as_record(addressed)):
                records.append(entry)
        self.records: tuple[Record, ...] = tuple(records)
        """Every event in log order, once, with its subject and data."""
        self.figures: Summary = recorder.summary()
        """Figures of the run: those of its report, such as `figures.markets[0].efficiency`."""

    def __iter__(self) -> Iterator[Record]:
        """Return an iterator over the events, so that assertions take the run itself."""
        return iter(self.records)

    def __repr__(self) -> str:
        """Return what a failed assertion shows of the run."""
        scenario = self.figures.scenario
        return f"<run of {scenario.name}, seed {scenario.seed}, {len(self.records)} events, hash {self.hash[:8]}…>"

    @property
    def hash(self) -> str:
        """Return the canonical hash: the same for the same scenario and seed, in memory and over NATS."""
        return self.figures.canonical_hash

    def market(self, resource: str) -> MarketSummary:
        """Return the figures of a market: trades, efficiency, prices; raises NotFound for another resource."""
        return _entry(resource, {each.resource: each for each in self.figures.markets}, "market")

    def agent(self, name: str) -> AgentSummary:
        """Return the money of an agent at the end, and its profit, in micro-credits; raises NotFound for another name."""
        return _entry(name, {each.agent: each for each in self.figures.holders}, "agent")

    def facts(self, kind: str | None = None, actor: str | None = None) -> tuple[Fact, ...]:
        """Return what happened, in log order: each trade, order, transfer by itself.

        `kind` is the type of an event (`market.trade_executed`) or its last word (`trade_executed`); `actor` an agent that did
        it or took part. Raises NotFound for a type that no event has, and for an agent that the run does not have.
        """
        if actor is not None and actor not in self._actors:
            message = f"this run has no agent {actor!r}; {_suggestion(actor, self._actors)}"
            raise NotFound(message)
        types = None if kind is None else _types(kind)
        return tuple(
            fact
            for fact in self._facts
            if (types is None or fact.type in types) and (actor is None or fact.concerns(actor))
        )

    @cached_property
    def _actors(self) -> frozenset[str]:
        """Return the agents, all who hold money, and the services that did something."""
        agents = (each.id for each in population(self.figures.scenario))
        holders = (each.agent for each in self.figures.holders)
        return frozenset((*agents, *holders, *(fact.actor for fact in self._facts)))

    @cached_property
    def _facts(self) -> tuple[Fact, ...]:
        return tuple(fact for entry in self.records for fact in facts(entry))


def _entry(name: str, known: Mapping[str, Figures], what: str) -> Figures:
    if name not in known:
        message = f"this run has no {what} {name!r}; {_suggestion(name, known)}"
        raise NotFound(message)
    return known[name]


def _types(kind: str) -> frozenset[str]:
    """Return the types of events with a name; a misspelt one would let every test pass that nothing happened."""
    found = frozenset(each for each in _TYPES if kind in (each, each.partition(".")[2]))
    if not found:
        known = [each if "." in kind else each.partition(".")[2] for each in _TYPES]
        message = f"no event is of type {kind!r}; {_suggestion(kind, known)}"
        raise NotFound(message)
    return found


def _suggestion(name: str, known: Iterable[str]) -> str:
    near = get_close_matches(name, known, 1)
    return f"did you mean {near[0]!r}?" if near else f"there are {', '.join(sorted(known))}"
