"""Orders, trades and prices: the questions to markets, their answers and their events.

A market event carries every item of its kind that one batch of one book produced (one tick in
lock-step, one delivery in real time): `n` restores their order within the book.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final

from pydantic import Field

from econsim.schemas.base import CONFIG, Event, Message, Request
from econsim.schemas.immutable import immutable
from econsim.schemas.orders import OrderKind, Side, Verb
from econsim.schemas.types import (
    Identifier,
    Name,
    OrderId,
    Price,
    Quantity,
)

ITEMS_PER_EVENT_MAX: Final = 2_000
"""Items in one event; more are split over several events, each under 1 MiB."""


@immutable
class OrderAccepted:
    """An order that holds its reservation and entered the book (`bid_accepted`, `ask_accepted`)."""

    __pydantic_config__ = CONFIG

    n: int
    """Position in the book's history, from 1."""
    order_id: OrderId
    """Id of the order."""
    agent: Name
    """Agent that placed the order."""
    side: Side
    """Side of the order: bid or ask."""
    kind: OrderKind
    """Order type."""
    price: Price
    """Limit, micro-credits a unit."""
    quantity: Quantity
    """Units of the order when it was placed."""
    replaces: OrderId | None = None
    """Order that it replaced, which came off the book for it; none for a new order."""


@immutable
class OrderRejected:
    """An order, cancel or replace that the market refused, with its terms."""

    __pydantic_config__ = CONFIG

    n: int
    """Position in the book's history, from 1; 0 if the command reached no book."""
    order_id: OrderId
    """Id of the order that was to be placed; for a cancel, of the order to cancel."""
    agent: Name
    """Agent that placed the order."""
    code: str
    """Reason of the refusal, a sentence in snake case."""
    verb: Verb | None = None
    """Verb of the action; none if the command could not be read."""
    price: int | None = None
    """Limit of the refused order, micro-credits a unit; none for a cancel."""
    quantity: int | None = None
    """Units of the refused order; none for a cancel."""
    kind: OrderKind | None = None
    """Type of the refused order; none for a cancel, and for a replace, which keeps the type of its order."""
    replaces: OrderId | None = None
    """Order that a replace names; none for any other verb."""


@immutable
class TradeExecuted:
    """A fill: units against credits, both reserved before."""

    __pydantic_config__ = CONFIG

    n: int
    """Position in the book's history, from 1."""
    trade_id: Identifier
    """Id of the trade, derived from the taker's order and its count of fills, so a repeat is the same trade."""
    price: Price
    """Price of the trade, micro-credits a unit."""
    quantity: Quantity
    """Units traded."""
    buyer: Name
    """Agent that gets the units."""
    seller: Name
    """Agent that gets the credits."""
    bid_id: OrderId
    """Id of the bid that was filled."""
    ask_id: OrderId
    """Id of the ask that was filled."""
    taker: Side
    """Side of the order that arrived later; `bid` in a call auction, where both trade at once."""


@immutable
class OrderCancelled:
    """An order came off the book with its open units."""

    __pydantic_config__ = CONFIG

    n: int
    """Position in the book's history, from 1."""
    order_id: OrderId
    """Id of the order."""
    agent: Name
    """Agent that placed the order."""
    side: Side
    """Side of the order: bid or ask."""
    quantity: Quantity
    """Units that were still open."""
    reason: str
    """Reason of the cancellation, a sentence in snake case."""


Item = OrderAccepted | OrderRejected | TradeExecuted | OrderCancelled


class Accepted(Message):
    """Data of `bid_accepted` and `ask_accepted`."""

    items: tuple[OrderAccepted, ...]
    """Accepted orders, in book order."""


class Rejected(Message):
    """Data of `order_rejected`."""

    items: tuple[OrderRejected, ...]
    """Refused actions, in book order."""


class Traded(Message):
    """Data of `trade_executed`."""

    items: tuple[TradeExecuted, ...]
    """Trades, in book order."""


class Cancelled(Message):
    """Data of `order_cancelled`."""

    items: tuple[OrderCancelled, ...]
    """Cancelled orders, in book order."""


@immutable
class Quote:
    """The best prices of a book, which are public."""

    __pydantic_config__ = CONFIG

    bid: int | None = None
    """Highest bid, micro-credits a unit."""
    ask: int | None = None
    """Lowest ask, micro-credits a unit."""
    last: int | None = None
    """Price of the last trade, or the last clearing price."""


@immutable
class Shout:
    """One anonymous entry of the public tape: a quote, and whether it traded."""

    __pydantic_config__ = CONFIG

    side: Side
    """Side of the quote: bid or ask."""
    price: Price
    """Price of the quote, or of the trade if it traded."""
    traded: bool
    """True if the quote led to a trade."""


class BatchOpened(Message):
    """The commands of a real-time batch, published before any has an effect, so that a batch done again is the same."""

    batch: int
    """Number of the batch: batches that this book will have processed with this one."""
    period: int
    """Trading day of the batch."""
    last_sequence: int
    """Highest sequence of the order queue that the batch takes in."""
    closes_tick: bool
    """True if the clock's `close_tick` is the last command of the batch."""


@immutable
class Allocation:
    """Units of the token resource that a trade allocated to their buyer."""

    __pydantic_config__ = CONFIG

    n: int
    """Position of the trade in the book's history, from 1."""
    agent: Name
    """Agent that may think with the units."""
    units: Quantity
    """Units bought."""
    cause: Identifier
    """Id of the trade."""


class ResourceAllocated(Message):
    """Agents bought units of the resource that thinking uses up."""

    items: tuple[Allocation, ...]
    """Allocations, in book order."""


class TickCleared(Message):
    """The end of a batch, after all its other events; the public summary of the book."""

    batch: int
    """Number of the batch: batches that this book has processed with this one; the tick in lock-step."""
    period: int
    """Trading day of the batch."""
    items: int
    """Items of the batch, over all its events."""
    orders: int
    """Actions that the batch took in."""
    trades: int
    """Trades of the batch."""
    volume: int
    """Units traded in the batch."""
    quote: Quote
    """Best prices after the batch."""
    tape: tuple[Shout, ...]
    """Quotes and trades of the batch in book order, without names; the last TAPE_MAX of them."""
    period_closed: bool = False
    """True if the period ended and the book was emptied."""
    last_sequence: int = 0
    """Highest sequence of the order queue that the batch took in; 0 in process, and in the broadcast to agents."""


class TradingHalted(Message):
    """A book stopped for good because it cannot settle: nothing trades on it again, and its run ends."""

    resource: Name
    """Resource that the book traded."""
    chain: Identifier | None
    """Id of the chain that the ledger refused; none if the batch could not be matched at all."""
    reason: str
    """Reason of the halt, a sentence in snake case or the error's own words."""


class PriceUpdated(Message):
    """A market's price, which the market also writes to bucket `market_prices` and broadcasts to the run's agents."""

    resource: Name
    """Resource that the market trades."""
    price: Price | None
    """Price of the last trade or clearing, micro-credits a unit; none before the first."""
    quote: Quote
    """Best prices of the market."""
    volume: int
    """Units traded in the batch."""


PriceUpdatedEvent = Event[PriceUpdated]


class GetPrices(Request):
    """Ask for the public prices of all markets of the run."""


class Prices(Message):
    """Public prices."""

    prices: dict[str, Quote]
    """Resource → best bid, best ask, last price."""


class GetBook(Request):
    """Ask for the depth of one order book."""

    levels: Annotated[int, Field(ge=1, le=100)] = 10
    """Price levels a side, best first."""


@dataclass(frozen=True, slots=True)
class Level:
    """All open units at one price."""

    __pydantic_config__ = CONFIG

    price: Price
    """Price of the level, micro-credits a unit."""
    quantity: int
    """Open units at this price."""
    orders: int
    """Open orders at this price."""


@dataclass(frozen=True, slots=True)
class OwnOrder:
    """An open order of the agent that asks."""

    __pydantic_config__ = CONFIG

    order_id: OrderId
    """Id of the order."""
    side: Side
    """Side of the order: bid or ask."""
    price: Price
    """Limit, micro-credits a unit."""
    quantity: int
    """Units still open."""


class Book(Message):
    """The depth of one order book, and what the asking agent has on it."""

    resource: Name
    """Resource that the market trades."""
    quote: Quote
    """Best prices of the market."""
    bids: tuple[Level, ...]
    """Levels of the bids, best first."""
    asks: tuple[Level, ...]
    """Levels of the asks, best first."""
    own: tuple[OwnOrder, ...] = ()
    """Open orders of the agent that asks, oldest first; nobody else sees whose they are."""
