"""The numbers of a study: n is the run, differences are of equal seeds, and what a condition is compared with."""

from __future__ import annotations

from math import isclose

import duckdb
from bench_builders import result

from econsim.evaluation.bench.period_measures import with_unit
from econsim.evaluation.bench.plan import StudyCondition, StudyPlan
from econsim.evaluation.bench.results import MarketPeriod
from econsim.evaluation.studies.outcome import StudyOutcome
from econsim.evaluation.studies.picture import SERIES_MAX, grid_path, omission, study_svg
from econsim.evaluation.studies.table import write_tables


def study(*conditions, grid=(), **fields):
    """Return a study of conditions, each a treatment with its values."""
    found = tuple(
        StudyCondition(name=f"{treatment} {values}", treatment=treatment, values=values)
        for treatment, values in conditions
    )
    paths = tuple(found[0].values)
    return StudyPlan(title="A study", paths=paths, grid=grid, conditions=found, **fields)


def runs(condition, values, measure="efficiency", **fields):
    """Return a run of a condition for each seed's value."""
    return [
        result(number, seed=seed, treatment=condition.name, measures={measure: value}, **fields)
        for number, (seed, value) in enumerate(values.items(), 1)
    ]


TWO = study(("low", {"tax": 0.0}), ("high", {"tax": 0.5}))


def two(low, high):
    return StudyOutcome("b", TWO, [*runs(TWO.conditions[0], low), *runs(TWO.conditions[1], high)])


def test_n_is_the_number_of_runs_however_many_periods_they_have() -> None:
    periods = tuple(
        MarketPeriod(
            market="cpu", period=day, efficiency=90.0, alpha=None, mean_price=None, volume=1, surplus=1
        )
        for day in range(1, 101)
    )
    found = StudyOutcome("b", TWO, runs(TWO.conditions[0], {1: 90.0, 2: 92.0, 3: 94.0}, periods=periods))

    (mean,) = found.means
    assert (mean.n, mean.interval.n, mean.mean) == (3, 3, 92.0)
    assert isclose(mean.interval.half_width, 4.302653 * 2 / 3**0.5, rel_tol=1e-6)


def test_a_difference_is_paired_by_seed_so_what_seeds_do_to_both_cancels_out() -> None:
    (found,) = two({1: 10.0, 2: 50.0, 3: 90.0}, {3: 91.0, 2: 51.0, 1: 11.0}).differences

    paired = found.paired
    assert (found.condition.treatment, found.baseline.treatment) == ("high", "low")
    assert (paired.difference.mean, paired.difference.half_width, paired.seeds) == (1.0, 0.0, 3)
    assert paired.is_clear


def test_only_seeds_that_both_have_are_pairs() -> None:
    (found,) = two({1: 1.0, 2: 2.0, 7: 99.0}, {2: 3.0, 1: 2.0}).differences

    assert (found.paired.seeds, found.paired.difference.mean) == (2, 1.0)


def test_one_run_has_a_mean_and_no_interval() -> None:
    found = two({1: 10.0}, {1: 12.0})

    assert [mean.interval for mean in found.means] == [None, None]
    assert found.differences[0].paired.difference is None
    assert not found.differences[0].paired.is_clear


def test_runs_that_ended_early_are_left_out_of_every_number() -> None:
    broken = runs(TWO.conditions[0], {9: 0.0}, failure="the ledger refused it")
    found = StudyOutcome("b", TWO, [*runs(TWO.conditions[0], {1: 10.0, 2: 12.0}), *broken])

    assert (found.means[0].mean, found.means[0].n, len(found.failed)) == (11.0, 2, 1)


def test_treatments_are_compared_at_the_same_point_of_the_grid() -> None:
    wanted = study(*((name, {"tax": 0, "n": n}) for name in ("low", "high") for n in (5, 10)), grid=("n",))
    found = StudyOutcome("b", wanted, [])

    pairs = [(each.name, found.baseline(each).name) for each in wanted.conditions]
    assert pairs == [
        ("low {'tax': 0, 'n': 5}", "low {'tax': 0, 'n': 5}"),
        ("low {'tax': 0, 'n': 10}", "low {'tax': 0, 'n': 10}"),
        ("high {'tax': 0, 'n': 5}", "low {'tax': 0, 'n': 5}"),
        ("high {'tax': 0, 'n': 10}", "low {'tax': 0, 'n': 10}"),
    ]


def test_a_difference_of_differences_is_taken_run_by_run_where_all_four_conditions_have_the_seed() -> None:
    wanted = study(*((name, {"n": n}) for name in ("low", "high") for n in (5, 10)), grid=("n",))
    values = [{1: 1.0, 2: 5.0, 9: 0.0}, {1: 2.0, 2: 4.0}, {1: 2.0, 2: 6.0}, {1: 6.0, 2: 8.0, 3: 0.0}]
    results = [each for pair in zip(wanted.conditions, values, strict=True) for each in runs(*pair)]

    (found,) = StudyOutcome("b", wanted, results).interactions

    paired = found.difference.paired
    assert (found.difference.condition.name, found.reference.name) == ("high {'n': 10}", "high {'n': 5}")
    assert (paired.first, paired.second, paired.difference.mean) == (1.0, 4.0, 3.0)
    assert (paired.difference.half_width, paired.seeds, paired.is_clear) == (0.0, 2, True)


def test_without_treatments_the_grid_s_first_axis_is_what_the_other_axes_change() -> None:
    points = [{"ticks": ticks, "tax": tax} for ticks in (20, 40) for tax in (0.0, 0.5)]
    wanted = study(*(("base", point) for point in points), grid=("ticks", "tax"))
    values = [{1: 1.0, 2: 5.0}, {1: 2.0, 2: 4.0}, {1: 2.0, 2: 6.0}, {1: 6.0, 2: 8.0}]
    results = [each for pair in zip(wanted.conditions, values, strict=True) for each in runs(*pair)]
    outcome = StudyOutcome("b", wanted, results)

    (found,) = outcome.interactions

    assert [found.difference.condition, found.difference.baseline, found.reference] == [
        wanted.conditions[each] for each in (3, 1, 2)
    ]
    assert (found.difference.paired.difference.mean, outcome.interaction) == (3.0, "minus 20, less that at 0")


def test_without_treatments_or_a_second_axis_there_is_no_difference_of_differences() -> None:
    over = study(*(("base", {"n": n}) for n in (5, 10)), grid=("n",))
    found = [each for condition in over.conditions for each in runs(condition, {1: 1.0, 2: 2.0})]

    assert not StudyOutcome("b", over, found).interactions
    assert not two({1: 1.0, 2: 2.0}, {1: 2.0, 2: 4.0}).interactions


def test_treatments_that_cross_two_things_by_hand_are_said_to_have_no_difference_of_differences() -> None:
    rows = {
        "none": (0.0, 9.0),
        "tax": (0.5, 9.0),
        "ceiling": (0.0, 1.5),
        "both": (0.5, 1.5),
        "more tax": (0.9, 9.0),
    }
    crossed = study(*((name, {"tax": tax, "price_max": most}) for name, (tax, most) in rows.items()))
    apart = study(
        *((name, {"tax": rows[name][0], "price_max": rows[name][1]}) for name in ("none", "tax", "both"))
    )

    assert StudyOutcome("b", crossed, []).crossing.startswith(
        "both is tax and ceiling at once; no difference of"
    )
    assert StudyOutcome("b", apart, []).crossing == ""
    assert StudyOutcome("b", TWO, []).crossing == ""


def test_measures_over_some_periods_stand_beside_those_of_the_run() -> None:
    wanted = study(("low", {}), measures=("cpu alpha in 2", "cpu alpha"))
    days = tuple(
        MarketPeriod(market="cpu", period=n, efficiency=None, alpha=n * 10, mean_price=1, volume=1, surplus=1)
        for n in (1, 2)
    )

    means = StudyOutcome("b", wanted, runs(wanted.conditions[0], {1: 15.0}, "cpu alpha", periods=days)).means

    assert {each.measure: each.mean for each in means} == {"cpu alpha in 2": 20.0, "cpu alpha": 15.0}
    assert with_unit("cpu alpha in 2") == "cpu alpha in 2, %"


def test_paths_that_vary_together_and_say_the_same_are_one_column() -> None:
    points = [{"buyer.policy": name, "seller.policy": name, "tick": 2 * n} for n, name in enumerate("ab", 1)]
    paths = ("buyer.policy", "seller.policy", "tick")
    wanted = study(*(("base", point) for point in points), grid=paths, together=paths)
    found = StudyOutcome("b", wanted, [])

    assert found.headings == ("policy", "tick")
    assert found.labels(wanted.conditions[1]) == ("b", "4")
    assert grid_path(found) == "tick"


def test_points_of_one_treatment_are_compared_with_the_first() -> None:
    wanted = study(*(("base", {"n": n}) for n in (5, 10, 20)), grid=("n",))

    assert {StudyOutcome("b", wanted, []).baseline(each).name for each in wanted.conditions} == {
        "base {'n': 5}"
    }


def test_the_table_has_a_row_for_each_run_period_and_market_with_the_paths_as_columns(tmp_path) -> None:
    periods = tuple(
        MarketPeriod(
            market=market, period=day, efficiency=90.0, alpha=1.0, mean_price=2.0, volume=3, surplus=1.5
        )
        for market in ("cpu", "gpu")
        for day in (1, 2)
    )
    results = [
        *runs(TWO.conditions[0], {4: 1.0}, periods=periods),
        *runs(TWO.conditions[1], {4: 1.0}, periods=periods),
    ]

    path, _ = write_tables("b", TWO, results, tmp_path)

    table = duckdb.read_parquet(str(path))
    rows = table.project("study, treatment, tax, seed, run, period, market, volume").fetchall()
    assert len(rows) == 8
    assert rows[0] == ("b", "low", 0.0, 4, "b-1", 1, "cpu", 3)
    assert dict(zip(table.columns, map(str, table.types), strict=True))["tax"] == "DOUBLE"


def test_the_axis_shows_the_values_of_the_grid_unrounded() -> None:
    over = study(*(("base", {"n": n}) for n in (1.5, 1.75, 4000)), grid=("n",))
    found = [each for condition in over.conditions for each in runs(condition, {1: 1.0, 2: 2.0})]

    drawn = study_svg(StudyOutcome("b", over, found))

    assert [value for value in ("1.5", "1.75", "4,000") if f">{value}<" not in drawn] == []


def test_a_grid_of_numbers_is_an_axis_and_other_studies_have_a_dot_for_each_run() -> None:
    over = study(*(("base", {"n": n}) for n in (5, 10)), grid=("n",))
    lines = StudyOutcome(
        "b", over, [*runs(over.conditions[0], {1: 1.0, 2: 2.0}), *runs(over.conditions[1], {1: 2.0})]
    )

    assert ">n<" in study_svg(lines)
    assert "A dot is a run" in study_svg(two({1: 1.0, 2: 3.0}, {1: 2.0, 2: 4.0}))


def test_a_picture_says_what_it_leaves_out() -> None:
    many = study(*((f"t{n}", {"n": at}) for n in range(9) for at in (1, 2)), grid=("n",))

    assert omission(StudyOutcome("b", many, [])) == f"Series in the tables alone: {9 - SERIES_MAX}."
