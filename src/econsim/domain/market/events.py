"""The events of one batch of one book: its items, its price and its summary.

Items of one kind share an event, because every durable write costs a disk flush. The summary, `tick_cleared`, is published
last, so a batch without it was not finished and will be repeated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, TypeVar

from econsim import subjects
from econsim.domain.audit.envelope import AddressedEvent, Envelope
from econsim.domain.market.book import ClearedBatch
from econsim.domain.market.order_ids import is_scoped
from econsim.schemas.base import Message
from econsim.schemas.market import (
    ITEMS_PER_EVENT_MAX,
    Accepted,
    Allocation,
    Cancelled,
    Item,
    OrderAccepted,
    OrderCancelled,
    Rejected,
    ResourceAllocated,
    TickCleared,
    Traded,
    TradeExecuted,
)
from econsim.schemas.orders import Side
from econsim.schemas.subject import Subject

Part = TypeVar("Part", bound=Item)

ACTOR: Final = "market"
"""Actor of market events."""

ITEM_EVENTS: Final[tuple[tuple[Subject, Callable[..., Message]], ...]] = (
    (subjects.BID_ACCEPTED, Accepted.model_construct),
    (subjects.ASK_ACCEPTED, Accepted.model_construct),
    (subjects.ORDER_REJECTED, Rejected.model_construct),
    (subjects.TRADE_EXECUTED, Traded.model_construct),
    (subjects.ORDER_CANCELLED, Cancelled.model_construct),
)
"""Subjects of items in publishing order, each with the model of its event's data."""


def item_subject(item: Item) -> Subject:
    """Return the subject of an item's event."""
    if isinstance(item, OrderAccepted):
        return subjects.BID_ACCEPTED if item.side is Side.BID else subjects.ASK_ACCEPTED
    if isinstance(item, TradeExecuted):
        return subjects.TRADE_EXECUTED
    return subjects.ORDER_CANCELLED if isinstance(item, OrderCancelled) else subjects.ORDER_REJECTED


def item_events(envelope: Envelope, resource: str, batch: ClearedBatch) -> Iterator[AddressedEvent]:
    """Yield the events of a batch's items in publishing order."""
    groups: dict[str, list[Item]] = {}
    for item in batch.items:
        groups.setdefault(item_subject(item).template, []).append(item)
    for subject, model in ITEM_EVENTS:
        for part in _parts(groups.get(subject.template, ())):
            yield envelope.event(subject, ACTOR, model(items=part), part[0].n, len(part), resource=resource)


def allocation_events(envelope: Envelope, resource: str, batch: ClearedBatch) -> Iterator[AddressedEvent]:
    """Yield the events that a batch of the token resource's market raised the allocations of its buyers."""
    bought = [item for item in batch.items if isinstance(item, TradeExecuted)]
    for part in _parts(bought):
        items = tuple(Allocation(trade.n, trade.buyer, trade.quantity, trade.trade_id) for trade in part)
        data = ResourceAllocated.model_construct(items=items)
        yield envelope.event(
            subjects.RESOURCE_ALLOCATED, ACTOR, data, items[0].n, len(items), resource=resource
        )


def cleared_event(envelope: Envelope, resource: str, batch: ClearedBatch) -> AddressedEvent:
    """Return the summary event of a batch."""
    return envelope.event(subjects.TICK_CLEARED, ACTOR, batch.cleared, batch.cleared.batch, resource=resource)


def public_summary(cleared: AddressedEvent, resource: str, run: str) -> AddressedEvent:
    """Return the broadcast of a batch's end: its event, without `last_sequence`, which only the book's next worker needs.

    The place in the queue counts the orders of all runs, and so do the headers that the event is published with.
    """
    data = cleared.event.data
    assert isinstance(data, TickCleared)
    event = cleared.event.model_copy(update={"data": data.model_copy(update={"last_sequence": 0})})
    return AddressedEvent(subjects.PUBLIC_SUMMARY(resource=resource, run=run), event)


def price_event(envelope: Envelope, resource: str, batch: ClearedBatch) -> AddressedEvent | None:
    """Return the price event, which is also the value for bucket `market_prices`; none if the quote did not change."""
    if batch.price is None:
        return None
    return envelope.event(subjects.PRICE_UPDATED, ACTOR, batch.price, batch.cleared.batch, resource=resource)


def agent_event(envelope: Envelope, resource: str, item: Item, agent: str, *key: int) -> AddressedEvent:
    """Return the delivery of one item to one agent, on the event's subject with the agent last.

    `key` gives a repeated answer an event id of its own: an agent that got the first answer gets this one too.
    """
    subject = item_subject(item)
    model = next(model for kind, model in ITEM_EVENTS if kind is subject)
    addressed = envelope.event(subject, ACTOR, model(items=(item,)), agent, item.n, *key, resource=resource)
    return AddressedEvent(f"{addressed.subject}.{agent}", addressed.event)


def recipients(item: Item) -> Iterator[str]:
    """Yield the agents that an item is delivered to: external agents, whose order ids carry their names."""
    if isinstance(item, TradeExecuted):
        yield from (
            agent
            for agent, order_id in ((item.buyer, item.bid_id), (item.seller, item.ask_id))
            if is_scoped(order_id)
        )
    elif is_scoped(item.order_id):
        yield item.agent


def _parts(items: Sequence[Part]) -> Iterable[tuple[Part, ...]]:
    return (tuple(items[i : i + ITEMS_PER_EVENT_MAX]) for i in range(0, len(items), ITEMS_PER_EVENT_MAX))
