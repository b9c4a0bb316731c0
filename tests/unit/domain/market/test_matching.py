"""The loop over a batch's actions and the table of mechanisms."""

import pytest
from book_builder import MECHANISMS as WORDS
from book_builder import fine_market, match
from factories import ask, bid, cancel, codes, reasons, replace_order

from econsim.domain.agent.random_draws import Draws
from econsim.domain.market.batch_items import BatchItems
from econsim.domain.market.matching import MECHANISMS, clear_window, close_period
from econsim.domain.market.open_orders import OpenOrders
from econsim.schemas.orders import Side
from econsim.schemas.scenario import MechanismName

every_mechanism = pytest.mark.parametrize("word", WORDS)


def test_every_word_of_the_scenario_has_its_row():
    assert set(MECHANISMS) == set(MechanismName)


@every_mechanism
def test_a_cancel_takes_an_order_off_the_book(word):
    orders = OpenOrders()

    items = match(fine_market(word), orders, [bid("ann", "b", 5), cancel("ann", "b")])

    assert reasons(items) == [("b", 1, "cancelled_by_agent")]
    assert len(orders) == 0


@every_mechanism
def test_an_order_that_is_gone_or_anothers_is_neither_cancelled_nor_replaced(word):
    orders = OpenOrders()
    match(fine_market(word), orders, [bid("ann", "b", 5)])

    items = match(
        fine_market(word),
        orders,
        [cancel("eve", "b"), cancel("ann", "x"), replace_order("eve", "b", "n", 6)],
    )

    assert codes(items) == [
        ("b", "order_belongs_to_another_agent"),
        ("x", "order_not_found"),
        ("n", "order_belongs_to_another_agent"),
    ]
    assert orders.find("b")


@every_mechanism
def test_a_replacement_that_would_trade_with_an_own_order_is_refused(word):
    orders = OpenOrders()
    match(fine_market(word), orders, [bid("ann", "b", 5), ask("ann", "a", 9)])

    items = match(fine_market(word), orders, [replace_order("ann", "b", "n", 9)])

    assert codes(items) == [("n", "replacement_would_trade_with_own_order")]
    assert orders.find("b")


@pytest.mark.parametrize("word", WORDS[:2])
def test_the_end_of_a_window_changes_nothing_where_orders_match_as_they_enter(word):
    batch = BatchItems(OpenOrders(), 1)
    batch.accept(bid("ann", "b", 5), Side.BID)

    clear_window(fine_market(word), batch, Draws(1))

    assert len(batch.items) == 1


@every_mechanism
def test_the_end_of_a_period_empties_the_book_oldest_first(word):
    orders = OpenOrders()
    match(fine_market(word), orders, [bid("ann", "b", 5), ask("bob", "a", 9)])
    batch = BatchItems(orders, 3)

    close_period(batch)

    assert reasons(batch.items) == [("b", 1, "period_closed"), ("a", 1, "period_closed")]
    assert [item.n for item in batch.items] == [3, 4]
