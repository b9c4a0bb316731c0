"""Orders, trades and prices: what markets are asked, answer and record.

A market event carries every item of its kind that one batch of one book produced (one tick in
lock-step, one delivery in real time): `n` restores their order within the book.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final

from pydantic import Field

from econsim.schemas.base import CONFIG, Event, Message, Request
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


@dataclass(frozen=True, slots=True)
class OrderAccepted:
    """An order that holds its reservation and entered the book (`bid_accepted`, `ask_accepted`)."""

    __pydantic_config__ = CONFIG

    n: int
    """Position in the book's history, from 1."""
    order_id: OrderId
    """The order."""
    agent: Name
    """Whose."""
    side: Side
    """Bid or ask."""
    kind: OrderKind
    """Order type."""
    price: Price
    """Limit, micro-credits a unit."""
    quantity: Quantity
    """Units asked for."""
    replaces: OrderId | None = None
    """The order it took the place of, which came off the book for it; none for a new order."""


@dataclass(frozen=True, slots=True)
class OrderRejected:
    """An order, cancel or replace that the market refused, with what was asked."""

    __pydantic_config__ = CONFIG

    n: int
    """Position in the book's history, from 1; 0 if the command came to no book."""
    order_id: OrderId
    """The order that was to be placed; for a cancel, the order it names."""
    agent: Name
    """Whose."""
    code: str
    """The refusal as a sentence in snake case."""
    verb: Verb | None = None
    """What was asked; none if the command could not be read."""
    price: int | None = None
    """Limit that was asked for, micro-credits a unit; none for a cancel."""
    quantity: int | None = None
    """Units that were asked for; none for a cancel."""
    kind: OrderKind | None = None
    """Order type that was asked for; none for a cancel, and for a replace, which keeps its order's."""
    replaces: OrderId | None = None
    """The order that a replace names; none for any other verb."""


@dataclass(frozen=True, slots=True)
class TradeExecuted:
    """A fill: units against credits, both reserved before."""

    __pydantic_config__ = CONFIG

    n: int
    """Position in the book's history, from 1."""
    trade_id: Identifier
    """Derived from the taker's order and its count of fills, so a repeat is the same trade."""
    price: Price
    """Micro-credits a unit."""
    quantity: Quantity
    """Units."""
    buyer: Name
    """Who gets the units."""
    seller: Name
    """Who gets the credits."""
    bid_id: OrderId
    """The bid filled."""
    ask_id: OrderId
    """The ask filled."""
    taker: Side
    """Which of the two arrived later; both at once in a call auction, then `bid`."""


@dataclass(frozen=True, slots=True)
class OrderCancelled:
    """What was left of an order came off the book."""

    __pydantic_config__ = CONFIG

    n: int
    """Position in the book's history, from 1."""
    order_id: OrderId
    """The order."""
    agent: Name
    """Whose."""
    side: Side
    """Bid or ask."""
    quantity: Quantity
    """Units that were still open."""
    reason: str
    """Why, as a sentence in snake case."""


Item = OrderAccepted | OrderRejected | TradeExecuted | OrderCancelled


class Accepted(Message):
    """Data of `bid_accepted` and `ask_accepted`."""

    items: tuple[OrderAccepted, ...]
    """In book order."""


class Rejected(Message):
    """Data of `order_rejected`."""

    items: tuple[OrderRejected, ...]
    """In book order."""


class Traded(Message):
    """Data of `trade_executed`."""

    items: tuple[TradeExecuted, ...]
    """In book order."""


class Cancelled(Message):
    """Data of `order_cancelled`."""

    items: tuple[OrderCancelled, ...]
    """In book order."""


@dataclass(frozen=True, slots=True)
class Quote:
    """The best prices of a book; what every agent may know."""

    __pydantic_config__ = CONFIG

    bid: int | None = None
    """Highest bid, micro-credits a unit."""
    ask: int | None = None
    """Lowest ask, micro-credits a unit."""
    last: int | None = None
    """Price of the last trade, or the last clearing price."""


@dataclass(frozen=True, slots=True)
class Shout:
    """One anonymous entry of the public tape: a quote, and whether it traded."""

    __pydantic_config__ = CONFIG

    side: Side
    """Bid or ask."""
    price: Price
    """The quote's price, or the trade's if it traded."""
    traded: bool
    """Whether it led to a trade."""


class BatchOpened(Message):
    """Which commands a real-time batch takes in, told before any has an effect: who does it again does the same."""

    batch: int
    """Batches this book will have processed with this one."""
    period: int
    """Trading day."""
    last_sequence: int
    """Highest sequence of the order queue the batch takes in."""
    closes_tick: bool
    """Whether the clock's mark is the last command of the batch."""


class TickCleared(Message):
    """The end of a batch: all its other events lie before; the public summary of the book."""

    batch: int
    """Batches this book has processed, this one included; the tick in lock-step."""
    period: int
    """Trading day."""
    items: int
    """Items of the batch, over all its events."""
    orders: int
    """Actions the batch took in."""
    trades: int
    """Fills."""
    volume: int
    """Units traded."""
    quote: Quote
    """After the batch."""
    tape: tuple[Shout, ...]
    """Quotes and trades of the batch in book order, without names; the last TAPE_MAX of them."""
    period_closed: bool = False
    """Whether the book was emptied."""
    last_sequence: int = 0
    """Highest sequence of the order queue this batch took in; 0 in process, and in what agents are told."""


class TradingHalted(Message):
    """A book stopped for good, because it cannot settle: nothing trades on it again, and its run ends."""

    resource: Name
    """What was traded."""
    chain: Identifier | None
    """The chain that the ledger refused; none if the batch could not be matched at all."""
    reason: str
    """Why, as a sentence in snake case, or the error's own words."""


class PriceUpdated(Message):
    """A market's price, written to bucket `market_prices` and broadcast by the server."""

    resource: Name
    """What is traded."""
    price: Price | None
    """Micro-credits a unit: the last trade, or the clearing price; none before the first."""
    quote: Quote
    """Best prices."""
    volume: int
    """Units traded in the batch."""


AcceptedEvent = Event[Accepted]
RejectedEvent = Event[Rejected]
TradedEvent = Event[Traded]
CancelledEvent = Event[Cancelled]
BatchOpenedEvent = Event[BatchOpened]
TickClearedEvent = Event[TickCleared]
TradingHaltedEvent = Event[TradingHalted]
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
    """Micro-credits a unit."""
    quantity: int
    """Open units."""
    orders: int
    """Open orders."""


class Book(Message):
    """The depth of one order book."""

    resource: Name
    """What is traded."""
    quote: Quote
    """Best prices."""
    bids: tuple[Level, ...]
    """Best first."""
    asks: tuple[Level, ...]
    """Best first."""
