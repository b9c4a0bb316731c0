"""Summary of a run: the numbers of every table and chart, as plain frozen records.

Owns no formula (those are in `domain/measures/measures.py`) and no picture. `aggregate.RunAggregator` makes it from the log.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from operator import attrgetter

from econsim.domain.clock.surplus import NO_SURPLUS, SurplusShares
from econsim.domain.expectation.verdict import Verdict
from econsim.domain.measures.equilibrium import Equilibrium
from econsim.domain.measures.measures import gini, mean
from econsim.report.gains import GroupGains
from econsim.report.speed import Speed
from econsim.report.thinking import GroupThinking
from econsim.report.tools import GroupTools
from econsim.report.trades import Trades
from econsim.report.work import GroupWork
from econsim.schemas.expectation import MeasureExpectation
from econsim.schemas.scenario import Mode, PolicyName, Scenario
from econsim.schemas.types import MICROS_PER_CREDIT

Quoted = tuple[int | None, int | None]
"""Best bid and best ask at the end of a tick, micro-credits a unit; none where the book had none."""


@dataclass(frozen=True, slots=True)
class Period:
    """Numbers of one market on one trading day."""

    number: int
    """Number of the trading day, from 1."""
    trades: int
    """Count of fills."""
    volume: int
    """Count of units traded."""
    surplus: int
    """Surplus: values of units bought minus costs of units sold, micro-credits."""
    efficiency: float | None
    """Efficiency: surplus over the highest possible, a fraction; none where no surplus is possible."""
    alpha: float | None
    """Smith's alpha, percent; none without trades."""
    mean_price: float | None
    """Mean price over units traded, credits; none without trades."""
    shares: SurplusShares = NO_SURPLUS
    """Surplus by who has it: buyers, sellers, others; together `surplus`."""
    first_arrival: float | None = None
    """Share of the units that the first seller to arrive sold, a fraction; none without trades."""
    equilibrium: Equilibrium | None = None
    """P0, Q0 and the highest surplus of the day's schedule, without price limits and taxes; none where nobody computed it."""
    constrained: Equilibrium | None = None
    """The same within the price limits and after the tax of the day; equal to `equilibrium` where neither binds."""
    constrained_efficiency: float | None = None
    """Efficiency against the highest surplus within the price limits and after the tax, a fraction."""
    constrained_alpha: float | None = None
    """Smith's alpha around the equilibrium price within the price limits and after the tax, percent."""
    tax: int = 0
    """Tax of the units traded, micro-credits; negative for a subsidy."""

    @property
    def is_constrained(self) -> bool:
        """Tell whether the price limits or the tax of the day change the equilibrium."""
        return self.constrained != self.equilibrium


@dataclass(frozen=True, slots=True)
class MarketSummary:
    """Numbers of one market over the whole run."""

    resource: str
    """Resource that is traded."""
    mechanism: str
    """Mechanism of the market."""
    equilibrium: Equilibrium
    """P0, Q0 and the highest surplus of the first period, from the schedule; `periods` have those of every period."""
    values: tuple[int, ...]
    """Buyers' unit values in the first period, highest first, micro-credits."""
    costs: tuple[int, ...]
    """Sellers' unit costs in the first period, lowest first, micro-credits."""
    periods: tuple[Period, ...]
    """Trading days in order."""
    trades: Trades
    """All trades of the market."""
    orders: int
    """Count of actions that the book processed."""
    rejected: dict[str, int]
    """Refusal code → count of orders."""
    quotes: tuple[tuple[int, Quoted], ...] = ()
    """Tick and best prices at its end, oldest first; of a long run every second, fourth, … tick."""

    def __repr__(self) -> str:
        """Return the market in a line, with what most people look for."""
        means = f"efficiency {_text(self.efficiency, '.1%')}, alpha {_text(self.alpha, '.1f')} %, mean price {_text(self.mean_price, '.3f')}"
        return f"<market {self.resource}: {len(self.periods)} periods, {len(self.trades):,} trades, {means}>"

    @property
    def volume(self) -> int:
        """Return the units traded."""
        return sum(self.trades.quantities)

    @property
    def efficiency(self) -> float | None:
        """Return the mean of the periods' efficiencies, a fraction."""
        return mean([p.efficiency for p in self.periods if p.efficiency is not None])

    @property
    def alpha(self) -> float | None:
        """Return the mean of the periods' Smith's alphas, percent."""
        return mean([p.alpha for p in self.periods if p.alpha is not None])

    @property
    def mean_price(self) -> float | None:
        """Return the mean of the periods' mean prices, credits."""
        return mean([p.mean_price for p in self.periods if p.mean_price is not None])

    @property
    def constrained_efficiency(self) -> float | None:
        """Return the mean of the periods' efficiencies within price limits and after tax, a fraction; none where neither ever binds."""
        if not any(period.is_constrained for period in self.periods):
            return None
        return mean([p.constrained_efficiency for p in self.periods if p.constrained_efficiency is not None])

    @property
    def varies(self) -> bool:
        """Tell whether the equilibrium without price limits and taxes differs from period to period."""
        return len({period.equilibrium for period in self.periods}) > 1

    @property
    def lasting_equilibrium(self) -> Equilibrium | None:
        """Return the equilibrium within price limits and after tax that all periods have; none if they differ."""
        found = {period.constrained for period in self.periods}
        return found.pop() if len(found) == 1 else None

    @property
    def surplus_max(self) -> int:
        """Return the most surplus of all periods together, micro-credits, without price limits and taxes."""
        return sum(p.equilibrium.surplus_max for p in self.periods if p.equilibrium)

    @property
    def constrained_surplus_max(self) -> int:
        """Return the most surplus of all periods together, micro-credits, within price limits and after taxes."""
        return sum(p.constrained.surplus_max for p in self.periods if p.constrained)

    @property
    def equilibrium_price(self) -> float | None:
        """Return P0 in credits; none where the schedule has none, or another from period to period."""
        price = None if self.varies else self.equilibrium.price
        return None if price is None else price / MICROS_PER_CREDIT


@dataclass(frozen=True, slots=True)
class AgentSummary:
    """Money of an agent at the end."""

    agent: str
    """Id of the agent."""
    group: str
    """Group of the agent."""
    credits: int
    """Money owned, micro-credits."""
    debt: int
    """Money owed to the treasury, micro-credits."""
    profit: int
    """Wealth beyond the endowment, micro-credits."""

    @property
    def wealth(self) -> int:
        """Return the money owned less the money owed, micro-credits."""
        return self.credits - self.debt


@dataclass(frozen=True, slots=True)
class ExpectationResult:
    """Expectation of the scenario with the measured value."""

    expectation: MeasureExpectation
    """Expectation: measure, value, tolerance, source."""
    measured: float | None
    """Mean over the periods, in the measure's unit; none if it could not be measured."""
    periods: int
    """Count of the periods that were measured: they follow each other in one run, so their mean has no interval."""

    @property
    def holds(self) -> bool:
        """Tell whether the mean lies within the tolerance."""
        if self.measured is None:
            return False
        return abs(self.measured - self.expectation.value) <= self.expectation.tolerance


@dataclass(frozen=True, slots=True)
class Summary:
    """Summary of a run."""

    run: str
    """Id of the run."""
    scenario: Scenario
    """Scenario of the run."""
    ticks: int
    """Count of ticks."""
    periods: int
    """Count of trading days."""
    period_starts: tuple[int, ...]
    """First tick of each trading day."""
    closed: bool
    """True once the run has ended."""
    stopped: bool
    """True if an operator stopped the run and nobody resumed it."""
    failure: str
    """Reason why it ended early, as a sentence; empty when it ran to its end, or is open."""
    dead_letters: int
    """Dead letters: messages of the run that no handler could process; their effects are missing."""
    markets: tuple[MarketSummary, ...]
    """Markets in the order of the scenario."""
    holders: tuple[AgentSummary, ...]
    """Agents, poorest first."""
    messages: dict[str, int]
    """Event type → count of messages."""
    set_aside: dict[str, str] = field(default_factory=dict)
    """Agent that was set aside → reason, as a sentence."""
    thinking: tuple[GroupThinking, ...] = ()
    """Thinking of the groups whose agents asked models; empty for a run without calls."""
    tools: tuple[GroupTools, ...] = ()
    """Tools of the groups whose agents called any; empty for a run without calls."""
    work: tuple[GroupWork, ...] = ()
    """Questions and tasks of the groups whose agents had any; empty for a run without."""
    gains: tuple[GroupGains, ...] = ()
    """Net gains of all groups."""
    canonical_hash: str = ""
    """Canonical hash: SHA-256 of the canonical log; empty if not computed."""
    kept_until: str = ""
    """Day on which the log begins to delete the run; empty for a run that is in no log."""
    speed: Speed | None = None
    """Speed of the run; none for a run that was read from its log."""
    verdicts: tuple[ExpectationResult, ...] = field(default=())
    """Measures that the scenario expects, with their measured values."""
    judged: tuple[Verdict, ...] = ()
    """Verdicts on the scenario's expectations about events; a witness is counted in the events of the run."""

    def __repr__(self) -> str:
        """Return the figures in a line."""
        markets = ", ".join(market.resource for market in self.markets)
        return f"<figures of run {self.run}: {self.scenario.name}, {self.periods} periods, {markets}, {self.trades:,} trades>"

    @property
    def is_as_expected(self) -> bool:
        """True if every expectation that was judged holds."""
        return all(each.holds for each in self.verdicts) and all(each.outcome.is_pass for each in self.judged)

    @property
    def unfinished(self) -> str:
        """Return the progress of an unfinished run, as a sentence; empty for a finished run."""
        if self.closed:
            return ""
        reached = f"tick {self.ticks}, period {self.periods} of {self.scenario.clock.periods}"
        if self.stopped:
            return f"run {self.run} was stopped at {reached}; `econsim resume {self.run}` goes on with it"
        return f"run {self.run} is open; this is how it stood at {reached}"

    @property
    def marks(self) -> tuple[str, ...]:
        """Return what every figure of the run must say beside it, a short sentence each: where it ended, and who decided in it."""
        found = []
        reached = f"period {self.periods} of {self.scenario.clock.periods}, tick {self.ticks}"
        if self.failure:
            found.append(f"cut short at {reached}")
        elif not self.closed:
            found.append(f"not finished: {reached}")
        outside = [group.name for group in self.scenario.agents if group.policy is PolicyName.EXTERNAL]
        if outside:
            found.append(f"with external agents: {', '.join(outside)}")
        if self.scenario.clock.mode is Mode.REAL_TIME:
            found.append("in real time: it cannot be repeated to the same hash")
        return tuple(found)

    @property
    def orders(self) -> int:
        """Return the count of actions that all books processed."""
        return sum(market.orders for market in self.markets)

    @property
    def trades(self) -> int:
        """Return the count of fills of all books."""
        return sum(len(market.trades) for market in self.markets)

    @property
    def warnings(self) -> tuple[str, ...]:
        """Return reasons why the figures may mislead, a sentence each."""
        return tuple(filter(None, (self._lost_messages(), self._lost_agents())))

    @property
    def efficiency(self) -> float | None:
        """Return surplus realised over the most possible, all markets that can have any and all periods together."""
        return overall_efficiency(self.markets)

    @property
    def constrained_efficiency(self) -> float | None:
        """Return surplus realised over the most possible within price limits and after taxes; none where neither ever binds."""
        if not any(period.is_constrained for market in self.markets for period in market.periods):
            return None
        return overall_efficiency(self.markets, attrgetter("constrained_surplus_max"))

    @property
    def gini(self) -> float | None:
        """Return the Gini coefficient of the agents' wealth at the end; negative wealth counts as 0."""
        return gini([max(holder.wealth, 0) for holder in self.holders])

    def _lost_messages(self) -> str:
        if not self.dead_letters:
            return ""
        one = self.dead_letters == 1
        what = "1 message of this run" if one else f"{self.dead_letters} messages of this run"
        lost = "is lacking from it; look at it" if one else "are lacking from it; look at them"
        return f"{what} could not be processed and {lost} with `econsim dead-letters list --run {self.run}`"

    def _lost_agents(self) -> str:
        if not self.set_aside:
            return ""
        count, (agent, reason) = len(self.set_aside), next(iter(self.set_aside.items()))
        return f"{count} agent{'s were' if count > 1 else ' was'} set aside; {agent}: {reason}"


def overall_efficiency(
    markets: Iterable[MarketSummary], most: Callable[[MarketSummary], int] = attrgetter("surplus_max")
) -> float | None:
    """Return surplus realised over the most possible, all markets that can have any and all periods together; a fraction."""
    able = [market for market in markets if most(market)]
    possible = sum(map(most, able))
    realised = sum(period.surplus for market in able for period in market.periods)
    return realised / possible if possible else None


def _text(value: float | None, form: str) -> str:
    return "none" if value is None else format(value, form)
