"""Statistics of batches: the seed is the unit, differences are paired, pass^k counts what passes every time."""

import pytest
from bench_builders import result

from econsim.domain.measures.measures import confidence_interval
from econsim.evaluation.bench.statistics import (
    by_seed,
    counts,
    differing_hashes,
    mean_over_runs,
    paired_differences,
    pass_k,
)


@pytest.mark.parametrize(
    ("trials", "k", "share"),
    [
        ([[True, True]], 2, 1.0),
        ([[True, False]], 2, 0.0),
        ([[True, True, False]], 2, 1 / 3),
        ([[True, True], [True, False]], 2, 0.5),
        ([[True, False]], 1, 0.5),
        ([[True]], 2, None),
    ],
)
def test_pass_k_is_the_chance_that_k_trials_all_pass(trials, k, share) -> None:
    assert pass_k(trials, k) == (None if share is None else pytest.approx(share))


def test_verdicts_are_counted_and_the_first_that_is_no_pass_is_kept() -> None:
    (found,) = counts([result(3, "fails", 3), result(1, seed=1), result(2, "vacuous", 2)])

    assert found.outcomes == {"holds": 1, "vacuous": 1, "fails": 1}
    assert found.first[0].number == 2
    assert found.pass_all(1) == pytest.approx(1 / 3)


def test_repeats_of_a_seed_count_once() -> None:
    runs = [
        result(number, seed=seed, repeat=repeat, measures={"price": float(seed)})
        for number, (seed, repeat) in enumerate([(1, 1), (1, 2), (2, 1), (2, 2)], 1)
    ]

    assert by_seed(runs, "price") == {1: 1.0, 2: 2.0}
    assert mean_over_runs(runs, "price") == confidence_interval([1.0, 2.0])


def test_differences_are_taken_seed_by_seed_on_the_seeds_that_both_have() -> None:
    before = [result(seed, seed=seed, measures={"price": 10.0 * seed, "alpha": 1.0}) for seed in (1, 2, 3)]
    after = [result(seed, seed=seed, measures={"price": 10.0 * seed + seed}) for seed in (2, 3, 4)]

    (found,) = paired_differences(before, after)

    assert (found.measure, found.seeds, found.first, found.second) == ("price", 2, 25.0, 27.5)
    assert found.difference == confidence_interval([2.0, 3.0])


def test_a_constant_shift_is_clear_however_much_the_seeds_differ() -> None:
    before = [result(seed, seed=seed, measures={"price": 100.0 * seed}) for seed in (1, 2, 3)]
    after = [result(seed, seed=seed, measures={"price": 100.0 * seed + 1}) for seed in (1, 2, 3)]

    (found,) = paired_differences(before, after)

    assert found.is_clear
    assert not paired_differences(before, before)[0].is_clear


def test_repeats_with_different_hashes_are_named() -> None:
    runs = [
        result(1, hash="a"),
        result(2, repeat=2, hash="b"),
        result(3, seed=2, hash="a"),
        result(4, seed=2),
    ]

    assert differing_hashes(runs) == (("test", 1),)


def test_equal_repeats_differ_by_nothing_however_many_there_are() -> None:
    once = [result(seed, seed=seed, measures={"price": 0.1}) for seed in (1, 2, 3)]
    thrice = [
        result(3 * seed + repeat, seed=seed, repeat=repeat, measures={"price": 0.1})
        for seed in (1, 2, 3)
        for repeat in (1, 2, 3)
    ]

    (found,) = paired_differences(once, thrice)

    assert (found.first, found.second, found.difference.half_width) == (0.1, 0.1, 0.0)
    assert not found.is_clear
