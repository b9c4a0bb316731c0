"""Strategies bound coded traders: margins, learning, chance to act and units, whatever policy trades."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from econsim.domain.agent.random_draws import Draws
from econsim.domain.agent.traders import QUOTERS, TraderPosition, View
from econsim.domain.agent.traders.margins import within_margins
from econsim.domain.cognition.strategy import Strategy
from econsim.schemas.market import Quote
from econsim.schemas.money import parse_credits
from econsim.schemas.orders import Side
from econsim.schemas.scenario import Market, MechanismName, PolicyName

MARKET = Market(resource="cpu")
COINS = parse_credits("2.00")


def position(side=Side.ASK, values=(COINS,), market=MARKET):
    return TraderPosition("ana", 0, side, values, market)


def bounded(side, price, **strategy):
    return within_margins(MARKET, side, COINS, parse_credits(price), Strategy(**strategy))


@pytest.mark.parametrize(
    ("side", "price", "bound"),
    [
        (Side.ASK, "2.10", "2.20"),
        (Side.ASK, "3.00", "2.60"),
        (Side.ASK, "2.40", "2.40"),
        (Side.BID, "1.90", "1.80"),
        (Side.BID, "1.00", "1.40"),
        (Side.BID, "1.60", "1.60"),
    ],
)
def test_a_price_outside_the_margins_is_moved_to_the_nearest_one_within(side, price, bound):
    found = bounded(side, price, margin_min_percent=10, margin_max_percent=30)

    assert found == parse_credits(bound)


@given(
    st.sampled_from(Side),
    st.integers(0, 6_000_000),
    st.integers(1, 400),
    st.integers(0, 90),
    st.integers(0, 90),
)
def test_a_bounded_price_is_on_the_grid_within_the_limits_and_loses_nothing(side, value, ticks, least, most):
    price = ticks * MARKET.tick_size
    strategy = Strategy(margin_min_percent=min(least, most), margin_max_percent=max(least, most))

    found = within_margins(MARKET, side, value, price, strategy)

    worst = position(side, (value,)).worst(value)
    assert (found is None) == (worst is None)
    if found is not None and worst is not None:
        assert found % MARKET.tick_size == 0
        assert MARKET.price_min <= found <= MARKET.price_max
        assert found <= worst if side is Side.BID else found >= worst


@pytest.mark.parametrize("policy", QUOTERS)
def test_every_coded_trader_keeps_the_margins_of_its_strategy(policy):
    trader = QUOTERS[policy](position(), Draws(1, "trader"))
    trader.follow(Strategy(margin_min_percent=25, margin_max_percent=25))

    (action,) = trader.act(View(1, 1, 1, Quote()), Draws(1, "act"))

    assert action.price == parse_credits("2.50")


@pytest.mark.parametrize(("policy", "changes"), [(PolicyName.TRUTHFUL, 1), (PolicyName.ZIP, 1)])
def test_a_strategy_of_less_units_ends_the_trade_of_a_period_early(policy, changes):
    place = position(values=(COINS, COINS, COINS))
    trader = QUOTERS[policy](place, Draws(1, "trader"))
    trader.follow(Strategy(units_max=changes))

    place.traded = changes

    assert trader.act(View(1, 1, 1, Quote()), Draws(1, "act")) == ()
    assert trader.worth() is None


def test_a_strategy_of_two_units_quotes_for_two_in_a_call():
    calls = Market(resource="cpu", mechanism=MechanismName.CALL_AUCTION)
    trader = QUOTERS[PolicyName.TRUTHFUL](position(values=(COINS,) * 3, market=calls), Draws(1, "trader"))
    trader.follow(Strategy(units_max=2))

    assert len(trader.act(View(1, 1, 1, Quote()), Draws(1, "act"))) == 2
