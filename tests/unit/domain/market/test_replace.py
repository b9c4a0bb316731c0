"""The rules of a replace, by mechanism: the rows of the table in docs/concepts/market.md."""

import pytest
from book_builder import MECHANISMS, C, FundedMarket
from factories import accepted_ids, ask, bid, cancel, codes, reasons, replace_order, trades

from econsim.schemas.orders import OrderKind

CDA, ZI, CALL = MECHANISMS
every_mechanism = pytest.mark.parametrize("mechanism", MECHANISMS)
many_units = pytest.mark.parametrize("mechanism", [CDA, CALL])


def market_with(mechanism, *actions):
    market = FundedMarket(mechanism, **({"window_ticks": 4} if mechanism == CALL else {}))
    market.run_batch(*actions)
    return market


def resting(market, agent="anna"):
    return [(order.order_id, order.price // C, order.open) for order in market.book.agent_orders(agent)]


@many_units
@pytest.mark.parametrize("place", [bid, ask])
def test_all_that_an_agent_has_can_be_replaced_whatever_the_quantity(mechanism, place):
    market = market_with(mechanism, place("anna", "old", 2 * C, 5))

    items = market.run_batch(replace_order("anna", "old", "new", 2 * C, 5))

    assert not codes(items)
    assert resting(market) == [("new", 2, 5)]


@many_units
def test_a_replacement_reserves_the_difference_it_needs_and_no_more(mechanism):
    market = market_with(mechanism, bid("anna", "old", 2 * C, 4))

    fits = market.run_batch(replace_order("anna", "old", "new", 2 * C, 5))
    too_much = market.run_batch(replace_order("anna", "new", "more", 2 * C, 6))

    assert (codes(fits), codes(too_much)) == ([], [("more", "debit_account_would_go_negative")])
    assert (resting(market), market.pending("anna")) == ([("new", 2, 5)], (10 * C, 0))


@many_units
def test_a_smaller_replacement_frees_the_difference(mechanism):
    market = market_with(mechanism, bid("anna", "old", 2 * C, 5))

    market.run_batch(replace_order("anna", "old", "new", 2 * C, 2))

    assert market.pending("anna") == (4 * C, 0)


@every_mechanism
def test_an_order_can_be_replaced_and_cancelled_in_the_batch_it_came_in(mechanism):
    market = market_with(mechanism)

    items = market.run_batch(
        bid("anna", "one", C),
        replace_order("anna", "one", "two", 2 * C),
        replace_order("anna", "two", "three", 3 * C),
        cancel("anna", "three"),
    )

    assert (codes(items), accepted_ids(items)) == ([], ["one", "two", "three"])
    assert (resting(market), market.pending("anna")) == ([], (0, 0))


def test_a_post_only_order_stays_post_only():
    market = market_with(CDA, ask("bert", "a1", 3 * C), bid("anna", "old", C, 1, OrderKind.POST_ONLY))

    items = market.run_batch(replace_order("anna", "old", "new", 3 * C))
    moved = market.run_batch(replace_order("anna", "old", "moved", 2 * C))

    assert (codes(items), trades(items)) == ([("new", "post_only_order_would_cross")], [])
    assert [order.kind for order in market.book.agent_orders("anna")] == ["post_only"]
    assert accepted_ids(moved) == ["moved"]


@every_mechanism
def test_a_replacement_that_would_trade_with_an_own_order_is_refused_and_both_stay(mechanism):
    market = market_with(mechanism, ask("anna", "a1", 3 * C), bid("anna", "old", C))

    items = market.run_batch(replace_order("anna", "old", "new", 3 * C))

    assert codes(items) == [("new", "replacement_would_trade_with_own_order")]
    assert resting(market) == [("a1", 3, 1), ("old", 1, 1)]


def test_a_replacement_that_others_fill_before_an_own_order_trades():
    market = market_with(CDA, ask("bert", "a1", 2 * C), ask("anna", "a2", 3 * C), bid("anna", "old", C))

    items = market.run_batch(replace_order("anna", "old", "new", 3 * C))

    assert [trade.ask_id for trade in trades(items)] == ["a1"]


@many_units
@pytest.mark.parametrize("units", [1, 3])
def test_a_smaller_or_equal_quantity_at_the_same_price_keeps_its_place(mechanism, units):
    market = market_with(mechanism, bid("anna", "old", C, 3), bid("bert", "b1", C))
    market.run_batch(
        replace_order("anna", "old", "less", C, 3), replace_order("anna", "less", "least", C, units)
    )

    market.restart()
    items = [*market.run_batch(ask("carl", "a1", C)), *market.run_batch()]

    assert [trade.bid_id for trade in trades(items)] == ["least"]


@many_units
def test_more_units_at_the_same_price_go_behind_everybody_else(mechanism):
    market = market_with(mechanism, bid("anna", "old", C, 3), bid("bert", "b1", C))
    market.run_batch(replace_order("anna", "old", "more", C, 4))

    items = [*market.run_batch(ask("carl", "a1", C)), *market.run_batch()]

    assert [trade.bid_id for trade in trades(items)] == ["b1"]


@many_units
def test_another_price_goes_behind_everybody_else_there(mechanism):
    market = market_with(mechanism, bid("anna", "old", 2 * C, 3), bid("bert", "b1", C))
    market.run_batch(replace_order("anna", "old", "new", C, 1))

    items = [*market.run_batch(ask("carl", "a1", C)), *market.run_batch()]

    assert [trade.bid_id for trade in trades(items)] == ["b1"]


def test_a_replacement_that_crosses_trades_at_once():
    for mechanism in (CDA, ZI):
        market = market_with(mechanism, ask("bert", "a1", 2 * C), bid("anna", "old", C))

        items = market.run_batch(replace_order("anna", "old", "new", 3 * C))

        assert [(trade.trade_id, trade.price) for trade in trades(items)] == [("new.1", 2 * C)]


def test_a_replacement_in_a_call_auction_waits_for_the_window_to_clear():
    market = market_with(CALL, ask("bert", "a1", 2 * C), bid("anna", "old", C))

    items = market.run_batch(replace_order("anna", "old", "new", 2 * C))

    assert not trades(items)
    assert [trade.trade_id for trade in trades([*market.run_batch(), *market.run_batch()])] == ["new.1"]


def test_a_quote_is_replaced_by_a_better_one_of_one_unit_or_stays():
    market = market_with(ZI, bid("anna", "old", 2 * C))

    items = market.run_batch(
        replace_order("anna", "old", "same", 2 * C), replace_order("anna", "old", "two", 3 * C, 2)
    )
    better = market.run_batch(replace_order("anna", "old", "better", 3 * C))

    assert codes(items) == [("same", "bid_must_improve_best_bid"), ("two", "quotes_are_for_one_unit")]
    assert (reasons(better), resting(market)) == ([("old", 1, "replaced_by_agent")], [("better", 3, 1)])


@every_mechanism
def test_an_order_of_another_agent_or_none_cannot_be_replaced(mechanism):
    market = market_with(mechanism, bid("bert", "theirs", C))

    items = market.run_batch(
        replace_order("anna", "theirs", "x", 2 * C), replace_order("anna", "gone", "y", 2 * C)
    )

    assert codes(items) == [("x", "order_belongs_to_another_agent"), ("y", "order_not_found")]
    assert (resting(market, "bert"), market.pending("anna")) == ([("theirs", 1, 1)], (0, 0))


def test_an_order_filled_in_the_same_batch_pays_for_less():
    market = market_with(CDA, bid("anna", "old", 2 * C, 4))
    more = replace_order("anna", "old", "more", 2 * C, 4)

    items = market.run_batch(ask("bert", "a1", 2 * C, 3), more, replace_order("anna", "old", "less", C, 2))

    assert codes(items) == [("more", "order_was_filled_meanwhile")]
    assert (resting(market), market.pending("anna")) == ([("less", 1, 2)], (2 * C, 0))


@every_mechanism
def test_an_agent_with_as_many_orders_as_it_may_have_can_replace_them(mechanism):
    market = FundedMarket(
        mechanism, open_orders_max=1, book_orders_max=1, window_ticks=4 if mechanism == CALL else 1
    )

    items = market.run_batch(
        bid("anna", "one", C),
        replace_order("anna", "one", "two", 2 * C),
        replace_order("anna", "two", "three", 3 * C),
    )

    assert (codes(items), resting(market)) == ([], [("three", 3, 1)])


def test_an_id_of_one_market_is_refused_on_another_also_for_a_replacement_that_needs_nothing_more():
    """Otherwise the second market could settle nothing under it."""
    cpu, gpu = FundedMarket(CDA), FundedMarket(CDA, resource="gpu")
    gpu.ledger = cpu.ledger
    cpu.run_batch(ask("anna", "x", C))
    gpu.run_batch(bid("anna", "old", C))

    items = gpu.run_batch(replace_order("anna", "old", "x", C))

    assert codes(items) == [("x", "order_id_exists_with_different_fields")]
    assert resting(gpu) == [("old", 1, 1)]
