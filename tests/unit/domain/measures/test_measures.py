"""Measures against numbers worked out by hand or taken from tables."""

import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from econsim.domain.measures import measures

AMOUNTS = st.lists(st.integers(0, 10**9), min_size=1, max_size=30)


def test_efficiency_is_realised_over_maximum_surplus():
    assert measures.efficiency(6, 7.5) == pytest.approx(0.8)
    assert measures.efficiency(-3, 7.5) == pytest.approx(-0.4)
    assert measures.efficiency(0, 0) is None


def test_alpha_is_the_deviation_from_equilibrium_in_percent_of_it():
    assert measures.smiths_alpha([150, 250], [1, 1], 200) == pytest.approx(25.0)
    assert measures.smiths_alpha([200, 200], [1, 2], 200) == 0.0
    assert measures.smiths_alpha([], [], 200) is None


def test_alpha_and_mean_price_count_units_not_fills():
    prices, quantities = [300, 200], [1, 99]

    assert measures.smiths_alpha(prices, quantities, 200) == pytest.approx(5.0)
    assert measures.weighted_mean(prices, quantities) == pytest.approx(201.0)


def test_mean_and_deviation_agree_with_the_standard_library():
    sample = [2, 4, 4, 4, 5, 5, 7, 9]

    assert measures.mean(sample) == statistics.mean(sample)
    assert measures.standard_deviation(sample) == pytest.approx(statistics.stdev(sample))


def test_what_cannot_be_measured_is_none():
    assert measures.mean([]) is None
    assert measures.standard_deviation([1]) is None
    assert measures.confidence_interval([1]) is None
    assert measures.gini([]) is None


@pytest.mark.parametrize(
    ("degrees", "quantile"),
    [(1, 12.7062), (4, 2.7764), (9, 2.2622), (10, 2.2281), (20, 2.0860), (30, 2.0423), (120, 1.9799)],
)
def test_students_quantiles_are_those_of_the_tables(degrees, quantile):
    assert measures.student_quantile(degrees) == pytest.approx(quantile, abs=2e-4)


def test_the_confidence_interval_is_students():
    found = measures.confidence_interval([1, 2, 3, 4, 5])

    assert (found.mean, found.n) == (3.0, 5)
    assert found.half_width == pytest.approx(2.7764 * 1.58114 / 5**0.5, abs=1e-3)
    assert (found.low, found.high) == (3.0 - found.half_width, 3.0 + found.half_width)


def test_gini_is_zero_for_equals_and_near_one_for_all_to_one():
    assert measures.gini([5, 5, 5, 5]) == 0.0
    assert measures.gini([0, 0, 0, 8]) == pytest.approx(0.75)
    assert measures.gini([0, 0]) == 0.0


def test_gini_refuses_debts():
    with pytest.raises(ValueError, match="at least 0"):
        measures.gini([3, -1])


@given(AMOUNTS)
def test_gini_is_half_the_relative_mean_difference(amounts):
    n, total = len(amounts), sum(amounts)
    differences = sum(abs(a - b) for a in amounts for b in amounts)

    expected = differences / (2 * n * total) if total else 0.0

    assert measures.gini(amounts) == pytest.approx(expected, abs=1e-9)
