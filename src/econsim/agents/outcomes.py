"""What became of an agent's own orders, as the market delivers it; kept while the agent looks elsewhere."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncIterator
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final, TypeVar

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from pydantic import TypeAdapter, ValidationError

from econsim import subjects
from econsim.adapters.nats.connection import ready
from econsim.agents.views import credits_of
from econsim.errors import Unavailable
from econsim.identity.agent_account import short_pattern
from econsim.schemas.base import Event
from econsim.schemas.market import (
    Accepted,
    Cancelled,
    Item,
    OrderAccepted,
    OrderCancelled,
    Rejected,
    Traded,
    TradeExecuted,
)
from econsim.schemas.orders import Verb

ORDERS_REMEMBERED_MAX: Final = 10_000
"""Orders whose first answer is kept for `outcome`, and outcomes kept for `outcomes`; the oldest go."""

_EVENT: Final[TypeAdapter[Event[Accepted] | Event[Rejected] | Event[Traded] | Event[Cancelled]]] = (
    TypeAdapter(Event[Accepted] | Event[Rejected] | Event[Traded] | Event[Cancelled])
)


Kept = TypeVar("Kept")


class OutcomeKind(StrEnum):
    """What became of an order."""

    ACCEPTED = "accepted"
    """It holds its reservation and entered the book."""
    REJECTED = "rejected"
    """It was refused; `reason` says why. Also for a refused cancel: `verb` tells them apart."""
    FILLED = "filled"
    """Units of it traded."""
    CANCELLED = "cancelled"
    """What was left of it came off the book; `reason` says why."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One thing that became of one order."""

    order_id: str
    """Which."""
    kind: OutcomeKind
    """What happened."""
    resource: str
    """On which market."""
    tick: int
    """When, in logical time."""
    quantity: int = 0
    """Units accepted, filled or cancelled."""
    price: Decimal | None = None
    """Credits a unit, of what was accepted or filled."""
    reason: str = ""
    """Why, as a sentence in snake case."""
    verb: Verb | None = None
    """What was asked for, of what was rejected: a `cancel` leaves its order as it is."""


class Outcomes:
    """The deliveries to one agent; core NATS, so what comes while the connection is down is lost."""

    def __init__(self, client: Client, agent: str) -> None:
        """Prepare; `start` before orders are placed."""
        self._client = client
        self._agent = agent
        self._patterns = [short_pattern(row, agent) for row in subjects.ORDER_OUTCOME]
        self._subscriptions: list[Subscription] = []
        self._waiting: deque[Outcome] = deque(maxlen=ORDERS_REMEMBERED_MAX)
        self._first: OrderedDict[str, Outcome] = OrderedDict()
        self._seen: OrderedDict[str, None] = OrderedDict()
        self._arrived = asyncio.Condition()

    async def start(self) -> None:
        """Listen from now on; a second call changes nothing."""
        if not self._subscriptions:
            self._subscriptions = [await self._client.subscribe(p, cb=self._hear) for p in self._patterns]
            await ready(self._client)

    async def stop(self) -> None:
        """Stop listening."""
        for subscription in self._subscriptions:
            await subscription.unsubscribe()
        self._subscriptions = []

    async def all(self) -> AsyncIterator[Outcome]:
        """Yield outcomes as they come, each once, beginning with those nobody took yet."""
        while True:
            async with self._arrived:
                await self._arrived.wait_for(lambda: self._waiting)
            yield self._waiting.popleft()

    def take_outcomes(self) -> list[Outcome]:
        """Take what has come so far, without waiting."""
        taken = list(self._waiting)
        self._waiting.clear()
        return taken

    async def first(self, order_id: str, timeout_s: float) -> Outcome:
        """Return the market's first answer about an order; raises Unavailable if none comes in time."""
        try:
            async with asyncio.timeout(timeout_s), self._arrived:
                await self._arrived.wait_for(lambda: order_id in self._first)
        except TimeoutError as error:
            message = f"no outcome of order {order_id!r} within {timeout_s:g} s; it may still come"
            raise Unavailable(message) from error
        return self._first[order_id]

    async def _hear(self, message: Msg) -> None:
        try:
            event = _EVENT.validate_json(message.data)
        except ValidationError:
            return
        if event.event_id in self._seen:
            return
        _remember(self._seen, event.event_id, None)
        resource = message.subject.rpartition(".")[2]
        async with self._arrived:
            for item in event.data.items:
                self._take(outcome_of(item, resource, event.tick, self._agent))
            self._arrived.notify_all()

    def _take(self, outcome: Outcome) -> None:
        self._waiting.append(outcome)
        if outcome.order_id not in self._first:
            _remember(self._first, outcome.order_id, outcome)


def outcome_of(item: Item, resource: str, tick: int, agent: str) -> Outcome:
    """Return what an item means to one of its agents."""
    match item:
        case OrderAccepted():
            price = credits_of(item.price)
            return Outcome(item.order_id, OutcomeKind.ACCEPTED, resource, tick, item.quantity, price)
        case TradeExecuted():
            mine = item.bid_id if item.buyer == agent else item.ask_id
            return Outcome(mine, OutcomeKind.FILLED, resource, tick, item.quantity, credits_of(item.price))
        case OrderCancelled():
            return Outcome(
                item.order_id, OutcomeKind.CANCELLED, resource, tick, item.quantity, reason=item.reason
            )
        case _:
            return Outcome(
                item.order_id, OutcomeKind.REJECTED, resource, tick, reason=item.code, verb=item.verb
            )


def _remember(kept: OrderedDict[str, Kept], key: str, value: Kept) -> None:
    kept[key] = value
    if len(kept) > ORDERS_REMEMBERED_MAX:
        kept.popitem(last=False)
