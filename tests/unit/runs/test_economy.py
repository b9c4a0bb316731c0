"""Small whole economies in memory: surplus, profits, prices and lengths of periods are those of the scenario."""

from __future__ import annotations

import pytest
from economies import SYMMETRIC, call, exhausted, indebted, one_call, uneven
from factories import group, role, scenario
from hypothesis import given, settings
from hypothesis import strategies as st
from run_builders import records, summed

from econsim.domain.agent.conditions import Conditions
from econsim.domain.agent.population import population
from econsim.domain.clock.period import redeem
from econsim.domain.clock.progress import Progress
from econsim.domain.execution import in_memory
from econsim.report.aggregate import RunAggregator
from econsim.report.format import debt_note
from econsim.schemas.clock import PeriodClosed
from econsim.schemas.expectation import MeasureExpectation
from econsim.schemas.ledger import TransferPosted


def efficiencies(wanted):
    """Return each period's efficiency on the first market."""
    return [period.efficiency for period in summed(records(wanted)).markets[0].periods]


@pytest.mark.parametrize(("window", "ticks"), [(4, 3), (3, 4), (2, 3), (100, 1), (1, 1), (3, 3)])
def test_a_call_auction_clears_in_every_period_however_its_windows_fit(window, ticks) -> None:
    assert efficiencies(call(window, ticks)) == [1, 1, 1, 1]


def test_a_call_auctions_windows_begin_anew_with_every_period() -> None:
    (market,) = summed(records(call(window=2, ticks=3))).markets

    assert sorted(set(market.trades.ticks)) == [2, 5, 8, 11]


def test_profits_are_the_surplus_though_a_seller_cannot_pay_its_costs() -> None:
    summary = summed(records(indebted()))

    seller, buyer = sorted(summary.holders, key=lambda holder: holder.profit)
    assert (seller.credits, seller.debt, seller.profit) == (0, 6_000_000, -6_000_000)
    assert seller.profit + buyer.profit == sum(p.surplus for p in summary.markets[0].periods) == -6_000_000
    assert "1 agent owes 6 credits" in debt_note(summary)


@pytest.mark.parametrize(
    ("value", "cost", "market", "ticks"),
    [
        (3.00, 2.00, {"price_max": 2.00}, [1, 3]),
        (2.00, 1.00, {"price_min": 2.00}, [1, 3]),
        (2.00, 2.00, {}, [1, 2]),
        (1.005, 1.004, {}, [1, 2]),
    ],
)
def test_a_period_lasts_as_long_as_a_gain_has_a_price(value, cost, market, ticks) -> None:
    summary = summed(records(exhausted(value, cost, **market)))

    assert list(summary.period_starts) == ticks


@pytest.mark.parametrize("outside", ["buyer", "seller"])
def test_a_period_lasts_while_an_agent_outside_the_hosts_could_gain(outside) -> None:
    summary = summed(records(exhausted(3.00, 1.00, outside)))

    assert summary.period_starts == (1, 6)


def test_a_pair_between_two_prices_of_the_grid_has_no_surplus_to_miss() -> None:
    assert efficiencies(exhausted(1.005, 1.004)) == [None, None]


def test_prices_are_measured_by_units_and_a_run_by_the_mean_of_its_periods() -> None:
    wanted = uneven(periods=2).model_copy(update={"expectations": EXPECTED})

    summary = summed(records(wanted))

    (market,) = summary.markets
    assert [round(period.alpha, 9) for period in market.periods] == [5, 5]
    assert (round(market.alpha, 9), round(market.mean_price, 9), market.volume) == (5, 2.01, 200)
    assert [verdict.holds for verdict in summary.verdicts] == [True, True]


def test_truthful_agents_with_several_units_take_all_surplus_in_one_call() -> None:
    assert efficiencies(one_call(*SYMMETRIC)) == [1]


CENTS = st.integers(1, 400).map(lambda cents: cents / 100)


def schedules(*, falling):
    """Return the unit values or costs of some agents, ties among them likely."""
    units = st.lists(st.one_of(CENTS, st.sampled_from([1.0, 2.0, 3.0])), min_size=1, max_size=5)
    return st.lists(units.map(lambda found: sorted(found, reverse=falling)), min_size=1, max_size=5)


@settings(max_examples=150)
@given(schedules(falling=True), schedules(falling=False), st.sampled_from(["price_time", "draw"]))
@pytest.mark.slow
def test_truthful_quotes_in_a_call_take_all_surplus_of_any_schedule(values, costs, rationing) -> None:
    assert efficiencies(one_call(values, costs, rationing=rationing))[0] in (1, None)


@given(schedules(falling=True), schedules(falling=False), st.integers(1, 9))
def test_off_the_grid_truthful_quotes_never_take_more_than_all(values, costs, size) -> None:
    wanted = one_call(values, costs, tick_size=size / 50, price_min=size / 50, price_max=4 * size)

    (efficiency,) = efficiencies(wanted)

    assert efficiency is None or 0 <= efficiency <= 1


EXPECTED = tuple(
    MeasureExpectation(measure=measure, value=value, tolerance=1e-9, source="by hand")
    for measure, value in (("alpha", 5), ("mean_price", 2.01))
)
PRICES = st.integers(1, 400).map(lambda cents: cents / 100)
MECHANISMS = ("continuous_double_auction", "zi_double_auction", "call_auction")


@st.composite
def poor_economies(draw):
    """Return rich careless buyers, and others of whom many sell at a loss with next to no money."""

    def roles(sides):
        drawn = {resource: draw(st.lists(PRICES, min_size=1, max_size=3)) for resource in ("cpu", "gpu")}
        return [
            role(side, resource, values=[sorted(drawn[resource], reverse=side == "bid")])
            for side, resource in zip(sides, drawn, strict=False)
        ]

    def poor(number):
        sides = draw(st.sampled_from([("ask",), ("ask", "ask"), ("ask", "bid"), ("bid", "ask")]))
        policy = draw(st.sampled_from(["zi_u", "zi_u", "zi_c", "zip", "truthful"]))
        credits_ = draw(st.integers(0, 1_000_000)) / 1_000_000
        return group(
            f"poor{number}", policy, count=draw(st.integers(1, 3)), credits=credits_, roles=roles(sides)
        )

    rich = group("rich", "zi_u", count=3, roles=roles(("bid", "bid")))
    markets = [{"resource": name, "mechanism": draw(st.sampled_from(MECHANISMS))} for name in ("cpu", "gpu")]
    clock = {"periods": 3, "ticks_per_period": draw(st.integers(2, 8))}
    return scenario(rich, *map(poor, range(draw(st.integers(1, 3)))), markets=markets, clock=clock)


@settings(max_examples=60)
@given(poor_economies())
@pytest.mark.slow
def test_in_every_period_profits_are_the_surplus_and_the_log_alone_tells_the_settlement(wanted) -> None:
    agents, resources = population(wanted), [market.resource for market in wanted.markets]
    tally, progress, settled = RunAggregator(), Progress(Conditions(wanted)), []

    for addressed in in_memory.run(wanted):
        data = addressed.event.data
        if isinstance(data, TransferPosted):
            settled += [chain for chain in data.chains if chain.cause.startswith("redeem.")]
        if isinstance(data, PeriodClosed):
            assert settled == redeem(agents, resources, data.period, progress.balance)
            settled.clear()
        tally.add(addressed)
        progress.evolve(addressed)
        if isinstance(data, PeriodClosed):
            found = tally.summary()
            surplus = sum(period.surplus for market in found.markets for period in market.periods)
            assert sum(holder.profit for holder in found.holders) == surplus
