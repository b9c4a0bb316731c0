"""Gode and Sunder's rules, one fact a test."""

from book_builder import fine_market, match
from factories import accepted_ids, ask, bid, cancel, codes, reasons, replace_order, trades

from econsim.domain.market.open_orders import OpenOrders
from econsim.schemas.market import Quote
from econsim.schemas.orders import OrderKind, Side

MARKET = fine_market("zi_double_auction")


def orders_after(*actions):
    orders = OpenOrders()
    match(MARKET, orders, actions)
    return orders


def process(orders, *actions):
    return match(MARKET, orders, actions, n=100)


def test_a_better_quote_displaces_the_standing_one():
    orders = orders_after(bid("ann", "b1", 90), ask("cas", "a1", 120))

    items = process(orders, bid("bob", "b2", 91), ask("dee", "a2", 119))

    assert reasons(items) == [("b1", 1, "displaced_by_better_quote"), ("a1", 1, "displaced_by_better_quote")]
    assert (len(orders), orders.quote()) == (2, Quote(bid=91, ask=119))


def test_a_quote_that_does_not_improve_is_refused():
    orders = orders_after(bid("ann", "b1", 90), ask("cas", "a1", 120))

    items = process(orders, bid("bob", "b2", 90), ask("dee", "a2", 120))

    assert codes(items) == [("b2", "bid_must_improve_best_bid"), ("a2", "ask_must_improve_best_ask")]
    assert not accepted_ids(items)


def test_a_crossing_quote_trades_at_the_earlier_quotes_price():
    bid_came_first = orders_after(bid("ann", "b1", 110))
    ask_came_first = orders_after(ask("bob", "a1", 90))

    (low_ask,) = trades(process(bid_came_first, ask("bob", "a1", 90)))
    (high_bid,) = trades(process(ask_came_first, bid("ann", "b1", 110)))

    assert (low_ask.price, low_ask.taker, low_ask.trade_id) == (110, Side.ASK, "a1.1")
    assert (high_bid.price, high_bid.taker, high_bid.trade_id) == (90, Side.BID, "b1.1")


def test_a_trade_cancels_all_standing_quotes():
    orders = orders_after(bid("ann", "b1", 90), ask("cas", "a1", 100))

    items = process(orders, bid("bob", "b2", 100))

    assert reasons(items) == [("b1", 1, "trade_cleared_all_quotes")]
    assert (len(orders), orders.quote()) == (0, Quote(last=100))


def test_quotes_are_single_units_and_plain_limits():
    items = process(orders_after(), bid("ann", "b1", 90, 2), bid("ann", "b2", 90, 1, OrderKind.MARKET))

    assert codes(items) == [("b1", "quotes_are_for_one_unit"), ("b2", "market_takes_limit_orders_only")]


def test_a_quote_that_meets_its_own_agents_is_cancelled_and_nothing_else_moves():
    orders = orders_after(bid("eve", "b0", 80), ask("ann", "a1", 100))

    items = process(orders, bid("ann", "b1", 100))

    assert reasons(items) == [("b1", 1, "self_trade_prevented")]
    assert orders.quote() == Quote(bid=80, ask=100)


def test_a_replacement_must_improve_too():
    orders = orders_after(bid("ann", "b1", 90))

    items = process(orders, replace_order("ann", "b1", "b2", 80), replace_order("ann", "b1", "b3", 95))

    assert codes(items) == [("b2", "bid_must_improve_best_bid")]
    assert reasons(items) == [("b1", 1, "replaced_by_agent")]
    assert orders.quote().bid == 95


def test_after_a_cancel_any_quote_improves():
    orders = orders_after(bid("ann", "b1", 90))

    items = process(orders, cancel("ann", "b1"), bid("bob", "b2", 10))

    assert accepted_ids(items) == ["b2"]
