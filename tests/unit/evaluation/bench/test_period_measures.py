"""Measures over some periods: which periods, and the same numbers as of the whole run where they are all of them."""

import pytest
from run_builders import small_scenario

from econsim.domain.execution import in_memory
from econsim.evaluation.bench.period_measures import period_measure, why_no_measure
from econsim.evaluation.bench.plan import Cell
from econsim.evaluation.bench.results import result_of
from econsim.report.aggregate import RunAggregator


@pytest.fixture(scope="module")
def run():
    """Return the result of a run of four periods with a tax."""
    market = {"resource": "cpu", "tax": 0.1, "tax_side": "ask"}
    tally = RunAggregator()
    for each in in_memory.run(small_scenario("zi_c", markets=[market], clock={"periods": 4})):
        tally.add(each)
    return result_of(tally.summary(), Cell(number=1, treatment="", seed=1), "r")


def test_over_all_periods_a_measure_is_that_of_the_run(run) -> None:
    over_all = {name: period_measure(f"{name} in 1..last").value(run) for name in run.measures}

    assert over_all == pytest.approx(run.measures)


def test_over_one_period_it_is_the_period_s_own(run) -> None:
    days = {row.period: row for row in run.periods}

    assert period_measure("cpu alpha in 2").value(run) == days[2].alpha
    assert period_measure("cpu volume in last").value(run) == days[4].volume
    assert period_measure("efficiency in last").value(run) == pytest.approx(days[4].efficiency)
    assert period_measure("cpu price in 2..3").value(run) == pytest.approx(
        (days[2].mean_price + days[3].mean_price) / 2
    )


def test_a_measure_that_the_run_has_not_has_no_periods_either(run) -> None:
    assert period_measure("gpu alpha in 2").value(run) is None


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("alfa in 2", "'alfa in 2' is no measure here; did you mean 'alpha in 2'?"),
        ("alpha in 2..9", "'alpha in 2..9' does not fit the scenario, which has periods 1..4; write in 3,"),
        ("alpha in 0", "which has periods 1..4"),
        ("alpha in 3..2", "which has periods 1..4"),
        ("alpha in 5..last", "which has periods 1..4"),
        ("alpha in first", "'first' names no periods; write in 3, in 3..5, in 3..last, or in last"),
    ],
)
def test_a_wrong_name_is_told_what_there_is(name, words) -> None:
    assert words in "; ".join(why_no_measure(name, ["alpha"], 4))


@pytest.mark.parametrize(
    "name", ["alpha", "alpha in 4", "alpha in 1..4", "alpha in last", "alpha in 4..last"]
)
def test_a_right_one_is_not(name) -> None:
    assert why_no_measure(name, ["alpha"], 4) is None
