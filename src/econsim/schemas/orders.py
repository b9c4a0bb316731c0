"""Orders: what agents, hosts and the clock ask a market to do.

Commands in the imperative; what became of them are the events in `market.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final

from pydantic import Field

from econsim.schemas.base import CONFIG, Command, Word
from econsim.schemas.types import PRICE_MAX, QUANTITY_MAX, Name, OrderId, Price, Quantity, Tick

ORDERS_PER_BATCH_MAX: Final = 10_000
"""Actions in one host's batch: at 120 bytes each well under the 8 MiB of one message."""


class Side(Word):
    """Which side of the book."""

    BID = "bid"
    """Wants to buy."""
    ASK = "ask"
    """Wants to sell."""


class OrderKind(Word):
    """How long an order may rest and what it may cross."""

    LIMIT = "limit"
    """Trade what crosses, rest the remainder."""
    MARKET = "market"
    """Trade at any price up to the given one (the price protects the reservation), rest nothing."""
    IMMEDIATE_OR_CANCEL = "immediate_or_cancel"
    """Trade what crosses, cancel the remainder."""
    FILL_OR_KILL = "fill_or_kill"
    """Trade all at once or nothing."""
    POST_ONLY = "post_only"
    """Rest without trading; refused if it would cross."""


class PlaceBid(Command):
    """Offer to buy up to `quantity` units at `price` or less."""

    order_id: OrderId
    """Client-made, unique in the run."""
    price: Price
    """Micro-credits a unit."""
    quantity: Quantity
    """Units."""
    kind: OrderKind = OrderKind.LIMIT
    """Order type."""


class PlaceAsk(Command):
    """Offer to sell up to `quantity` units at `price` or more."""

    order_id: OrderId
    """Client-made, unique in the run."""
    price: Price
    """Micro-credits a unit."""
    quantity: Quantity
    """Units."""
    kind: OrderKind = OrderKind.LIMIT
    """Order type."""


class CancelOrder(Command):
    """Take one's own resting order off the book."""

    order_id: OrderId
    """The order to cancel."""


class ReplaceOrder(Command):
    """Change one's own resting order: another of its side and type takes its place.

    A smaller quantity at the same price keeps the order's priority; anything else loses it.
    """

    order_id: OrderId
    """The order to replace."""
    new_order_id: OrderId
    """Id of the order that takes its place."""
    price: Price
    """Micro-credits a unit."""
    quantity: Quantity
    """Units that are to be open afterwards."""


class Verb(Word):
    """What a hosted agent's action does."""

    BID = "bid"
    """Place a bid."""
    ASK = "ask"
    """Place an ask."""
    CANCEL = "cancel"
    """Cancel an order."""
    REPLACE = "replace"
    """Replace an order."""


@dataclass(frozen=True, slots=True)
class Action:
    """One agent's wish on one market; the form hosts batch, books process and policies return."""

    __pydantic_config__ = CONFIG

    verb: Verb
    """What to do."""
    agent: Name
    """Who acts."""
    order_id: OrderId
    """The new order's id, or the order to cancel or replace."""
    price: Annotated[int, Field(ge=0, le=PRICE_MAX)] = 0
    """Micro-credits a unit; 0 for a cancel."""
    quantity: Annotated[int, Field(ge=0, le=QUANTITY_MAX)] = 0
    """Units; 0 for a cancel."""
    kind: OrderKind = OrderKind.LIMIT
    """Order type of a new order; a replacement keeps that of the order it replaces."""
    new_order_id: OrderId | None = None
    """For a replace: id of the order that takes its place."""


class PlaceOrders(Command):
    """A trusted host's batch: the actions of its agents on one market in one tick."""

    tick: Tick
    """The tick the actions answer."""
    actions: tuple[Action, ...] = Field(max_length=ORDERS_PER_BATCH_MAX)
    """In no particular order: the book sorts them by seed."""


class CloseTick(Command):
    """The clock's mark in the book's queue: every order of the tick lies before it."""

    tick: Tick
    """The tick to process."""
    period: Annotated[int, Field(ge=0)]
    """The trading day it belongs to."""
    tick_of_period: Annotated[int, Field(ge=1)]
    """Ticks since the period opened: a call auction's windows count in it."""
    close_period: bool = False
    """Whether the book is emptied afterwards."""
