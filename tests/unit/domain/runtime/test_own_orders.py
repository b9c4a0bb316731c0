"""Own orders on a market, folded batch by batch."""

from __future__ import annotations

import pytest

from econsim.domain.runtime.own_orders import OwnOrders
from econsim.schemas.market import OrderAccepted, OrderCancelled, Quote, TickCleared, TradeExecuted
from econsim.schemas.orders import OrderKind, Side

CLEARED = TickCleared(batch=1, period=1, items=1, orders=1, trades=0, volume=0, quote=Quote(), tape=())


def accepted(n, order_id, agent, quantity=1, replaces=None):
    return OrderAccepted(n, order_id, agent, Side.BID, OrderKind.LIMIT, 1, quantity, replaces)


def trade(n, buyer, bid_id, quantity=1):
    return TradeExecuted(n, f"t{n}", 1, quantity, buyer, "bert", bid_id, "x", Side.BID)


def folded(*batches, agents=("anna",)):
    """Return the orders after some batches, and the ids of the trades that were told."""
    trades = []
    orders = OwnOrders(agents, lambda each: trades.append(each.trade_id))
    for items in batches:
        orders.collect(items)
        orders.clear(CLEARED)
    return orders, trades


def test_a_partial_fill_leaves_the_rest_of_an_order_open():
    orders, _ = folded([accepted(1, "b", "anna", quantity=5), trade(2, "anna", "b", quantity=2)])

    assert [(each.order_id, each.quantity) for each in orders.open_orders("anna")] == [("b", 3)]
    assert orders.traded_units("anna") == 2


def test_a_batch_that_is_published_again_counts_once():
    batch = [accepted(1, "b", "anna", quantity=5), trade(2, "anna", "b", quantity=2)]

    orders, trades = folded(batch, batch)

    assert (orders.traded_units("anna"), len(trades)) == (2, 1)


def test_a_replaced_and_a_cancelled_order_are_not_open():
    orders, _ = folded(
        [
            accepted(1, "a", "anna"),
            accepted(2, "b", "anna", replaces="a"),
            accepted(3, "c", "anna"),
            OrderCancelled(4, "c", "anna", Side.BID, 1, "cancelled_by_agent"),
        ]
    )

    assert [each.order_id for each in orders.open_orders("anna")] == ["b"]


@pytest.mark.parametrize("items", [[accepted(1, "b", "bert")], [trade(1, "carl", "b")]])
def test_what_others_do_is_not_kept(items):
    orders, trades = folded(items)

    assert (orders.open_orders("anna"), trades) == ((), [])
