"""Outcomes of an agent's own orders, as the market delivers them; stored until the agent's program takes them."""

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
from econsim.adapters.nats.connection import synchronize
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
"""First outcomes stored for `outcome`, and outcomes stored for `outcomes`; the oldest are dropped."""

OUTCOME_EVENT: Final[TypeAdapter[Event[Accepted] | Event[Rejected] | Event[Traded] | Event[Cancelled]]] = (
    TypeAdapter(Event[Accepted] | Event[Rejected] | Event[Traded] | Event[Cancelled])
)
"""Parser of the events that a market delivers to an agent."""

Value = TypeVar("Value")


class OutcomeKind(StrEnum):
    """Kinds of an order's outcome."""

    ACCEPTED = "accepted"
    """The order has its reservation and entered the book."""
    REJECTED = "rejected"
    """The market refused an order, or a cancel or replace; `verb` says which, `reason` says why."""
    FILLED = "filled"
    """Units of the order traded."""
    CANCELLED = "cancelled"
    """The rest of the order left the book; `reason` says why."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One outcome of one order."""

    order_id: str
    """Id of the order."""
    kind: OutcomeKind
    """Kind of the outcome."""
    resource: str
    """Resource of the market."""
    tick: int
    """Tick of the outcome (logical time)."""
    quantity: int = 0
    """Units accepted, filled or cancelled."""
    price: Decimal | None = None
    """Price in credits a unit, of an accepted or filled order."""
    reason: str = ""
    """Reason of a rejection or cancellation, a sentence in snake case."""
    verb: Verb | None = None
    """Verb of the rejected command: a rejected `cancel` leaves its order as it is."""


class Outcomes:
    """Subscriptions of one agent to its outcomes.

    Core NATS delivers at most once: an outcome that arrives while the connection is down is lost. Every collection is
    bounded by ORDERS_REMEMBERED_MAX and drops its oldest entry.
    """

    def __init__(self, client: Client, agent: str) -> None:
        """Prepare the subscriptions; call `start` before the first order."""
        self._client = client
        self._agent = agent
        self._patterns = [short_pattern(row, agent) for row in subjects.ORDER_OUTCOME]
        self._subscriptions: list[Subscription] = []
        self._waiting: deque[Outcome] = deque(maxlen=ORDERS_REMEMBERED_MAX)
        self._first: OrderedDict[str, Outcome] = OrderedDict()
        self._seen: OrderedDict[str, None] = OrderedDict()
        self._arrived = asyncio.Condition()

    async def start(self) -> None:
        """Subscribe to outcomes; idempotent."""
        if not self._subscriptions:
            self._subscriptions = [await self._client.subscribe(p, cb=self._receive) for p in self._patterns]
            await synchronize(self._client)

    async def stop(self) -> None:
        """Unsubscribe."""
        for subscription in self._subscriptions:
            await subscription.unsubscribe()
        self._subscriptions = []

    async def all(self) -> AsyncIterator[Outcome]:
        """Yield each outcome once, first those that nobody took yet, then new ones as they arrive."""
        while True:
            async with self._arrived:
                await self._arrived.wait_for(lambda: self._waiting)
            yield self._waiting.popleft()

    def take_outcomes(self) -> list[Outcome]:
        """Return the outcomes that nobody took yet, without waiting."""
        taken = list(self._waiting)
        self._waiting.clear()
        return taken

    async def first(self, order_id: str, timeout_s: float) -> Outcome:
        """Wait for the first outcome of an order and return it; raises Unavailable after `timeout_s` seconds."""
        try:
            async with asyncio.timeout(timeout_s), self._arrived:
                await self._arrived.wait_for(lambda: order_id in self._first)
        except TimeoutError as error:
            message = f"no outcome of order {order_id!r} within {timeout_s:g} s; it may still come"
            raise Unavailable(message) from error
        return self._first[order_id]

    async def _receive(self, message: Msg) -> None:
        try:
            event = OUTCOME_EVENT.validate_json(message.data)
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
    """Return an item of a market's event as the outcome of one of its agents."""
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


def _remember(remembered: OrderedDict[str, Value], key: str, value: Value) -> None:
    remembered[key] = value
    if len(remembered) > ORDERS_REMEMBERED_MAX:
        remembered.popitem(last=False)
