"""Values drawn from distributions: within their ends, on the grid, and nobody's luck depends on anybody else."""

from statistics import fmean, pstdev

import pytest
from factories import group, role, scenario

from econsim.domain.agent.population import population

UNIFORM = {"low": 1, "high": 3}
NORMAL = {"distribution": "normal", "low": 1, "high": 3, "mean": 2, "deviation": 0.4}


def agents(draw, period=1, side="bid", seed=1, **fields):
    buyers = group("buyer", roles=[role(side, draw=draw, units=5)], **{"count": 200, **fields})
    return population(scenario(buyers, seed=seed, clock={"periods": 3}), period)


def drawn(*args, **fields):
    """Return all values in credits."""
    return [value / 1_000_000 for agent in agents(*args, **fields) for value in agent.roles[0].values]


@pytest.mark.parametrize(("draw", "deviation"), [(UNIFORM, 2 / 12**0.5), (NORMAL, 0.4)])
def test_a_distribution_has_its_mean_and_deviation(draw, deviation):
    found = drawn(draw)

    assert all(1 <= value <= 3 for value in found)
    assert all(round(value * 100) == pytest.approx(value * 100) for value in found)
    assert fmean(found) == pytest.approx(2, abs=0.06)
    assert pstdev(found) == pytest.approx(deviation, rel=0.08)


@pytest.mark.parametrize("side", ["bid", "ask"])
def test_the_best_unit_comes_first(side):
    for agent in agents(UNIFORM, side=side):
        assert list(agent.roles[0].values) == sorted(agent.roles[0].values, reverse=side == "bid")


def test_values_are_drawn_once_a_run_or_anew_in_each_period():
    once, anew = UNIFORM, UNIFORM | {"redraw": "period"}

    assert drawn(once, 1) == drawn(once, 3)
    assert drawn(anew, 1) != drawn(anew, 3)
    assert drawn(anew, 3) == drawn(anew, 3)


def test_values_follow_the_seed():
    assert drawn(UNIFORM, seed=1) != drawn(UNIFORM, seed=2)


def test_more_agents_change_nobody_elses_values():
    assert drawn(UNIFORM, count=200)[:50] == drawn(UNIFORM, count=300)[:50]


def test_ends_between_two_prices_of_the_grid_give_the_lowest_end():
    assert set(drawn({"low": 1.001, "high": 1.002})) == {1.001}


@pytest.mark.parametrize("change", [{"shift": -5}, {"scale_percent": 0}])
def test_a_normal_distribution_whose_ends_a_change_moves_to_0_gives_0(change):
    buyers = group("buyer", roles=[role("bid", draw=NORMAL)])
    moved = scenario(buyers, clock={"periods": 2}, changes=[{"first_period": 2, "group": "buyer", **change}])

    assert [agent.roles[0].values for agent in population(moved, 2)] == [(0,)]
