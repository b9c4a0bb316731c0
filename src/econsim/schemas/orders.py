"""Orders: the commands of agents, hosts and the clock to a market.

Their outcomes are the events in `market.py`.
"""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field

from econsim.schemas.base import CONFIG, Command, Word
from econsim.schemas.immutable import immutable
from econsim.schemas.types import PRICE_MAX, QUANTITY_MAX, Name, OrderId, Price, Quantity, Tick

ORDERS_PER_BATCH_MAX: Final = 10_000
"""Actions in one host's batch: at 120 bytes each well under the 8 MiB of one message."""


class Side(Word):
    """A side of the book."""

    BID = "bid"
    """Offer to buy."""
    ASK = "ask"
    """Offer to sell."""


class OrderKind(Word):
    """The type of an order: it says which orders may trade at once and which may rest."""

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
    """Id of the order, made by its sender, unique in the run."""
    price: Price
    """Limit of the order, micro-credits a unit."""
    quantity: Quantity
    """Units of the order."""
    kind: OrderKind = OrderKind.LIMIT
    """Type of the order."""


class PlaceAsk(Command):
    """Offer to sell up to `quantity` units at `price` or more."""

    order_id: OrderId
    """Id of the order, made by its sender, unique in the run."""
    price: Price
    """Limit of the order, micro-credits a unit."""
    quantity: Quantity
    """Units of the order."""
    kind: OrderKind = OrderKind.LIMIT
    """Type of the order."""


class CancelOrder(Command):
    """Take one's own resting order off the book."""

    order_id: OrderId
    """Id of the order to cancel."""


class ReplaceOrder(Command):
    """Change one's own resting order: another of its side and type takes its place.

    A smaller quantity at the same price keeps the order's priority; anything else loses it.
    """

    order_id: OrderId
    """Id of the order to replace."""
    new_order_id: OrderId
    """Id of the order that takes its place."""
    price: Price
    """Limit of the new order, micro-credits a unit."""
    quantity: Quantity
    """Units of the new order: those to be open afterwards."""


class Verb(Word):
    """The kind of an action."""

    BID = "bid"
    """Place a bid."""
    ASK = "ask"
    """Place an ask."""
    CANCEL = "cancel"
    """Cancel an order."""
    REPLACE = "replace"
    """Replace an order."""


@immutable
class Action:
    """One agent's action on one market: policies return actions, hosts batch them, books process them."""

    __pydantic_config__ = CONFIG

    verb: Verb
    """Kind of the action."""
    agent: Name
    """Agent that acts."""
    order_id: OrderId
    """Id of the new order, or of the order to cancel or replace."""
    price: Annotated[int, Field(ge=0, le=PRICE_MAX)] = 0
    """Limit of the order, micro-credits a unit; 0 for a cancel."""
    quantity: Annotated[int, Field(ge=0, le=QUANTITY_MAX)] = 0
    """Units of the order; 0 for a cancel."""
    kind: OrderKind = OrderKind.LIMIT
    """Type of a new order; a replacement keeps the type of the order it replaces."""
    new_order_id: OrderId | None = None
    """Id of the order that takes the place of another; only for a replace."""


class PlaceOrders(Command):
    """A trusted host's batch: the actions of its agents on one market in one tick."""

    tick: Tick
    """Tick that the actions answer."""
    actions: tuple[Action, ...] = Field(max_length=ORDERS_PER_BATCH_MAX)
    """Actions in no particular order: the book sorts them by seed."""


class CloseTick(Command):
    """The end of a tick in the book's queue: every order of the tick lies before it."""

    tick: Tick
    """Tick to process."""
    period: Annotated[int, Field(ge=0)]
    """Trading day of the tick."""
    tick_of_period: Annotated[int, Field(ge=1)]
    """Ticks since the period opened: a call auction counts its windows in them."""
    close_period: bool = False
    """True if the period ends with this tick, so that the book is emptied afterwards."""
