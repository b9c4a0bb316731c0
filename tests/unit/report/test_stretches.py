"""Rows about what changed: each stretch of periods beside both of its references."""

from run_builders import small_scenario, summed

from econsim.domain.execution.in_memory import run
from econsim.report.measured import expectation_result
from econsim.report.stretches import STRETCHES_HEAD, stretch_rows, stretch_section
from econsim.schemas.expectation import Measure, MeasureExpectation

WANTED = small_scenario(
    "truthful",
    "call_auction",
    clock={"periods": 4, "ticks_per_period": 1},
    changes=[
        {"first_period": 2, "last_period": 2, "market": "cpu", "price_ceiling": 1.5},
        {"first_period": 3, "market": "cpu", "tax": 0.5},
    ],
)
"""Smith's schedule, quoted truthfully in one call: free, then under a ceiling, then taxed."""


def columns(summary, *names):
    places = [STRETCHES_HEAD.index(name) for name in names]
    return [tuple(row[place] for place in places) for row in stretch_rows(summary)]


def test_each_stretch_has_the_price_the_quantity_and_the_tax_of_theory():
    found = columns(summed(run(WANTED)), "periods", "P0", "P0 held", "price", "units", "Q0 held", "tax")

    assert found == [
        ("1", "2", "2", "2.000", "6.0", "6", "0"),
        ("2", "2", "1.5", "1.500", "4.0", "4", "0"),
        ("3-4", "2", "1.75", "1.750", "5.0", "5", "5"),
    ]


def test_a_run_in_which_nothing_changes_has_no_rows():
    summary = summed(run(small_scenario("truthful")))

    assert stretch_rows(summary) == []
    assert stretch_section(summary) == ""
    assert summary.constrained_efficiency is None


def test_a_ceiling_costs_nothing_of_the_held_optimum_but_what_is_served_wrongly():
    free, ceiling, *taxed = summed(run(WANTED)).markets[0].periods

    assert (free.efficiency, free.constrained_efficiency) == (1, 1)
    assert ceiling.constrained_efficiency == ceiling.efficiency * 7.5 / 7
    assert [(period.efficiency, period.constrained_alpha) for period in taxed] == [(1, 0), (1, 0)]


def test_expectations_take_the_measures_of_the_held_optimum_and_the_tax():
    markets = summed(run(WANTED)).markets
    expected = {
        Measure.CONSTRAINED_EFFICIENCY: 100,
        Measure.CONSTRAINED_ALPHA: 0,
        Measure.TAX_REVENUE: 2.5,
    }

    for measure, value in expected.items():
        wanted = MeasureExpectation(
            measure=measure, first_period=3, value=value, tolerance=0, source="theory"
        )
        assert expectation_result(wanted, markets).measured == value


def test_the_equilibrium_that_all_periods_have_is_none_where_they_differ():
    market, plain = summed(run(WANTED)).markets[0], summed(run(small_scenario("truthful"))).markets[0]

    assert market.lasting_equilibrium is None
    assert plain.lasting_equilibrium == plain.equilibrium
