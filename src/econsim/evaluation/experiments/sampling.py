"""Runs of a shipped scenario over many seeds, each in a process of its own, down to a few numbers a period.

Owns the changes to a scenario for a study (`Study`) and the parallel runs. The numbers come
from the same aggregator as every report.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from econsim.adapters.policies import load_policies
from econsim.domain.execution import in_memory
from econsim.evaluation.bench.pool import in_processes
from econsim.report.aggregate import RunAggregator
from econsim.report.summary import MarketSummary, Summary
from econsim.report.thinking import ThinkingPeriod
from econsim.runs import scenario_file
from econsim.schemas.scenario import Scenario
from econsim.schemas.types import MICROS_PER_CREDIT

Advance = Callable[[], None]
"""Function that is called each time a run has ended."""


@dataclass(frozen=True, slots=True)
class Study:
    """Shipped scenario with the seeds, periods and markets that are run."""

    scenario: str
    """Name of the scenario."""
    runs: int
    """Number of runs, with seeds 1, 2 and so on."""
    periods: int
    """Trading days in each run."""
    resources: tuple[str, ...] = ()
    """Markets that are run, with their agents; all if empty."""
    ticks: int | None = None
    """Ticks in a period instead of the scenario's."""

    @property
    def seeds(self) -> range:
        """Return the seeds of its runs."""
        return range(1, self.runs + 1)

    def with_fewer_runs(self, share: float) -> Study:
        """Return the study with a share of its runs, at least four."""
        return replace(self, runs=max(4, round(self.runs * share)))

    def seeded_scenario(self, seed: int) -> Scenario:
        """Return the scenario of the run with a seed."""
        found = scenario_file.load(self.scenario)
        wanted = self.resources or tuple(market.resource for market in found.markets)
        ticks = self.ticks or found.clock.ticks_per_period
        clock = found.clock.model_copy(update={"periods": self.periods, "ticks_per_period": ticks})
        markets = tuple(market for market in found.markets if market.resource in wanted)
        agents = tuple(
            # A group without roles works for others.
            group
            for group in found.agents
            if not group.roles or any(role.resource in wanted for role in group.roles)
        )
        changed = {"seed": seed, "expectations": (), "clock": clock, "markets": markets, "agents": agents}
        return found.model_copy(update=changed)


@dataclass(frozen=True, slots=True)
class Day:
    """One market in one period."""

    efficiency: float | None
    """Efficiency: percent of the highest possible surplus."""
    alpha: float | None
    """Smith's alpha, percent; none without trades."""
    mean_price: float | None
    """Mean price in credits; none without trades."""
    volume: int
    """Count of units traded."""
    first_arrival: float | None
    """Units sold by the first seller to arrive, percent; none without trades."""


@dataclass(frozen=True, slots=True)
class SampledRun:
    """One run of a study: its days by market, and the imbalance of its books."""

    seed: int
    """Seed of the run."""
    days: dict[str, tuple[Day, ...]]
    """Market → trading days in order."""
    imbalance: int
    """Profits of all agents by the ledger, with what they paid for thoughts and tools, minus surplus of all trades, micro-credits:
    0 if all is right."""
    prices: dict[str, tuple[tuple[float, ...], ...]]
    """Market → for each day the prices of its trades in order, credits."""
    profits: dict[str, float]
    """Group → mean profit of its agents, credits."""
    thinking: dict[str, tuple[ThinkingPeriod, ...]]
    """Group → thinking on each day; without groups that asked no model."""
    gains: dict[str, tuple[float, ...]]
    """Group → mean net gain of its agents on each day, credits."""


Runs = tuple[SampledRun, ...]
"""All runs of one study, by seed."""


def sample(
    studies: Iterable[Study], processes: int | None = None, advance: Advance = lambda: None
) -> tuple[Runs, ...]:
    """Return the runs of each study, made in parallel processes; by default as many as there are cores.

    The outcome depends only on the studies. Raises what a run raises.
    """
    asked = tuple(studies)
    calls = [(study, seed) for study in asked for seed in study.seeds]
    found: dict[int, SampledRun] = {}
    for place, sampled in in_processes(run, calls, processes):
        found[place] = sampled
        advance()
    made = iter([found[place] for place in range(len(calls))])
    return tuple(tuple(next(made) for _ in study.seeds) for study in asked)


def run(study: Study, seed: int) -> SampledRun:
    """Return one run of a study, in this process."""
    tally = RunAggregator()
    wanted = study.seeded_scenario(seed)
    for addressed in in_memory.run(wanted, policies=load_policies(wanted)):
        tally.add(addressed)
    return _sampled_run(seed, tally.summary())


def _sampled_run(seed: int, summary: Summary) -> SampledRun:
    profits = sum(holder.profit for holder in summary.holders)
    thoughts, calls = (sum(group.price for group in groups) for groups in (summary.thinking, summary.tools))
    surplus = sum(period.surplus for market in summary.markets for period in market.periods)
    return SampledRun(
        seed=seed,
        days={market.resource: _days(market) for market in summary.markets},
        imbalance=profits + thoughts + calls - surplus,
        prices={market.resource: _prices(market) for market in summary.markets},
        profits={group.name: _profit(summary, group.name) for group in summary.scenario.agents},
        thinking={group.group: group.periods for group in summary.thinking},
        gains={group.group: group.periods for group in summary.gains},
    )


def _days(market: MarketSummary) -> tuple[Day, ...]:
    return tuple(
        Day(
            efficiency=None if period.efficiency is None else 100 * period.efficiency,
            alpha=period.alpha,
            mean_price=period.mean_price,
            volume=period.volume,
            first_arrival=None if period.first_arrival is None else 100 * period.first_arrival,
        )
        for period in market.periods
    )


def _profit(summary: Summary, group: str) -> float:
    found = [holder.profit for holder in summary.holders if holder.group == group]
    return sum(found) / (len(found) * MICROS_PER_CREDIT)


def _prices(market: MarketSummary) -> tuple[tuple[float, ...], ...]:
    trades = market.trades
    days: Sequence[list[float]] = [[] for _ in market.periods]
    for period, price in zip(trades.periods, trades.prices, strict=True):
        days[period - 1].append(price / MICROS_PER_CREDIT)
    return tuple(tuple(day) for day in days)
