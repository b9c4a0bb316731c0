"""What an agent sees of money and markets: credits as exact decimals, units as integers.

The wire holds micro-credits; here is the one place an agent's side converts them, either way.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from econsim.errors import InvalidMessage
from econsim.schemas import ledger, market
from econsim.schemas import values as schemas
from econsim.schemas.money import parse_credits
from econsim.schemas.orders import Side
from econsim.schemas.types import MICROS_PER_CREDIT

CreditsLike = Decimal | str | float
"""Credits as people write them: `1.25`, `"1.25"`, `Decimal("1.25")`, `3`; at most six decimals."""


@dataclass(frozen=True, slots=True)
class Money:
    """What an agent has of money, in credits."""

    owned: Decimal
    """All of it."""
    reserved: Decimal
    """Held by open bids."""
    debt: Decimal = Decimal(0)
    """Owed to the treasury: costs that could not be paid, repaid first when a period ends."""

    @property
    def available(self) -> Decimal:
        """What can be spent now."""
        return self.owned - self.reserved

    @property
    def net(self) -> Decimal:
        """What is owned less what is owed: by this the agent is judged."""
        return self.owned - self.debt


@dataclass(frozen=True, slots=True)
class Units:
    """What an agent has of a resource, in units."""

    owned: int = 0
    """All of them."""
    reserved: int = 0
    """Held by open asks."""

    @property
    def available(self) -> int:
        """What can be sold now."""
        return self.owned - self.reserved


@dataclass(frozen=True, slots=True)
class Wallet:
    """All an agent has."""

    credits: Money
    """Money."""
    holdings: dict[str, Units]
    """Resource → units; use `units` for one that may be absent."""

    def units(self, resource: str) -> Units:
        """Return what it has of a resource, zeros if nothing."""
        return self.holdings.get(resource, Units())


@dataclass(frozen=True, slots=True)
class MarketRole:
    """What an agent gains by on one market: nobody else is told."""

    side: Side
    """`bid` for a buyer, `ask` for a seller."""
    values: tuple[Decimal, ...]
    """Credits for each unit of a period, in the order units are traded: a buyer is paid them, a seller pays them as costs."""


@dataclass(frozen=True, slots=True)
class PrivateValues:
    """What an agent began with, and what units are worth to it."""

    credits: Decimal
    """Money it was dealt when the run opened: `net` beyond it is what it has earned."""
    roles: dict[str, MarketRole]
    """Resource → role; empty for an agent that gains by trade alone."""


@dataclass(frozen=True, slots=True)
class PriceQuote:
    """A market's public prices, in credits a unit; none where there is none."""

    bid: Decimal | None
    """Best bid: what a seller gets now."""
    ask: Decimal | None
    """Best ask: what a buyer pays now."""
    last: Decimal | None
    """Price of the last trade."""


@dataclass(frozen=True, slots=True)
class PriceLevel:
    """All open units at one price."""

    price: Decimal
    """Credits a unit."""
    quantity: int
    """Open units."""
    orders: int
    """Open orders."""


@dataclass(frozen=True, slots=True)
class MarketDepth:
    """The order book by price, best first."""

    quote: PriceQuote
    """Best prices."""
    bids: tuple[PriceLevel, ...]
    """Who wants to buy."""
    asks: tuple[PriceLevel, ...]
    """Who wants to sell."""


def to_micros(value: CreditsLike) -> int:
    """Return credits as micro-credits, exactly.

    Raises InvalidMessage for what is no number or has more than six decimals: round it yourself.
    """
    try:
        micros = parse_credits(f"{value:f}" if isinstance(value, Decimal) else value)
    except ValueError as error:
        raise InvalidMessage(str(error)) from None
    return micros


def credits_of(micros: int) -> Decimal:
    """Return micro-credits as credits, exactly."""
    return Decimal(micros) / MICROS_PER_CREDIT


def wallet(balance: ledger.Balance) -> Wallet:
    """Return a balance as an agent sees it."""
    money = Money(
        credits_of(balance.credits.posted), credits_of(balance.credits.pending), credits_of(balance.debt)
    )
    units = {name: Units(held.posted, held.pending) for name, held in balance.holdings.items()}
    return Wallet(money, units)


def values(found: schemas.Values) -> PrivateValues:
    """Return an agent's values as it sees them."""
    roles = {
        role.resource: MarketRole(
            role.side, tuple(credits_of(same.value) for same in role.units for _ in range(same.quantity))
        )
        for role in found.roles
    }
    return PrivateValues(credits_of(found.credits), roles)


def net_of(stored: bytes) -> Decimal:
    """Return what is owned less what is owed, of an agent's money as bucket `agent_state` holds it; in credits."""
    found = json.loads(stored)
    return credits_of(found["posted"] - found.get("debt", 0))


def quote(found: market.Quote) -> PriceQuote:
    """Return a quote as an agent sees it."""
    return PriceQuote(
        *(None if micros is None else credits_of(micros) for micros in (found.bid, found.ask, found.last))
    )


def quotes(found: market.Prices) -> dict[str, PriceQuote]:
    """Return resource → quote as an agent sees them."""
    return {resource: quote(each) for resource, each in found.prices.items()}


def depth(book: market.Book) -> MarketDepth:
    """Return an order book as an agent sees it."""
    return MarketDepth(quote(book.quote), _levels(book.bids), _levels(book.asks))


def _levels(found: Iterable[market.Level]) -> tuple[PriceLevel, ...]:
    return tuple(PriceLevel(credits_of(level.price), level.quantity, level.orders) for level in found)
