"""A run summed up: what every table and chart shows, as plain frozen records.

Owns no formula (those are in `domain/measures/measures.py`) and no picture. Made by `tally.Tally` from the log.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from econsim.domain.measures.equilibrium import Equilibrium
from econsim.domain.measures.measures import confidence_interval, gini, mean
from econsim.schemas.expectation import Expectation, Measure
from econsim.schemas.scenario import Scenario
from econsim.schemas.types import MICROS_PER_CREDIT


@dataclass(frozen=True, slots=True)
class Period:
    """One trading day of one market."""

    number: int
    """From 1."""
    trades: int
    """Fills."""
    volume: int
    """Units traded."""
    surplus: int
    """Values of units bought minus costs of units sold, micro-credits."""
    efficiency: float | None
    """Surplus over the most possible, a fraction; none where no surplus is possible."""
    alpha: float | None
    """Smith's alpha, percent; none without trades."""
    mean_price: float | None
    """Mean over units traded, credits; none without trades."""


@dataclass(frozen=True, slots=True)
class Trades:
    """All trades of a market in order, a column each."""

    ticks: Sequence[int]
    """Tick of the run."""
    periods: Sequence[int]
    """Trading day."""
    prices: Sequence[int]
    """Micro-credits a unit."""
    quantities: Sequence[int]
    """Units."""
    gains: Sequence[int]
    """Surplus each trade added, micro-credits; negative for a trade at a loss to both together."""

    def __len__(self) -> int:
        """Return how many trades there are."""
        return len(self.prices)


@dataclass(frozen=True, slots=True)
class MarketSummary:
    """One market over the whole run."""

    resource: str
    """What is traded."""
    mechanism: str
    """How."""
    equilibrium: Equilibrium
    """P0, Q0 and the most surplus of one period, from the schedule."""
    values: tuple[int, ...]
    """Buyers' unit values, highest first, micro-credits."""
    costs: tuple[int, ...]
    """Sellers' unit costs, lowest first, micro-credits."""
    periods: tuple[Period, ...]
    """Trading days in order."""
    trades: Trades
    """Every fill."""
    orders: int
    """Actions the book took in."""
    rejected: dict[str, int]
    """Reason → orders the market refused."""

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
    def equilibrium_price(self) -> float | None:
        """Return P0 in credits; none where the schedule has none."""
        price = self.equilibrium.price
        return None if price is None else price / MICROS_PER_CREDIT


@dataclass(frozen=True, slots=True)
class AgentSummary:
    """An agent at the end."""

    agent: str
    """Its id."""
    group: str
    """The group it is of."""
    credits: int
    """Money owned, micro-credits."""
    debt: int
    """Money owed to the treasury, micro-credits."""
    profit: int
    """Wealth beyond what it was dealt, micro-credits."""

    @property
    def wealth(self) -> int:
        """Return the money owned less the money owed, micro-credits."""
        return self.credits - self.debt


@dataclass(frozen=True, slots=True)
class ExpectationResult:
    """An expectation of the scenario, and what came out."""

    expectation: Expectation
    """Measure, value, tolerance, source."""
    measured: float | None
    """Mean over its periods, in the measure's unit; none if it could not be measured."""
    half_width: float | None
    """Half the 95 % confidence interval of the mean; none for fewer than two periods."""

    @property
    def holds(self) -> bool:
        """Tell whether the mean lies within the tolerance."""
        if self.measured is None:
            return False
        return abs(self.measured - self.expectation.value) <= self.expectation.tolerance


@dataclass(frozen=True, slots=True)
class Speed:
    """How fast a run was; measured by whoever drove it."""

    elapsed_s: float
    """Wall-clock seconds from opening to closing."""
    latency_p50_ms: float | None = None
    """Median time of an order to its durable outcome, or of a tick, as `latency_of` says."""
    latency_p99_ms: float | None = None
    """99th percentile of the same."""
    latency_of: str = "tick"
    """What was timed."""


@dataclass(frozen=True, slots=True)
class Summary:
    """A run."""

    run: str
    """Its id."""
    scenario: Scenario
    """What was run."""
    ticks: int
    """Ticks it took."""
    periods: int
    """Trading days it took."""
    period_starts: tuple[int, ...]
    """First tick of each trading day."""
    closed: bool
    """Whether it ended."""
    stopped: bool
    """Whether an operator stopped it and nobody went on with it."""
    failure: str
    """Reason why it ended early, as a sentence; empty when it ran to its end, or is open."""
    dead_letters: int
    """Messages of the run that no handler could finish: what they asked for is lacking from it."""
    markets: tuple[MarketSummary, ...]
    """As the scenario declares them."""
    holders: tuple[AgentSummary, ...]
    """Agents, poorest first."""
    messages: dict[str, int]
    """Event type → messages."""
    canonical_hash: str = ""
    """SHA-256 of the canonical log; empty if not computed."""
    kept_until: str = ""
    """Day on which the log begins to give the run up; empty for a run that is in no log."""
    speed: Speed | None = None
    """None for a run read back from its log."""
    verdicts: tuple[ExpectationResult, ...] = field(default=())
    """The scenario's expectations."""

    @property
    def unfinished(self) -> str:
        """Return how far a run came that has not ended, as a sentence; empty for one that has."""
        if self.closed:
            return ""
        reached = f"tick {self.ticks}, period {self.periods} of {self.scenario.clock.periods}"
        if self.stopped:
            return f"run {self.run} was stopped at {reached}; `econsim resume {self.run}` goes on with it"
        return f"run {self.run} is open; this is how it stood at {reached}"

    @property
    def orders(self) -> int:
        """Return the actions all books took in."""
        return sum(market.orders for market in self.markets)

    @property
    def trades(self) -> int:
        """Return the fills of all books."""
        return sum(len(market.trades) for market in self.markets)

    @property
    def warnings(self) -> tuple[str, ...]:
        """Return why the figures may not be what they seem, a sentence each."""
        if not self.dead_letters:
            return ()
        one = self.dead_letters == 1
        what = "1 message of this run" if one else f"{self.dead_letters} messages of this run"
        lost = "is lacking from it; look at it" if one else "are lacking from it; look at them"
        return (
            f"{what} could not be processed and {lost} with `econsim dead-letters list --run {self.run}`",
        )

    @property
    def efficiency(self) -> float | None:
        """Return surplus realised over the most possible, all markets and periods together."""
        possible = sum(len(m.periods) * m.equilibrium.surplus_max for m in self.markets)
        realised = sum(period.surplus for m in self.markets for period in m.periods)
        return realised / possible if possible else None

    @property
    def gini(self) -> float | None:
        """Return the Gini coefficient of the agents' wealth at the end; who owes more than it owns counts as 0."""
        return gini([max(holder.wealth, 0) for holder in self.holders])


def expectation_result(expectation: Expectation, markets: Sequence[MarketSummary]) -> ExpectationResult:
    """Return what an expectation's measure came to, over its periods of its market."""
    wanted = expectation.resource
    sample = [
        value
        for market in markets
        if wanted in (None, market.resource)
        for period in market.periods[expectation.first_period - 1 : expectation.last_period]
        if (value := _measured_value(expectation.measure, period)) is not None
    ]
    interval = confidence_interval(sample)
    return ExpectationResult(expectation, mean(sample), None if interval is None else interval.half_width)


def _measured_value(measure: Measure, period: Period) -> float | None:
    match measure:
        case Measure.EFFICIENCY:
            return None if period.efficiency is None else 100 * period.efficiency
        case Measure.ALPHA:
            return period.alpha
        case Measure.MEAN_PRICE:
            return period.mean_price
        case Measure.TRADES_PER_PERIOD:
            return float(period.volume)
