"""The tape of a batch says which quotes were made and which of them traded, and names nobody."""

from __future__ import annotations

from econsim.domain.market.tape import TAPE_MAX, tape
from econsim.schemas.market import OrderAccepted, Shout, TradeExecuted
from econsim.schemas.orders import OrderKind, Side


def quote(n, order_id, side, price):
    return OrderAccepted(n, order_id, "ann", side, OrderKind.LIMIT, price, 1, None)


def trade(n, bid, ask, taker, price):
    return TradeExecuted(n, f"t{n}", price, 1, "ann", "bob", bid, ask, taker)


def test_a_quote_that_traded_at_once_is_one_shout_at_the_price_of_the_trade() -> None:
    items = [quote(1, "b", Side.BID, 30), quote(2, "a", Side.ASK, 20), trade(3, "b", "a", Side.ASK, 30)]

    assert tape(items) == [Shout(Side.BID, 30, traded=False), Shout(Side.ASK, 30, traded=True)]


def test_a_quote_that_traded_with_several_is_a_shout_for_each_trade() -> None:
    items = [
        quote(1, "a", Side.ASK, 20),
        trade(2, "b1", "a", Side.ASK, 30),
        trade(3, "b2", "a", Side.ASK, 25),
    ]

    assert tape(items) == [Shout(Side.ASK, 30, traded=True), Shout(Side.ASK, 25, traded=True)]


def test_only_the_last_shouts_of_a_batch_are_told() -> None:
    items = [quote(n, f"b{n}", Side.BID, n) for n in range(1, TAPE_MAX + 3)]

    assert [shout.price for shout in tape(items)] == list(range(3, TAPE_MAX + 3))
