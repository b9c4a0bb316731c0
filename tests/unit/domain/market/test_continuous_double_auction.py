"""The rules of the continuous double auction, one fact a test."""

from book_builder import fine_market, match
from factories import accepted_ids, ask, bid, cancel, codes, reasons, replace_order, trades
from requirements import requirement

from econsim.domain.market.batch_items import BatchItems
from econsim.domain.market.matching import close_period
from econsim.domain.market.open_orders import OpenOrders
from econsim.schemas.market import Level, Quote
from econsim.schemas.orders import OrderKind, Side

MARKET = fine_market("continuous_double_auction")


def orders_after(*actions):
    orders = OpenOrders()
    match(MARKET, orders, actions)
    return orders


def process(orders, *actions):
    return match(MARKET, orders, actions, n=100)


def test_an_order_rests_when_nothing_crosses():
    orders = orders_after(bid("ann", "b1", 90, 2), ask("bob", "a1", 110, 3))

    assert orders.quote() == Quote(bid=90, ask=110, last=None)
    assert orders.depth(5) == ((Level(90, 2, 1),), (Level(110, 3, 1),))
    assert (len(orders), orders.open_order_count("ann"), orders.open_order_count("eve")) == (2, 1, 0)


@requirement("economic.bids")
def test_trades_happen_at_the_standing_orders_price():
    orders = orders_after(ask("bob", "a1", 100))

    (trade,) = trades(process(orders, bid("ann", "b1", 120)))

    assert (trade.price, trade.buyer, trade.seller, trade.taker) == (100, "ann", "bob", Side.BID)
    assert orders.quote() == Quote(bid=None, ask=None, last=100)


def test_a_bid_takes_the_lowest_ask_first():
    orders = orders_after(ask("bob", "a1", 105), ask("cas", "a2", 101), ask("dee", "a3", 103))

    items = process(orders, bid("ann", "b1", 105, 3))

    assert [(t.ask_id, t.price) for t in trades(items)] == [("a2", 101), ("a3", 103), ("a1", 105)]


def test_an_ask_takes_the_highest_bid_first_and_the_earlier_of_two_equals():
    orders = orders_after(bid("ann", "b1", 99), bid("bob", "b2", 100), bid("cas", "b3", 100))

    items = process(orders, ask("dee", "a1", 99, 3))

    assert [t.bid_id for t in trades(items)] == ["b2", "b3", "b1"]


def test_a_partly_filled_order_keeps_its_place():
    orders = orders_after(ask("bob", "a1", 100, 3), ask("cas", "a2", 100, 1))

    process(orders, bid("ann", "b1", 100, 1))
    items = process(orders, bid("ann", "b2", 100, 3))

    assert [(t.ask_id, t.quantity) for t in trades(items)] == [("a1", 2), ("a2", 1)]


def test_trade_ids_count_the_takers_fills():
    orders = orders_after(ask("bob", "a1", 100), ask("cas", "a2", 100))

    items = process(orders, bid("ann", "b1", 100, 2))

    assert [t.trade_id for t in trades(items)] == ["b1.1", "b1.2"]


def test_items_are_numbered_in_the_order_they_happened():
    orders = orders_after(ask("bob", "a1", 100))

    items = process(orders, bid("ann", "b1", 100, 2), cancel("ann", "b1"), cancel("ann", "b1"))

    assert [i.n for i in items] == [100, 101, 102, 103]
    assert [type(i).__name__ for i in items] == [
        "OrderAccepted", "TradeExecuted", "OrderCancelled", "OrderRejected",
    ]  # fmt: skip


def test_the_remainder_of_a_limit_order_rests():
    orders = orders_after(ask("bob", "a1", 100))

    process(orders, bid("ann", "b1", 100, 3))

    assert orders.find("b1").open == 2
    assert orders.quote() == Quote(bid=100, ask=None, last=100)


def test_the_remainder_of_an_immediate_order_is_cancelled():
    for kind in (OrderKind.MARKET, OrderKind.IMMEDIATE_OR_CANCEL):
        orders = orders_after(ask("bob", "a1", 100))

        items = process(orders, bid("ann", "b1", 100, 3, kind))

        assert reasons(items) == [("b1", 2, "remainder_of_immediate_order")]
        assert len(orders) == 0


def test_a_market_order_trades_no_worse_than_its_protecting_price():
    orders = orders_after(ask("bob", "a1", 100), ask("cas", "a2", 200))

    items = process(orders, bid("ann", "b1", 150, 2, OrderKind.MARKET))

    assert [t.price for t in trades(items)] == [100]
    assert orders.quote().ask == 200


def test_fill_or_kill_trades_whole_or_is_accepted_and_cancelled():
    orders = orders_after(ask("bob", "a1", 100), ask("cas", "a2", 101), ask("dee", "a3", 110))

    killed = process(orders, bid("ann", "b1", 105, 3, OrderKind.FILL_OR_KILL))
    filled = process(orders, bid("ann", "b2", 105, 2, OrderKind.FILL_OR_KILL))

    assert (accepted_ids(killed), reasons(killed)) == (["b1"], [("b1", 3, "fill_or_kill_not_filled")])
    assert [t.ask_id for t in trades(filled)] == ["a1", "a2"]


def test_fill_or_kill_does_not_count_units_behind_an_own_order():
    orders = orders_after(ask("bob", "a1", 100), ask("ann", "a2", 100), ask("cas", "a3", 100))

    items = process(orders, bid("ann", "b1", 100, 2, OrderKind.FILL_OR_KILL))

    assert not trades(items)
    assert len(orders) == 3


def test_post_only_rests_or_is_refused():
    orders = orders_after(ask("bob", "a1", 100))

    items = process(
        orders, bid("ann", "b1", 100, 1, OrderKind.POST_ONLY), bid("ann", "b2", 99, 1, OrderKind.POST_ONLY)
    )

    assert codes(items) == [("b1", "post_only_order_would_cross")]
    assert accepted_ids(items) == ["b2"]


def test_an_agent_never_trades_with_itself():
    orders = orders_after(ask("bob", "a1", 100), ask("ann", "a2", 101), ask("cas", "a3", 102))

    items = process(orders, bid("ann", "b1", 105, 3))

    assert [t.ask_id for t in trades(items)] == ["a1"]
    assert reasons(items) == [("b1", 2, "self_trade_prevented")]
    assert orders.quote() == Quote(bid=None, ask=101, last=100)


def test_only_the_owner_cancels_an_order():
    orders = orders_after(bid("ann", "b1", 90))

    items = process(orders, cancel("eve", "b1"), cancel("ann", "b2"), cancel("ann", "b1"))

    assert codes(items) == [("b1", "order_belongs_to_another_agent"), ("b2", "order_not_found")]
    assert reasons(items) == [("b1", 1, "cancelled_by_agent")]


def test_a_replaced_order_loses_its_place():
    orders = orders_after(bid("ann", "b1", 90), bid("bob", "b2", 90))

    items = process(orders, replace_order("ann", "b1", "b3", 90, 2))

    assert [type(item).__name__ for item in items] == ["OrderAccepted", "OrderCancelled"]
    assert reasons(items) == [("b1", 1, "replaced_by_agent")]
    assert accepted_ids(items) == ["b3"]
    assert [o.order_id for o in orders.bids] == ["b2", "b3"]


def test_a_replacement_may_trade():
    orders = orders_after(bid("ann", "b1", 90), ask("bob", "a1", 100))

    items = process(orders, replace_order("ann", "b1", "b2", 100, 1))

    assert [t.trade_id for t in trades(items)] == ["b2.1"]


def test_a_refused_replacement_names_the_new_order_and_leaves_the_old_one():
    orders = orders_after(bid("ann", "b1", 90, 1, OrderKind.POST_ONLY), ask("bob", "a1", 100))

    items = process(
        orders,
        replace_order("ann", "b1", "b2", 100),
        replace_order("eve", "b1", "e1", 95, 1),
        replace_order("eve", "b9", "e2", 95, 1),
    )

    assert codes(items) == [
        ("b2", "post_only_order_would_cross"),
        ("e1", "order_belongs_to_another_agent"),
        ("e2", "order_not_found"),
    ]
    assert orders.find("b1") is not None


def test_the_end_of_a_period_empties_the_book_oldest_first():
    orders = orders_after(bid("ann", "b1", 90), ask("bob", "a1", 100, 4), bid("ann", "b2", 95))

    batch = BatchItems(orders, 7)
    close_period(batch)
    items = batch.items

    assert reasons(items) == [
        ("b1", 1, "period_closed"),
        ("a1", 4, "period_closed"),
        ("b2", 1, "period_closed"),
    ]
    assert [i.n for i in items] == [7, 8, 9]
    assert (len(orders), orders.quote()) == (0, Quote())


def test_depth_adds_up_each_price_best_first():
    orders = orders_after(*(ask("bob", f"a{i}", 100 + i % 3, 2) for i in range(7)))

    assert orders.depth(2)[1] == (Level(100, 6, 3), Level(101, 4, 2))


def test_prices_that_come_and_go_leave_nothing_behind():
    orders = orders_after(bid("ann", "b0", 50_000))

    for i in range(1, 5_000):
        price = i if i % 3 else 1  # new prices, and one that empties and fills again
        process(orders, bid(f"agent_{i}", f"b{i}", price), cancel(f"agent_{i}", f"b{i}"))

    assert len(orders.bids._levels) == len(orders.bids._heap) < 200
    assert orders.bids._empty == sum(not level for level in orders.bids._levels.values())
    assert list(orders._by_agent) == ["ann"]
    assert orders.quote().bid == 50_000
