"""Results of cells, as they are stored, sent and read: plain numbers, verdicts in words. Pure."""

from __future__ import annotations

from typing import Final

from pydantic import Field

from econsim.evaluation.bench.plan import Cell
from econsim.report.summary import MarketSummary, Summary
from econsim.schemas.base import Message
from econsim.schemas.scenario import Scenario
from econsim.schemas.types import MICROS_PER_CREDIT

HOLDS: Final = "holds"
"""Outcome of an expectation that the run meets; every other one is no pass."""

OUTCOMES: Final = (HOLDS, "fails", "vacuous", "undecidable")
"""Outcomes of an expectation at the end of a run."""


MARKET_MEASURES: Final = ("efficiency", "alpha", "price", "volume", "constrained_efficiency", "tax")
"""Measures of a market over a whole run: means of its periods' numbers; the last two where price limits or a tax bind."""


class JudgedExpectation(Message):
    """Verdict on one expectation."""

    name: str
    """Short text that identifies the expectation."""
    outcome: str
    """Outcome: holds, fails, vacuous or undecidable."""
    message: str = ""
    """Verdict in a sentence."""
    lines: tuple[str, ...] = ()
    """The witness in lines for the terminal; none for an expectation that holds."""
    sequences: tuple[int, ...] = ()
    """Places of the witness's events in the run."""


class MarketPeriod(Message):
    """Numbers of one market in one period."""

    market: str
    """Resource that is traded."""
    period: int
    """Number of the period, from 1."""
    efficiency: float | None
    """Efficiency, percent; none where no surplus is possible."""
    alpha: float | None
    """Smith's alpha, percent; none without trades."""
    mean_price: float | None
    """Mean price, credits; none without trades."""
    volume: int
    """Units traded."""
    surplus: float
    """Surplus of all trades, credits."""
    surplus_max: float | None = None
    """Highest surplus possible, credits; none in results of before it was counted."""
    first_arrival: float | None = None
    """Units sold by the first seller to arrive, percent; none without trades."""
    constrained_efficiency: float | None = None
    """Efficiency against the most surplus within price limits and after tax, percent; none where no surplus is possible."""
    tax: float = 0.0
    """Tax on the units traded, credits; negative for a subsidy."""


class GroupPeriod(Message):
    """Numbers of one group of agents in one period."""

    group: str
    """Name of the group."""
    period: int
    """Number of the period, from 1."""
    net_gain: float
    """Net gain, credits: worth of what was traded less all payments; mean over the group's agents."""
    thinking_cost: float | None = None
    """Payments for thoughts, credits, mean over the agents; none for a group that asked no model."""
    priced_out: float | None = None
    """Agents whose newest call was refused for lack of credits or units, percent; none for a group that asked no model."""


class CellResult(Message):
    """Result of a cell."""

    number: int
    """Number of the cell."""
    treatment: str
    """Name of the treatment."""
    seed: int
    """Seed of the run."""
    repeat: int
    """Number of the repeat."""
    run: str
    """Id of the run."""
    hash: str = ""
    """Canonical hash of the run; empty if it was not taken."""
    failure: str = ""
    """Reason why the run ended early, or its figures mislead: agents were set aside, or messages lost; empty if neither."""
    ticks: int = 0
    """Ticks of the run."""
    events: int = 0
    """Events of the run; 0 if none were made, as in a run of which only the measures are wanted."""
    cpu_s: float = 0.0
    """Seconds of processor time in memory; 0 over NATS, where services share them."""
    verdicts: tuple[JudgedExpectation, ...] = ()
    """Verdicts on the expectations, in their order."""
    periods: tuple[MarketPeriod, ...] = ()
    """Numbers of every market in every period."""
    groups: tuple[GroupPeriod, ...] = ()
    """Numbers of every group in every period."""
    imbalance: int | None = None
    """Profits of all agents by the ledger, with what they paid for thoughts, tools and taxes, less the surplus of all trades, micro-credits: 0 if
    all is right; none for a run that could not be made."""
    measures: dict[str, float] = Field(default_factory=dict)
    """Measure of the whole run → value; one that is undefined is left out."""

    def is_of(self, cell: Cell, batch: str) -> bool:
        """Tell whether this is the result of a cell of a batch."""
        mine = (self.number, self.treatment, self.seed, self.repeat, self.run)
        return mine == (cell.number, cell.treatment, cell.seed, cell.repeat, cell.run(batch))

    @property
    def passed(self) -> bool:
        """Tell whether every expectation holds and the run came to its end."""
        return not self.failure and all(verdict.outcome == HOLDS for verdict in self.verdicts)


def result_of(summary: Summary, cell: Cell, run: str) -> CellResult:
    """Return the result of a cell by the summary of its run, before anything is judged, counted or hashed."""
    return CellResult(
        number=cell.number,
        treatment=cell.treatment,
        seed=cell.seed,
        repeat=cell.repeat,
        run=run,
        failure=summary.failure or " ".join(summary.warnings),
        ticks=summary.ticks,
        periods=market_periods(summary),
        groups=group_periods(summary),
        imbalance=imbalance(summary),
        measures=measures(summary),
    )


def market_periods(summary: Summary) -> tuple[MarketPeriod, ...]:
    """Return the numbers of every market in every period."""
    return tuple(
        MarketPeriod(
            market=market.resource,
            period=period.number,
            efficiency=_percent(period.efficiency),
            alpha=period.alpha,
            mean_price=period.mean_price,
            volume=period.volume,
            surplus=period.surplus / MICROS_PER_CREDIT,
            surplus_max=period.equilibrium.surplus_max / MICROS_PER_CREDIT if period.equilibrium else None,
            first_arrival=_percent(period.first_arrival),
            constrained_efficiency=_percent(period.constrained_efficiency),
            tax=period.tax / MICROS_PER_CREDIT,
        )
        for market in summary.markets
        for period in market.periods
    )


def group_periods(summary: Summary) -> tuple[GroupPeriod, ...]:
    """Return the numbers of every group in every period."""
    thinking = {group.group: group.periods for group in summary.thinking}
    rows = []
    for group in summary.gains:
        thoughts = thinking.get(group.group, ())
        for place, gain in enumerate(group.periods):
            thought = thoughts[place] if place < len(thoughts) else None
            cost, out = (None, None) if thought is None else (thought.cost, _percent(thought.priced_out))
            row = GroupPeriod(
                group=group.group, period=place + 1, net_gain=gain, thinking_cost=cost, priced_out=out
            )
            rows.append(row)
    return tuple(rows)


def imbalance(summary: Summary) -> int:
    """Return the profits of all agents by the ledger, with what they paid for thoughts, tools and taxes, less the surplus of all trades."""
    profits = sum(holder.profit for holder in summary.holders)
    thoughts, calls = (sum(group.price for group in groups) for groups in (summary.thinking, summary.tools))
    return profits + thoughts + calls + sum(p.tax - p.surplus for m in summary.markets for p in m.periods)


def measures(summary: Summary) -> dict[str, float]:
    """Return measure → value of the whole run: `efficiency`, and of each market `cpu alpha` and so on; `buyer profit` of groups."""
    found: dict[str, float | None] = {"efficiency": _percent(summary.efficiency)}
    for market in summary.markets:
        found |= {f"{market.resource} {name}": value for name, value in _of_market(market).items()}
    for group in summary.scenario.agents:
        profits = [holder.profit for holder in summary.holders if holder.group == group.name]
        if profits:
            found[f"{group.name} profit"] = sum(profits) / (len(profits) * MICROS_PER_CREDIT)
    return {name: value for name, value in found.items() if value is not None}


def measure_names(scenario: Scenario) -> tuple[str, ...]:
    """Return the names of the measures that a run of a scenario can have, in their order."""
    of_markets = (f"{m.resource} {name}" for m in scenario.markets for name in MARKET_MEASURES)
    return ("efficiency", *of_markets, *(f"{group.name} profit" for group in scenario.agents))


def _of_market(market: MarketSummary) -> dict[str, float | None]:
    volume = market.volume / len(market.periods) if market.periods else None
    taxes = sum(period.tax for period in market.periods)
    return {
        "efficiency": _percent(market.efficiency),
        "alpha": market.alpha,
        "price": market.mean_price,
        "volume": volume,
        "constrained_efficiency": _percent(market.constrained_efficiency),
        "tax": taxes / len(market.periods) / MICROS_PER_CREDIT if taxes else None,
    }


def _percent(share: float | None) -> float | None:
    return None if share is None else 100 * share
