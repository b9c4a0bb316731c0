"""The economic service and the outcomes of orders, on a fake channel and delivered messages.

Cannot catch: what a service answers, and what a connection loses.
"""

from __future__ import annotations

from decimal import Decimal
from types import SimpleNamespace

import pytest

from econsim import subjects
from econsim.agents.economy import EconomicService
from econsim.agents.outcomes import OutcomeKind, Outcomes
from econsim.domain.audit.envelope import Envelope
from econsim.errors import InvalidMessage, Unavailable
from econsim.schemas.admission import Admitted
from econsim.schemas.market import Accepted, OrderAccepted
from econsim.schemas.orders import OrderKind, PlaceAsk, PlaceBid, Side

ENVELOPE = Envelope("demo", "salt", 3, "1970-01-01T00:00:00.000000000Z")


class FakeChannel:
    """Takes every message, and remembers it."""

    client, agent, waited_ms = None, "ana", 0

    def __init__(self):
        self.sent = []

    async def send(self, row, message, **places):
        self.sent.append((row, message, places))
        return Admitted(stream="entry", seq=len(self.sent))


@pytest.fixture
def channel():
    return FakeChannel()


@pytest.fixture
def economy(channel):
    return EconomicService(channel)


@pytest.mark.parametrize(("verb", "model"), [("bid", PlaceBid), ("ask", PlaceAsk)])
async def test_an_order_is_sent_in_micro_credits_under_the_agents_name(economy, channel, verb, model):
    receipt = await getattr(economy, f"place_{verb}")("cpu", "1.25", 2, kind="post_only", order_id="a1")

    [(_, order, places)] = channel.sent
    assert isinstance(order, model)
    assert (order.price, order.quantity, order.kind) == (1_250_000, 2, OrderKind.POST_ONLY)
    assert (places, receipt.order_id) == ({"resource": "cpu"}, "ana.a1")


async def test_the_same_order_twice_has_one_command_id_and_another_order_has_another(economy, channel):
    await economy.place_bid("cpu", 1, order_id="a1")
    await economy.place_bid("cpu", 1, order_id="a1")
    await economy.place_bid("cpu", 2, order_id="a1")

    first, again, other = (order.command_id for _, order, _ in channel.sent)
    assert first == again != other


@pytest.mark.parametrize(
    "order", [{"price": "much"}, {"price": 1, "quantity": 0}, {"price": 1, "kind": "odd"}]
)
async def test_a_malformed_order_is_not_sent(economy, channel, order):
    with pytest.raises(InvalidMessage):
        await economy.place_bid("cpu", **order)

    assert channel.sent == []


@pytest.mark.parametrize("price", [-1, 0, 1000.01])
async def test_a_price_that_no_order_may_have_is_told_in_credits(economy, price):
    with pytest.raises(InvalidMessage, match=rf"price: {price} credits is not above 0 and at most 1000"):
        await economy.replace_order("cpu", "a1", price)


def accepted(order_id="ana.a1"):
    item = OrderAccepted(
        n=1, order_id=order_id, agent="ana", side=Side.BID, price=1_500_000, quantity=2, kind=OrderKind.LIMIT
    )
    return ENVELOPE.event(subjects.BID_ACCEPTED, "market", Accepted(items=(item,)), resource="cpu")


def message(addressed):
    return SimpleNamespace(data=addressed.json(), subject="market.bid_accepted.cpu")


async def delivered(*events):
    """Return the outcomes of an agent after these deliveries."""
    callbacks = []

    async def subscribe(pattern, cb):
        callbacks.append(cb)

    async def flush(*_):
        return None

    outcomes = Outcomes(SimpleNamespace(subscribe=subscribe, flush=flush), "ana")
    await outcomes.start()
    for event in events:
        await callbacks[0](event)
    return outcomes


async def test_an_outcome_is_taken_once_though_it_is_delivered_twice():
    outcomes = await delivered(message(accepted()), message(accepted()))

    taken = outcomes.take_outcomes()

    assert [(each.order_id, each.kind, each.price, each.tick) for each in taken] == [
        ("ana.a1", OutcomeKind.ACCEPTED, Decimal("1.5"), 3)
    ]
    assert outcomes.take_outcomes() == []


async def test_the_first_outcome_of_an_order_can_be_read_after_it_was_taken():
    outcomes = await delivered(message(accepted()))
    outcomes.take_outcomes()

    assert (await outcomes.first("ana.a1", 1.0)).kind == "accepted"


async def test_an_order_without_outcome_is_waited_for_no_longer_than_asked():
    outcomes = await delivered()

    with pytest.raises(Unavailable, match="within 0 s"):
        await outcomes.first("ana.a1", 0.0)


async def test_a_message_that_is_no_event_is_ignored():
    odd = SimpleNamespace(data=b"{}", subject="market.bid_accepted.cpu")

    assert (await delivered(odd)).take_outcomes() == []
