"""The call auction's price and rationing, one fact a test."""

from book_builder import fine_market, match
from factories import ask, bid, codes, reasons, trades
from hypothesis import given
from hypothesis import strategies as st

from econsim.domain.agent.random_draws import Draws
from econsim.domain.market.open_orders import OpenOrders
from econsim.schemas.market import Quote
from econsim.schemas.orders import OrderKind, Side
from econsim.schemas.scenario import Rationing

MARKET = fine_market("call_auction")


def clear(*actions, market=MARKET, orders=None, seed=1):
    """Return the items of a window with these actions, cleared."""
    return match(market, OpenOrders() if orders is None else orders, actions, draws=Draws(seed))


def test_nothing_trades_before_the_window_is_cleared():
    orders = OpenOrders()

    waiting = match(MARKET, orders, [bid("ann", "b1", 110), ask("bob", "a1", 90)])
    cleared = match(MARKET, orders, [], n=3, draws=Draws(1))

    assert not trades(waiting)
    assert [t.trade_id for t in trades(cleared)] == ["b1.1"]


def test_all_trade_at_one_price_that_clears_most_units():
    items = clear(
        bid("b1", "b1", 120), bid("b2", "b2", 110), bid("b3", "b3", 70),
        ask("s1", "a1", 80), ask("s2", "a2", 90), ask("s3", "a3", 130),
    )  # fmt: skip

    assert [(t.bid_id, t.ask_id, t.price) for t in trades(items)] == [("b1", "a1", 100), ("b2", "a2", 100)]
    assert {t.taker for t in trades(items)} == {Side.BID}


def test_of_prices_with_equal_volume_the_least_imbalance_wins():
    items = clear(bid("ann", "b1", 100), bid("eve", "b2", 60), ask("bob", "a1", 40))

    assert [t.price for t in trades(items)] == [80]  # from 61, where the second bid is out, to 100


def test_the_midpoint_is_rounded_down_to_the_tick_grid():
    items = clear(
        bid("ann", "b1", 100),
        ask("bob", "a1", 50),
        market=fine_market("call_auction", tick_size="0.00001", price_min="0.00001"),
    )

    assert trades(items)[0].price == 70


def test_a_quote_that_does_not_trade_is_cancelled_with_its_open_units():
    orders = OpenOrders()

    items = clear(bid("ann", "b1", 100, 3), ask("bob", "a1", 100, 2), ask("cas", "a2", 130), orders=orders)

    assert reasons(items) == [("b1", 1, "not_cleared"), ("a2", 1, "not_cleared")]
    assert (len(orders), orders.quote()) == (0, Quote(last=100))


def test_without_crossing_quotes_there_is_no_price():
    orders = OpenOrders()

    items = clear(bid("ann", "b1", 90), ask("bob", "a1", 91), orders=orders)

    assert len(reasons(items)) == 2
    assert orders.quote().last is None


def test_a_bids_fills_are_counted_from_one():
    items = clear(bid("ann", "b1", 100, 3), ask("bob", "a1", 90), ask("cas", "a2", 95, 2))

    assert [(t.trade_id, t.ask_id, t.quantity) for t in trades(items)] == [
        ("b1.1", "a1", 1),
        ("b1.2", "a2", 2),
    ]


def test_at_the_margin_the_earlier_order_trades():
    items = clear(bid("ann", "b1", 100), bid("bob", "b2", 100), ask("cas", "a1", 100))

    assert [t.bid_id for t in trades(items)] == ["b1"]


def test_at_the_margin_a_draw_gives_every_order_its_chance_but_never_beats_a_better_price():
    quotes = [bid("ann", "b1", 100), bid("bob", "b2", 100), bid("eve", "b3", 101), ask("cas", "a1", 90, 2)]

    by_lot = fine_market("call_auction", rationing=Rationing.DRAW)

    winners = [[t.bid_id for t in trades(clear(*quotes, market=by_lot, seed=seed))] for seed in range(40)]

    assert {first for first, _ in winners} == {"b3"}
    assert 8 <= sum(second == "b1" for _, second in winners) <= 32
    assert {second for _, second in winners} == {"b1", "b2"}


@given(seed=st.integers(0, 999), newcomers=st.integers(1, 4), place=st.integers(0, 6))
def test_who_else_takes_part_changes_nobodys_lot(seed, newcomers, place):
    by_lot = fine_market("call_auction", rationing=Rationing.DRAW)
    bids = [bid(f"b{n}", f"b{n}", 100) for n in range(6)]
    more = [bid(f"new{n}", f"new{n}", 100) for n in range(newcomers)]

    def order(quotes):
        supply = ask("cas", "a1", 90, len(quotes))
        return [t.bid_id for t in trades(clear(*quotes, supply, market=by_lot, seed=seed))]

    alone, together = order(bids), order([*bids[:place], *more, *bids[place:]])
    assert [each for each in together if not each.startswith("new")] == alone


def test_a_quote_that_crosses_its_own_agents_is_cancelled():
    items = clear(ask("ann", "a1", 90), bid("ann", "b1", 95), bid("bob", "b2", 90))

    assert reasons(items) == [("b1", 1, "self_trade_prevented")]
    assert [t.bid_id for t in trades(items)] == ["b2"]


def test_only_plain_limit_orders_are_taken():
    items = clear(bid("ann", "b1", 90, 1, OrderKind.IMMEDIATE_OR_CANCEL))

    assert codes(items) == [("b1", "market_takes_limit_orders_only")]
