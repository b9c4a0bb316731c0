"""Values the SDK returns about money and markets: credits as exact decimals, units as integers.

The wire has micro-credits; the SDK converts them here and nowhere else, in both directions.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from math import isfinite

from econsim.domain.agent.policy import OpenOrder
from econsim.domain.social.tasks import UNENDED
from econsim.errors import InvalidMessage
from econsim.schemas import ledger, market
from econsim.schemas import values as schemas
from econsim.schemas.money import parse_credits
from econsim.schemas.orders import Side
from econsim.schemas.social_tasks import Task, TaskState
from econsim.schemas.types import MICROS_PER_CREDIT

CreditsLike = Decimal | str | float
"""Credits as people write them: `1.25`, `"1.25"`, `Decimal("1.25")`, `3`; at most six decimals."""


@dataclass(frozen=True, slots=True)
class Money:
    """Money of an agent, in credits."""

    owned: Decimal
    """Credits the agent owns, reserved ones included."""
    reserved: Decimal
    """Credits reserved by open bids and by delegated tasks."""
    debt: Decimal = Decimal(0)
    """Credits owed to the treasury: costs that could not be paid, repaid first when a period ends."""

    @property
    def available(self) -> Decimal:
        """Credits that can be spent now."""
        return self.owned - self.reserved

    @property
    def net(self) -> Decimal:
        """Credits owned less credits owed: the agent's score."""
        return self.owned - self.debt


@dataclass(frozen=True, slots=True)
class Units:
    """Units of a resource that an agent has."""

    owned: int = 0
    """Units the agent owns, reserved ones included."""
    reserved: int = 0
    """Units reserved by open asks."""

    @property
    def available(self) -> int:
        """Units that can be sold now."""
        return self.owned - self.reserved


@dataclass(frozen=True, slots=True)
class Wallet:
    """Balances of an agent."""

    credits: Money
    """Money of the agent."""
    holdings: dict[str, Units]
    """Units by resource; use `units` for a resource that may be absent."""

    def units(self, resource: str) -> Units:
        """Return the agent's units of a resource; zeros if it has none."""
        return self.holdings.get(resource, Units())


@dataclass(frozen=True, slots=True)
class MarketRole:
    """Role and private values of an agent on one market; no other agent sees them."""

    side: Side
    """Side of the agent: `bid` for a buyer, `ask` for a seller."""
    values: tuple[Decimal, ...]
    """Value of each unit of the period in credits, in the order of trading: a buyer receives it, a seller pays it as cost."""
    tax: Decimal = Decimal(0)
    """Credits the agent pays as tax for each unit it trades on its side, beside the price; negative for a subsidy."""


@dataclass(frozen=True, slots=True)
class MarketTax:
    """Tax on each unit traded on a market in a period, in credits; negative for a subsidy."""

    bid: Decimal
    """Tax that the buyer pays on top of the price."""
    ask: Decimal
    """Tax that the seller pays out of the price."""


@dataclass(frozen=True, slots=True)
class PrivateValues:
    """Private values of an agent: its endowment of credits and its roles."""

    credits: Decimal
    """Credits the agent was dealt when the run opened; its earnings are `net` less these credits."""
    roles: dict[str, MarketRole]
    """Role by resource; empty for an agent that gains by trade alone."""
    has_waiting_room: bool = False
    """True if the run waits until the agent says that it is ready, by the answer to tick 0."""
    period: int = 1
    """Period of the values; the run's last where they are the same in every period."""
    taxes: dict[str, MarketTax] = field(default_factory=dict)
    """Tax by resource, for every market of the run."""


@dataclass(frozen=True, slots=True)
class PriceQuote:
    """Public prices of a market, in credits a unit; none for a price that does not exist."""

    bid: Decimal | None
    """Best bid: the price a seller receives now."""
    ask: Decimal | None
    """Best ask: the price a buyer pays now."""
    last: Decimal | None
    """Price of the last trade."""


@dataclass(frozen=True, slots=True)
class PriceLevel:
    """Price level of an order book: all open units at one price."""

    price: Decimal
    """Price of the level in credits a unit."""
    quantity: int
    """Open units at this price."""
    orders: int
    """Open orders at this price."""


@dataclass(frozen=True, slots=True)
class MarketDepth:
    """Market depth: the order book by price level, best prices first."""

    quote: PriceQuote
    """Best prices and the last price of the market."""
    bids: tuple[PriceLevel, ...]
    """Price levels of the bids."""
    asks: tuple[PriceLevel, ...]
    """Price levels of the asks."""
    own: tuple[OpenOrder, ...] = ()
    """Open orders of the agent itself, oldest first."""


@dataclass(frozen=True, slots=True)
class TaskView:
    """A delegated task, for the agent that delegated it and the one that does it."""

    task_id: str
    """Id of the task, for every step of it."""
    delegator: str
    """Agent that delegated the task and pays."""
    taker: str
    """Agent that does the task and is paid."""
    text: str
    """Description of the task."""
    price: Decimal
    """Payment for an accepted result, credits."""
    deadline_at: str
    """Time when the task expires: RFC 3339, UTC."""
    state: TaskState
    """State of the task."""
    progress: str
    """Text of the newest report of progress that has one."""
    percent: int | None
    """Part of the task that is done, of the newest report that has one."""
    result: str
    """Result that the taker gave."""
    reason: str
    """Reason of the end, for people."""
    code: str
    """Code of the refusal of a task that was never offered."""
    paid: Decimal | None
    """Credits paid to the taker once the task has ended and is settled."""

    @property
    def has_ended(self) -> bool:
        """True in a final state."""
        return self.state not in UNENDED


def to_micros(value: CreditsLike) -> int:
    """Return credits as micro-credits, exactly.

    Raises InvalidMessage for a value that is no number or has more than six decimals: the caller rounds.
    """
    try:
        micros = parse_credits(f"{value:f}" if isinstance(value, Decimal) else value)
    except ValueError as error:
        raise InvalidMessage(str(error)) from None
    return micros


def to_milliseconds(seconds: float) -> int:
    """Return seconds as whole milliseconds; raises InvalidMessage for what is no finite number."""
    if not isinstance(seconds, int | float) or not isfinite(seconds):
        message = f"{seconds!r} is no number of seconds"
        raise InvalidMessage(message)
    return round(seconds * 1_000)


def credits_of(micros: int) -> Decimal:
    """Return micro-credits as credits, exactly."""
    return Decimal(micros) / MICROS_PER_CREDIT


def wallet(balance: ledger.Balance) -> Wallet:
    """Return the wallet of a balance message."""
    money = Money(
        credits_of(balance.credits.posted), credits_of(balance.credits.pending), credits_of(balance.debt)
    )
    units = {name: Units(held.posted, held.pending) for name, held in balance.holdings.items()}
    return Wallet(money, units)


def values(found: schemas.Values) -> PrivateValues:
    """Return the private values of a values message."""
    roles = {
        role.resource: MarketRole(
            role.side,
            tuple(credits_of(same.value) for same in role.units for _ in range(same.quantity)),
            credits_of(role.tax),
        )
        for role in found.roles
    }
    taxes = {
        market.resource: MarketTax(credits_of(market.tax_bid), credits_of(market.tax_ask))
        for market in found.rules.markets
    }
    return PrivateValues(credits_of(found.credits), roles, found.rules.clock.join_ms > 0, found.period, taxes)


def net_of(stored: bytes) -> Decimal:
    """Return credits owned less credits owed, from a value of bucket `agent_state`."""
    found = json.loads(stored)
    return credits_of(found["posted"] - found.get("debt", 0))


def quote(found: market.Quote) -> PriceQuote:
    """Return the prices of a quote message."""
    return PriceQuote(
        *(None if micros is None else credits_of(micros) for micros in (found.bid, found.ask, found.last))
    )


def quotes(found: market.Prices) -> dict[str, PriceQuote]:
    """Return the prices of a prices message, by resource."""
    return {resource: quote(each) for resource, each in found.prices.items()}


def depth(book: market.Book) -> MarketDepth:
    """Return the market depth of a book message."""
    own = (OpenOrder(each.order_id, each.side, credits_of(each.price), each.quantity) for each in book.own)
    return MarketDepth(quote(book.quote), _levels(book.bids), _levels(book.asks), tuple(own))


def _levels(found: Iterable[market.Level]) -> tuple[PriceLevel, ...]:
    return tuple(PriceLevel(credits_of(level.price), level.quantity, level.orders) for level in found)


def task_view(found: Task) -> TaskView:
    """Return the view of a task message."""
    return TaskView(
        found.task_id,
        found.delegator,
        found.taker,
        found.text,
        credits_of(found.price),
        found.deadline_at,
        found.state,
        found.progress,
        found.percent,
        found.result,
        found.reason,
        found.code,
        None if found.paid is None else credits_of(found.paid),
    )
