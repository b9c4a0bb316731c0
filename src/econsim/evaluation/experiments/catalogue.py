"""The experiments: a shipped design each, and the published numbers that its runs are compared with.

One function for each experiment compares its runs with published numbers; the sources are those of the published
numbers. Every experiment also checks that all profits in the ledger add up to the surplus of all trades.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Final

from econsim.errors import NotFound
from econsim.evaluation.bench.results import CellResult
from econsim.evaluation.experiments.arrival_order import compare_first_proposal
from econsim.evaluation.experiments.runs import Runs
from econsim.evaluation.experiments.runs import days as days_of
from econsim.evaluation.experiments.studio import compare_studio
from econsim.evaluation.experiments.thinking_cost import compare_thinking_is_dear
from econsim.evaluation.experiments.tool_market import compare_tool_market
from econsim.evaluation.experiments.verdicts import Comparison, Expected, Rule, compare, mean_of
from econsim.evaluation.studies import design_file
from econsim.evaluation.studies.design import Design

QUICK_MIN: Final = 4
"""Runs that `--quick` makes at least: fewer have intervals as wide as the scale."""

QUICK_SHARE: Final = 0.1
"""Share of its runs that `--quick` makes."""

PRICE: Final = 2.0
"""Competitive price of every schedule here, credits."""

LEARNED: Final = slice(5, None)
"""Days 6 and later, when learning has slowed down."""

FIRST: Final = slice(0, 1)
"""Day 1."""

ALL: Final = slice(None)
"""Every day."""

INDEPENDENT: Final = "independent implementation of the same rules on this schedule"
"""Source of numbers that no paper states for this schedule."""

IN_TICKS: Final = f"{INDEPENDENT}, in ticks at 10 % activity until no gain is left, 50 000 periods"
"""Source of the numbers of the continuous auction."""

CONTINUOUS: Final = Expected(96.40, 0.04, IN_TICKS)
"""Efficiency of the continuous auction, percent."""

IDENTITY: Final = "identity"
"""Source of numbers that follow from the definitions."""


Compare = Callable[[tuple[Runs, ...]], tuple[Comparison, ...]]
"""Function from the runs of each study to the comparisons."""


@dataclass(frozen=True, slots=True)
class Experiment:
    """Published result with the design of the runs that reproduce it."""

    design: Design
    """Design of the runs, with title, question, and the answer of the literature."""
    compare: Compare
    """Function from the runs of each condition to the comparisons."""

    @property
    def name(self) -> str:
        """Name of the experiment, and of its main scenario."""
        return self.design.name

    @property
    def runs(self) -> tuple[str, ...]:
        """What is run of each treatment, in words."""
        found = []
        for treatment in self.design.treatments:
            settings = self.design.settings | treatment.settings
            periods = settings["clock.periods"].value
            found.append(f"{len(self.design.seeds)} runs of {periods} periods of {treatment.scenario}")
        return tuple(found)

    def quick(self) -> Experiment:
        """Return the experiment with a tenth of its runs, at least four: wider intervals, the same rules."""
        seeds = self.design.seeds[: max(QUICK_MIN, round(len(self.design.seeds) * QUICK_SHARE))]
        return replace(self, design=self.design.with_seeds(seeds))


def find(name: str) -> Experiment:
    """Return the experiment of this name; raises NotFound with the nearest name."""
    for experiment in EXPERIMENTS:
        if experiment.name == name:
            return experiment
    names = [experiment.name for experiment in EXPERIMENTS]
    near = get_close_matches(name, names, n=1)
    remedy = f"did you mean {near[0]!r}?" if near else f"the experiments are {', '.join(names)}"
    message = f"there is no experiment {name!r}; {remedy}"
    raise NotFound(message)


def efficiencies(runs: Runs, resource: str, days: slice = ALL) -> list[float]:
    """Return each run's mean efficiency over days, percent."""
    return _means(runs, lambda run: [day.efficiency for day in days_of(run, resource)[days]])


def alphas(runs: Runs, resource: str, days: slice = ALL) -> list[float]:
    """Return each run's mean of Smith's alpha over days, percent."""
    return _means(runs, lambda run: [day.alpha for day in days_of(run, resource)[days]])


def prices(runs: Runs, resource: str, days: slice = ALL) -> list[float]:
    """Return each run's mean of the days' mean prices, credits."""
    return _means(runs, lambda run: [day.mean_price for day in days_of(run, resource)[days]])


def distances(runs: Runs, resource: str, days: slice = ALL) -> list[float]:
    """Return how far each run's daily mean prices lie from the competitive price, credits."""
    return _means(runs, lambda run: [_distance(day.mean_price) for day in days_of(run, resource)[days]])


def volumes(runs: Runs, resource: str, days: slice = ALL) -> list[float]:
    """Return each run's mean of units traded in a day."""
    return _means(runs, lambda run: [float(day.volume) for day in days_of(run, resource)[days]])


def _means(runs: Runs, values: Callable[[CellResult], list[float | None]]) -> list[float]:
    return [found for run in runs if (found := mean_of(values(run))) is not None]


def _distance(price: float | None) -> float | None:
    return None if price is None else abs(price - PRICE)


def _minus(left: list[float], right: list[float]) -> list[float]:
    return [a - b for a, b in zip(left, right, strict=True)]


def _books_balance(*studies: Runs) -> Comparison:
    gaps = [float(run.imbalance or 0) for runs in studies for run in runs]
    expected = Expected(0, 0, f"{IDENTITY}: prices only share the surplus out", Rule.EXACTLY)
    return compare("profits in the ledger minus surplus of trades, micro-credits a run", gaps, expected)


def _and_books(compared: Compare) -> Compare:
    """Return a function that compares, and checks the books too."""
    return lambda studies: (*compared(studies), _books_balance(*studies))


def _every_day(runs: Runs, resource: str) -> list[float]:
    days = (day for run in runs for day in days_of(run, resource))
    return [day.efficiency for day in days if day.efficiency is not None]


def _smith1962(studies: tuple[Runs, ...]) -> tuple[Comparison, ...]:
    (runs,) = studies
    return (
        compare("efficiency, %", efficiencies(runs, "good"), CONTINUOUS),
        compare("Smith's alpha, %", alphas(runs, "good"), Expected(20.21, 0.05, IN_TICKS)),
        compare("mean price, credits", prices(runs, "good"), Expected(2.001, 0.001, IN_TICKS)),
        _books_balance(runs),
    )


def _gode_sunder_oracle(studies: tuple[Runs, ...]) -> tuple[Comparison, ...]:
    (runs,) = studies
    all_units = f"{IDENTITY}: all 11 units trade, so surplus = 22.00 of values - 22.00 of costs"
    volume = [float(day.volume) for run in runs for day in days_of(run, "good")]
    return (
        compare(
            "efficiency, % in each period", _every_day(runs, "good"), Expected(0, 0, all_units, Rule.EXACTLY)
        ),
        compare(
            "units traded in each period",
            volume,
            Expected(11, 0, f"{IDENTITY}: nothing stops them", Rule.EXACTLY),
        ),
        _books_balance(runs),
    )


def _flat_supply(studies: tuple[Runs, ...]) -> tuple[Comparison, ...]:
    (runs,) = studies
    source = "Cliff and Bruten 1997: direction"
    random, learned = distances(runs, "zi_c", LEARNED), distances(runs, "zip", LEARNED)
    return (
        compare(
            "ZI-C: mean price, days 6 to 10, credits",
            prices(runs, "zi_c", LEARNED),
            Expected(PRICE, 0, source, Rule.ABOVE),
        ),
        compare(
            "ZI-C: distance from P0, day 1 less days 6 to 10",
            _minus(distances(runs, "zi_c", FIRST), random),
            Expected(0, 0, source),
        ),
        compare(
            "ZIP: distance from P0, day 1 less days 6 to 10",
            _minus(distances(runs, "zip", FIRST), learned),
            Expected(0, 0, source, Rule.ABOVE),
        ),
        compare(
            "distance from P0, ZI-C less ZIP, days 6 to 10",
            _minus(random, learned),
            Expected(0, 0, source, Rule.ABOVE),
        ),
        _books_balance(runs),
    )


def _zip_learning(studies: tuple[Runs, ...]) -> tuple[Comparison, ...]:
    (runs,) = studies
    source, other = "Cliff 1997: direction", "an independent exchange with rules of its own"
    random, learned, first = (
        alphas(runs, "zi_c", LEARNED),
        alphas(runs, "zip", LEARNED),
        alphas(runs, "zip", FIRST),
    )
    return (
        compare(
            "ZIP: alpha, day 1 less days 6 to 10", _minus(first, learned), Expected(0, 0, source, Rule.ABOVE)
        ),
        compare(
            "ZI-C: alpha, day 1 less days 6 to 10",
            _minus(alphas(runs, "zi_c", FIRST), random),
            Expected(0, 0, source),
        ),
        compare(
            "alpha, ZI-C less ZIP, days 6 to 10", _minus(random, learned), Expected(0, 0, source, Rule.ABOVE)
        ),
        compare(
            "ZIP: units traded, days 6 to 10",
            volumes(runs, "zip", LEARNED),
            Expected(6, 0, "Q0 of the schedule: alike traders lock up short of it", Rule.BELOW),
        ),
        compare("ZIP: alpha, day 1, %", first, Expected(18.6, 0, other, Rule.BESIDE)),
        compare("ZIP: alpha, days 6 to 10, %", learned, Expected(9, 0, other, Rule.BESIDE)),
        compare("ZI-C: alpha, days 6 to 10, %", random, Expected(19.5, 0.5, other, Rule.BESIDE)),
        compare(
            "ZIP: units traded, days 6 to 10",
            volumes(runs, "zip", LEARNED),
            Expected(3.3, 0, other, Rule.BESIDE),
        ),
        _books_balance(runs),
    )


def _call_vs_cda(studies: tuple[Runs, ...]) -> tuple[Comparison, ...]:
    calls, continuous = studies
    draws = f"{INDEPENDENT}, 40 000 draws"
    truth = f"{IDENTITY}: true quotes make the trades of the competitive equilibrium"
    return (
        compare("ZI-C in one call: efficiency, %", efficiencies(calls, "call"), Expected(29.09, 0.17, draws)),
        compare(
            "ZI-C in one call: units traded of 6",
            volumes(calls, "call"),
            Expected(1.28, 0.007, f"{draws}; its interval from our standard deviation at its n"),
        ),
        compare(
            "ZI-C in a continuous auction: efficiency, %",
            efficiencies(continuous, "good"),
            CONTINUOUS,
        ),
        compare(
            "truthful in one call: efficiency, % in each period",
            _every_day(calls, "truthful"),
            Expected(100, 0, truth, Rule.EXACTLY),
        ),
        _books_balance(calls, continuous),
    )


_COMPARED: Final[Mapping[str, Compare]] = {
    "smith1962": _smith1962,
    "gode_sunder_oracle": _gode_sunder_oracle,
    "flat_supply": _flat_supply,
    "zip_learning": _zip_learning,
    "call_vs_cda": _call_vs_cda,
    "first_proposal": _and_books(compare_first_proposal),
    "thinking_is_dear": _and_books(compare_thinking_is_dear),
    "tool_market": _and_books(compare_tool_market),
    "studio": _and_books(compare_studio),
}
"""Name of a shipped design → the function that compares its runs with published numbers, in the order of reading."""

EXPERIMENTS: Final = tuple(
    Experiment(design_file.load(name), compared) for name, compared in _COMPARED.items()
)
"""Every experiment, in the order of reading."""
