"""From items to chains: what is reserved, posted and released, under which ids."""

from dataclasses import replace

import pytest
from requirements import requirement

from econsim.domain.market.settlement import Settlement, run_failure, settlement_halt
from econsim.schemas.ledger import CREDITS, Kind, clearing_holder
from econsim.schemas.market import OrderAccepted, OrderCancelled, Side, TradeExecuted
from econsim.schemas.orders import OrderKind
from econsim.schemas.scenario import Market

BID = OrderAccepted(1, "b", "anna", Side.BID, OrderKind.LIMIT, 5, 3)
ASK = OrderAccepted(2, "a", "bert", Side.ASK, OrderKind.LIMIT, 4, 2)
TRADE = TradeExecuted(3, "t", 4, 2, "anna", "bert", "b", "a", Side.BID)
LEFT = OrderCancelled(4, "b", "anna", Side.BID, 1, "cancelled_by_agent")


@pytest.fixture
def settlement():
    """A bid of 3 units at 5 and an ask of 2 units at 4, both on the book with their reservations."""
    found = Settlement(Market(resource="cpu"))
    found.reserve("b", "anna", Side.BID, 15)
    found.reserve("a", "bert", Side.ASK, 2)
    assert found.settle([BID, ASK]) == []
    return found


def legs(chain):
    return [(leg.kind, leg.amount) for leg in chain.transfers]


def test_a_bid_reserves_credits_and_an_ask_its_units():
    (bid,) = Settlement(Market(resource="cpu")).reserve("b", "anna", Side.BID, 15).transfers
    (ask,) = Settlement(Market(resource="cpu")).reserve("a", "bert", Side.ASK, 2).transfers

    assert (bid.kind, bid.asset, bid.amount) == (Kind.PENDING, CREDITS, 15)
    assert (ask.kind, ask.asset, ask.amount) == (Kind.PENDING, "cpu", 2)


@requirement("economic.bids")
def test_a_fill_passes_through_clearing_and_reserves_the_rest_again(settlement):
    (chain,) = settlement.settle([TRADE])

    through = clearing_holder("cpu")
    assert legs(chain) == [
        (Kind.POST, 8),
        (Kind.TRANSFER, 8),
        (Kind.POST, 2),
        (Kind.TRANSFER, 2),
        (Kind.PENDING, 5),
    ]
    assert all(through in (leg.debit, leg.credit) for leg in chain.transfers)


def test_the_rest_of_a_reservation_is_released_once(settlement):
    (_, chain) = settlement.settle([TRADE, LEFT])

    assert (chain.transfers[0].kind, chain.transfers[0].pending_id) == (Kind.VOID, "b.r1")
    assert settlement.settle([LEFT]) == []


def test_the_reservation_of_an_order_that_does_not_enter_is_released(settlement):
    settlement.reserve("c", "anna", Side.BID, 7)

    (chain,) = settlement.settle([])

    assert (chain.id, chain.transfers[0].pending_id, legs(chain)) == ("c.v", "c.r0", [(Kind.VOID, 0)])


def test_a_replacement_takes_over_its_orders_reservation_in_one_chain(settlement):
    settlement.reserve_more("c", "anna", Side.BID, 5)

    (chain,) = settlement.settle([replace(BID, n=3, order_id="c", quantity=4, replaces="b")])

    assert chain.id == "c.s"

    assert legs(chain) == [(Kind.VOID, 0), (Kind.VOID, 0), (Kind.PENDING, 20)]
    assert [leg.pending_id for leg in chain.transfers] == ["b.r0", "c.t", None]


def test_no_order_enters_or_trades_without_its_reservation(settlement):
    with pytest.raises(KeyError):
        settlement.settle([replace(BID, n=3, order_id="c")])
    with pytest.raises(KeyError):
        settlement.settle([replace(TRADE, bid_id="c")])


def test_the_past_leaves_the_same_reservations(settlement):
    heir = Settlement(Market(resource="cpu"))

    for item in (BID, ASK, TRADE):
        heir.evolve(item)
    settlement.settle([TRADE])

    assert heir == settlement
    assert heir.settle([LEFT]) == settlement.settle([LEFT]) != []


def test_a_book_ends_at_the_first_chain_that_the_ledger_refuses_to_settle(settlement):
    chains = settlement.settle([TRADE, LEFT])

    halted = settlement_halt("cpu", chains, {"b.v": "pending_transfer_not_found"})

    assert settlement_halt("cpu", chains, {}) is None
    assert (halted.resource, halted.chain, halted.reason) == ("cpu", "b.v", "pending_transfer_not_found")
    assert run_failure(halted, 7).startswith(
        "the book of cpu stopped in tick 7: the ledger refused chain b.v:"
    )
