"""From items to chains: what is reserved, posted and released, under which ids."""

import pytest

from econsim.domain.settlement import Settlement, clearing
from econsim.schemas.ledger import CREDITS, Kind
from econsim.schemas.market import OrderCancelled, Side, TradeExecuted


@pytest.fixture
def settlement():
    """A bid of 3 units at 5 and an ask of 2 units at 4, both reserved."""
    found = Settlement("cpu")
    found.reserve("b", "anna", Side.BID, 5, 3)
    found.reserve("a", "bert", Side.ASK, 4, 2)
    return found


TRADE = TradeExecuted(1, "t", 4, 2, "anna", "bert", "b", "a", Side.BID)


def test_a_bid_reserves_its_worst_price_and_an_ask_its_units():
    (bid,) = Settlement("cpu").reserve("b", "anna", Side.BID, 5, 3).transfers
    (ask,) = Settlement("cpu").reserve("a", "bert", Side.ASK, 4, 2).transfers

    assert (bid.kind, bid.asset, bid.amount) == (Kind.PENDING, CREDITS, 15)
    assert (ask.kind, ask.asset, ask.amount) == (Kind.PENDING, "cpu", 2)


def test_a_fill_passes_through_clearing_and_reserves_the_rest_again(settlement):
    chain = settlement.fill(TRADE)

    kinds = [(leg.kind, leg.amount) for leg in chain.transfers]
    through = clearing("cpu")
    assert kinds == [
        (Kind.POST, 8),
        (Kind.TRANSFER, 8),
        (Kind.POST, 2),
        (Kind.TRANSFER, 2),
        (Kind.PENDING, 5),
    ]
    assert all(through in (leg.debit, leg.credit) for leg in chain.transfers)


def test_what_is_left_is_released_once(settlement):
    settlement.fill(TRADE)

    (chain,) = settlement.release("b")

    assert (chain.transfers[0].kind, chain.transfers[0].pending_id) == (Kind.VOID, "b.r1")
    assert settlement.release("b") == settlement.release("a") == ()


def test_the_past_leaves_the_same_reservations(settlement):
    other = Settlement("cpu")
    other.reserve("b", "anna", Side.BID, 5, 3)
    other.reserve("a", "bert", Side.ASK, 4, 2)
    other.evolve(TRADE)
    settlement.fill(TRADE)

    assert other.release("b") == settlement.release("b")


def test_a_cancel_of_the_past_leaves_nothing(settlement):
    settlement.evolve(OrderCancelled(1, "b", "anna", Side.BID, 3, "test"))

    assert settlement.release("b") == ()
