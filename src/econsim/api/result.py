"""Result of a run: its figures, its tables, its events and facts, its hash.

Of a run in memory the events stay as they were made, plain rows; records and tables are made of them when somebody asks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar, get_args

from econsim import subjects
from econsim.api import arguments
from econsim.api.scenarios import LoadedScenario
from econsim.api.surplus import By, surplus_rows
from econsim.domain.agent.population import population
from econsim.domain.audit.deduplication import Deduplicator
from econsim.domain.audit.envelope import AddressedEvent
from econsim.domain.audit.facts import Fact, Record, as_record, facts
from econsim.domain.audit.late_event import LateEvent
from econsim.domain.measures.measures import mean
from econsim.errors import InvalidMessage, NotFound, SetupError, quoted_value
from econsim.evaluation.bench.period_measures import period_measure, why_no_measure
from econsim.evaluation.bench.plan import Cell
from econsim.evaluation.bench.results import measure_names, result_of
from econsim.report.summary import AgentSummary, MarketSummary, Summary
from econsim.report.table_definitions import CREDITS_TYPE
from econsim.runs.recorder import Recorder
from econsim.schemas.money import format_credits
from econsim.schemas.subject import SubjectKind

if TYPE_CHECKING:
    from econsim.api.notebook import Picture
    from econsim.api.tables import RunTables, Table

Figures = TypeVar("Figures")

_TYPES: Final = frozenset(row.type for row in subjects.TABLE if row.kind is SubjectKind.EVENT)


class Result:
    """One run that has ended.

    Tables (`trades`, `orders`, `quotes`, `periods`, `agents`, `balances`, `events`, `verdicts`) are those of `econsim export`; each is made when it
    is first asked for.
    """

    def __init__(self, events: Iterable[AddressedEvent], figures: Summary | None = None) -> None:
        """Read the events of a run to their end; `figures` are given if they were counted while it went on."""
        recorder, repeats, kept = Recorder(None), Deduplicator(), []
        for addressed in events:
            if figures is None:
                recorder.add(addressed)
            if isinstance(addressed, LateEvent) or not repeats.is_repeat(as_record(addressed)):
                kept.append(addressed)
        self._events: Final = tuple(kept)
        self.figures: Final = figures or recorder.summary()
        """Figures of the run: those of its report, such as `figures.markets[0].efficiency`."""

    @property
    def name(self) -> str:
        """Return the id of the run."""
        return self.figures.run

    @property
    def scenario(self) -> LoadedScenario:
        """Return the scenario that was run, with its seed and settings."""
        return LoadedScenario(self.figures.scenario)

    @property
    def hash(self) -> str:
        """Return the canonical hash: the same for the same scenario and seed, in memory and over NATS."""
        return self.figures.canonical_hash

    @property
    def efficiency(self) -> float | None:
        """Return the surplus of all markets over the most possible, a fraction; none if none was possible."""
        return self.figures.efficiency

    @property
    def alpha(self) -> float | None:
        """Return Smith's alpha, percent: the mean over all periods of all markets; none without trades or equilibrium price."""
        periods = (period for market in self.figures.markets for period in market.periods)
        return mean([period.alpha for period in periods if period.alpha is not None])

    def measure(self, name: str) -> float | None:
        """Return a measure by its name in a design of a study: `efficiency`, `good alpha in 3..5`, `buyer profit in last`.

        In percent, credits or units, as there; without periods, of the whole run; none where nothing was measured. Raises NotFound for
        another name, and for periods that the run does not have.
        """
        arguments.text(name, "measure")
        known, clock = measure_names(self.figures.scenario), self.figures.scenario.clock
        if wrong := why_no_measure(name, known, clock.periods):
            raise NotFound("; ".join(wrong))
        found = result_of(self.figures, Cell(number=1, treatment="", seed=self.scenario.seed), self.name)
        over = period_measure(name)
        return over.value(found) if over else found.measures.get(name)

    @property
    def is_as_expected(self) -> bool:
        """Tell whether every expectation of the scenario holds that was judged."""
        return self.figures.is_as_expected

    @property
    def trades(self) -> Table:
        """Return the trades: a row each."""
        return self.table("trades")

    @property
    def orders(self) -> Table:
        """Return the orders: a row for each that was accepted, and for each command that was refused."""
        return self.table("orders")

    @property
    def quotes(self) -> Table:
        """Return the best bid and ask of each market at the ticks at whose end they had changed."""
        return self.table("quotes")

    @property
    def periods(self) -> Table:
        """Return the figures of each period and market: trades, volume, efficiency, alpha, mean price, surplus, equilibrium."""
        return self.table("periods")

    @property
    def agents(self) -> Table:
        """Return the agents with their groups and policies."""
        return self.table("agents")

    @property
    def balances(self) -> Table:
        """Return every change of what a holder owns, and what it owned then."""
        return self.table("balances")

    @property
    def events(self) -> Table:
        """Return every event of the log, its data as JSON."""
        return self.table("events")

    @property
    def verdicts(self) -> Table:
        """Return the verdicts on the scenario's expectations, in its order."""
        return self.table("verdicts")

    def table(self, name: str) -> Table:
        """Return a table by its name in `econsim export`; raises NotFound for another name."""
        return self._tables.table(arguments.text(name, "table"))

    def surplus(self, by: By = "side") -> Table:
        """Return the surplus of each period and market by side (buyers, sellers, others) or by group of agents.

        Surplus is the worth of what agents traded, less what they paid for it; the parts of a period add up to all of it. Raises
        InvalidMessage for another division.
        """
        if by not in get_args(By):
            message = f"surplus is not divided by {quoted_value(str(by))}; write by='side' or by='group'"
            raise InvalidMessage(message)
        columns = {
            "run": "VARCHAR",
            "period": "BIGINT",
            "resource": "VARCHAR",
            by: "VARCHAR",
            "surplus": "BIGINT",
            "surplus_credits": CREDITS_TYPE,
        }
        found = surplus_rows(self.name, self.figures.scenario, self._events, by)
        rows = ((*row, format_credits(row[-1])) for row in found)
        return self._tables.table_of(f"surplus_by_{by}", columns, rows)

    def figure(self, name: str) -> Picture:
        """Return a figure of the report by its name, as a notebook shows it; raises NotFound for another name, with all names."""
        from econsim.api.notebook import picture

        return picture(self.figures, arguments.text(name, "figure"))

    def report(self, path: str | Path) -> Path:
        """Write the report of the run, one HTML file that loads nothing from elsewhere; return its path.

        Raises SetupError if it cannot be written there.
        """
        from econsim.report.html import write_report

        try:
            return write_report(self.figures, Path(path))
        except OSError as error:
            message = f"the report cannot be written to {path}: {error.strerror}; give the path of a file in a directory of yours"
            raise SetupError(message) from error

    @cached_property
    def records(self) -> tuple[Record, ...]:
        """Return every event in log order, once, with its subject and data."""
        return tuple(map(as_record, self._events))

    def __iter__(self) -> Iterator[Record]:
        """Return an iterator over the events, so that assertions take the run itself."""
        return iter(self.records)

    def __repr__(self) -> str:
        """Return what a failed assertion shows of the run, with the reasons why its figures may mislead."""
        scenario = self.figures.scenario
        size = f"{len(self._events)} events, hash {self.hash[:8]}…"
        return f"<run of {'; '.join((f'{scenario.name}, seed {scenario.seed}, {size}', *self.figures.warnings))}>"

    def _repr_html_(self) -> str:
        """Return the run as a notebook shows it: its figures and price paths."""
        from econsim.api.notebook import result_html

        return result_html(self.figures)

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
        if actor is not None and arguments.text(actor, "agent") not in self._actors:
            message = f"this run has no agent {actor!r}; {_suggestion(actor, self._actors)}"
            raise NotFound(message)
        types = None if kind is None else _types(kind)
        return tuple(
            fact
            for fact in self._facts
            if (types is None or fact.type in types) and (actor is None or fact.concerns(actor))
        )

    @cached_property
    def _tables(self) -> RunTables:
        # Here, because DuckDB is loaded with it, which a test that looks at facts does not need.
        from econsim.api.tables import RunTables

        return RunTables(self._events)

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
    if arguments.text(name, what) not in known:
        message = f"this run has no {what} {name!r}; {_suggestion(name, known)}"
        raise NotFound(message)
    return known[name]


def _types(kind: str) -> frozenset[str]:
    """Return the types of events with a name; a misspelt one would let every test pass that nothing happened."""
    arguments.text(kind, "type of events")
    found = frozenset(each for each in _TYPES if kind in (each, each.partition(".")[2]))
    if not found:
        known = [each if "." in kind else each.partition(".")[2] for each in _TYPES]
        message = f"no event is of type {kind!r}; {_suggestion(kind, known)}"
        raise NotFound(message)
    return found


def _suggestion(name: str, known: Iterable[str]) -> str:
    near = get_close_matches(name, known, 1)
    return f"did you mean {near[0]!r}?" if near else f"there are {', '.join(sorted(known))}"
