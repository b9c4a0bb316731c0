"""A run summed up. Catches: surplus that is not the profits, a period lost, a verdict on the wrong mean."""

from __future__ import annotations

import pytest
from factories import group, role, scenario
from recomputed import realised_surplus
from run_builders import only, records, small_run, small_scenario, summed

from econsim import subjects
from econsim.domain.agent.population import population
from econsim.domain.audit.facts import record
from econsim.domain.execution.in_memory import run
from econsim.domain.expectation.verdict import Ruling
from econsim.errors import InvalidMessage
from econsim.report.speed import Speed
from econsim.schemas.market import TradeExecuted


def expecting(**fields):
    """Return the first verdict of a run of truthful traders at a call auction: efficiency is 100 %."""
    expected = {"measure": "efficiency", "value": 100, "tolerance": 0, "source": "theory", **fields}
    wanted = small_scenario("truthful", "call_auction", expectations=[expected])
    return summed(records(wanted)).verdicts[0]


@pytest.mark.parametrize("policy", ["zip", "zi_c", "zi_u", "truthful"])
def test_profits_add_up_to_the_surplus(policy):
    summary = summed(small_run(policy))

    surplus = sum(period.surplus for market in summary.markets for period in market.periods)

    assert sum(holder.profit for holder in summary.holders) == surplus


def test_surplus_is_what_the_economy_says():
    log = small_run("zi_u")
    trades = [
        ("cpu", TradeExecuted(**item))
        for entry in only(log, subjects.TRADE_EXECUTED)
        if entry.tick <= 6
        for item in entry.data["items"]
    ]

    assert summed(log).markets[0].periods[0].surplus == realised_surplus(population(small_scenario()), trades)


def test_truthful_traders_at_a_call_auction_take_all_surplus():
    (market,) = summed(small_run("truthful", "call_auction")).markets

    assert market.efficiency == 1
    assert market.equilibrium_price == market.mean_price == 2.0
    assert market.alpha == 0


def test_periods_share_out_the_trades():
    (market,) = summed(small_run()).markets

    assert [period.number for period in market.periods] == [1, 2]
    assert sum(period.trades for period in market.periods) == len(market.trades) > 0
    assert sum(period.volume for period in market.periods) == market.volume


def test_messages_are_counted_by_type():
    summary = summed(small_run())

    assert sum(summary.messages.values()) == len(small_run())
    assert summary.messages[subjects.TICKED.type] == summary.ticks == 12


def test_a_run_may_be_summed_up_on_the_way():
    summary = summed(small_run()[:30])

    assert not summary.closed
    assert summary.periods == 1
    assert summed(small_run()).closed


def test_a_log_without_its_opening_is_refused():
    with pytest.raises(InvalidMessage):
        summed(small_run()[1:])


def test_hash_and_speed_are_handed_through():
    summary = summed(small_run(), canonical_hash="ab", speed=Speed(2.5, 1.0, 2.0))

    assert (summary.canonical_hash, summary.speed) == ("ab", Speed(2.5, 1.0, 2.0))


def test_wealth_is_what_the_ledger_says_poorest_first():
    summary = summed(small_run())

    assert sum(holder.credits for holder in summary.holders) == 22 * 100_000_000 + sum(
        holder.profit for holder in summary.holders
    )
    assert list(summary.holders) == sorted(summary.holders, key=lambda holder: (holder.credits, holder.agent))
    assert summary.gini is not None
    assert 0 <= summary.gini < 1


@pytest.mark.parametrize(
    ("fields", "holds"),
    [
        ({}, True),
        ({"value": 99}, False),
        ({"value": 99, "tolerance": 1}, True),
        ({"measure": "mean_price", "value": 2.0}, True),
        ({"measure": "trades_per_period", "value": 5.5, "tolerance": 0.5}, True),
        ({"measure": "alpha", "value": 0, "first_period": 2, "last_period": 2}, True),
    ],
)
def test_an_expectation_holds_within_its_tolerance(fields, holds):
    assert expecting(**fields).holds is holds


def test_an_expectation_looks_at_its_periods_only():
    everything, second = (expecting(measure="alpha", first_period=first, last_period=2) for first in (1, 2))

    assert (everything.periods, second.periods) == (2, 1)


def test_the_first_arrival_is_the_seller_whose_ask_came_first_whatever_its_price():
    asks = [("dear", 1, 2.0), ("cheap", 2, 1.0)]
    sellers = [
        group(
            name,
            "scripted",
            roles=[role("ask", values=[[0.5]])],
            script=[{"tick": tick, "resource": "cpu", "verb": "ask", "order_id": name, "price": price}],
        )
        for name, tick, price in asks
    ]
    buyers = [
        group(
            f"buyer_{tick}",
            "scripted",
            script=[{"tick": tick, "resource": "cpu", "verb": "bid", "order_id": f"b{tick}", "price": 3}],
        )
        for tick in (3, 4)
    ]

    one, both = (
        summed(records(scenario(*sellers, *buyers[:count], clock={"ticks_per_period": 5})))
        for count in (1, 2)
    )

    assert [summary.markets[0].periods[0].first_arrival for summary in (one, both)] == [0, 0.5]


def test_a_period_without_trades_has_no_first_arrival():
    seller = group("seller", "truthful", roles=[role("ask", values=[[1.0]])])

    summary = summed(records(scenario(seller, clock={"periods": 2, "ticks_per_period": 2})))

    assert [period.first_arrival for period in summary.markets[0].periods] == [None, None]


def test_a_forged_transfer_is_noticed_when_a_stored_run_is_summed_up():
    wanted = small_scenario(expectations=[{"form": "solvent"}])
    stored = [(each.subject, each.json()) for each in run(wanted, "run_1", "ab")]
    place = next(at for at, (subject, _) in enumerate(stored) if ".transfer_posted." in subject)
    forged = stored[place][1].replace(b'"amount":', b'"amount":1', 1)

    (sound,), (found,) = (
        summed(record(*each) for each in log).judged
        for log in (stored, [*stored[:place], (stored[place][0], forged), *stored[place + 1 :]])
    )

    assert (sound.outcome, found.outcome) == (Ruling.HOLDS, Ruling.UNDECIDABLE)
