"""Policies of one's own: the class to derive from, what its objects see, and what they may decide. Pure; money in credits.

The same object runs in memory, in a host and as an external agent, so all that it sees is what an external agent is told: its own
money, units, values and orders, and what is public.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal, InvalidOperation
from typing import Final, TypeAlias

from econsim.domain.agent.random_draws import Draws
from econsim.schemas.orders import OrderKind, Side

CREDIT_DECIMALS: Final = 6
"""Decimals of an amount in credits."""

CreditsLike: TypeAlias = Decimal | str | float
"""Credits as people write them: `1.25`, `"1.25"`, `Decimal("1.25")`, `3`; at most six decimals."""


@dataclass(frozen=True, slots=True)
class Bid:
    """Decision to buy up to `quantity` units at `price` credits a unit or less."""

    resource: str
    """Resource of the market."""
    price: CreditsLike
    """Limit of the order, credits a unit; a market refuses what is off its grid."""
    quantity: int = 1
    """Units of the order."""
    kind: OrderKind | str = OrderKind.LIMIT
    """Type of the order."""


@dataclass(frozen=True, slots=True)
class Ask:
    """Decision to sell up to `quantity` units at `price` credits a unit or more."""

    resource: str
    """Resource of the market."""
    price: CreditsLike
    """Limit of the order, credits a unit; a market refuses what is off its grid."""
    quantity: int = 1
    """Units of the order."""
    kind: OrderKind | str = OrderKind.LIMIT
    """Type of the order."""


@dataclass(frozen=True, slots=True)
class Cancel:
    """Decision to take an open order off the book."""

    resource: str
    """Resource of the market."""
    order_id: str
    """Id of the order."""


@dataclass(frozen=True, slots=True)
class Replace:
    """Decision to put another order of the same side and type in the place of an open one."""

    resource: str
    """Resource of the market."""
    order_id: str
    """Id of the open order."""
    price: CreditsLike
    """Limit of the new order, credits a unit."""
    quantity: int = 1
    """Units of the new order."""


Decision: TypeAlias = Bid | Ask | Cancel | Replace
"""Decision of a policy."""


@dataclass(frozen=True, slots=True)
class OpenOrder:
    """An open order of the agent's own."""

    order_id: str
    """Id of the order."""
    side: Side
    """Side of the order."""
    price: Decimal
    """Limit of the order, credits a unit."""
    quantity: int
    """Open units of the order."""


@dataclass(frozen=True, slots=True)
class TapeEntry:
    """One anonymous entry of the public tape: a quote, and whether it traded."""

    side: Side
    """Side of the quote."""
    price: Decimal
    """Price of the quote, or of the trade if it traded, credits a unit."""
    traded: bool
    """True if the quote led to a trade."""


@dataclass(frozen=True, slots=True)
class MarketObservation:
    """A market as the agent sees it: its public prices, and the agent's own role, units and orders there."""

    resource: str
    """Resource of the market."""
    tick_size: Decimal
    """Tick size, credits: every price is a multiple of it."""
    price_min: Decimal
    """Price floor of the period, credits."""
    price_max: Decimal
    """Price ceiling of the period, credits."""
    lot_size: int
    """Lot size: every quantity is a multiple of it."""
    tax_bid: Decimal
    """Tax on each unit that the agent buys, on top of its price, credits; negative for a subsidy."""
    tax_ask: Decimal
    """Tax on each unit that the agent sells, out of its price, credits; negative for a subsidy."""
    bid: Decimal | None
    """Best bid after the tick before, credits; None without any."""
    ask: Decimal | None
    """Best ask after the tick before, credits; None without any."""
    last: Decimal | None
    """Price of the last trade, credits; None before the first."""
    tape: tuple[TapeEntry, ...]
    """Quotes and trades of the tick before, in book order, without names; the newest 1 000 of them."""
    side: Side | None
    """Side of the agent's role: `bid` buys, `ask` sells; None without a role."""
    values: tuple[Decimal, ...]
    """Value of each unit of this period less the tax on it, or its cost with the tax, credits, in the order of trading; empty without a role."""
    traded: int
    """Units that the agent traded in this period."""
    units: int
    """Units that the agent has and none of its asks offers."""
    orders: tuple[OpenOrder, ...]
    """Open orders of the agent, oldest first."""

    def __repr__(self) -> str:
        """Return what most policies go by, without the tape, which may have a thousand entries."""
        seen = f"bid {self.bid}, ask {self.ask}, last {self.last}"
        mine = f"{self.side and self.side.value} {self.traded} of {len(self.values)}, {len(self.orders)} open"
        return f"<market {self.resource}: {seen}; {mine}, next value {self.value}>"

    @property
    def value(self) -> Decimal | None:
        """Value less tax, or cost with tax, of the agent's next unit, credits; None when all are traded, and without a role."""
        return self.values[self.traded] if self.traded < len(self.values) else None

    def quote(self, price: CreditsLike | None) -> Decision | None:
        """Return the decision that makes `price` the agent's one open order for its next unit; None if nothing is to be done.

        A bid is rounded down to the grid and an ask up, so that rounding loses nothing; what a float lacks of a micro-credit is not
        lacking (`0.06 + 0.01` is 0.07). An order that rests at the price stays, and keeps its place; one at another price is replaced. Nothing is to be done for the price None, without units left, and for a
        price that the market's limits do not allow. Raises ValueError for what is no price.
        """
        found = None if price is None or self.value is None else self._on_grid(price)
        if found is None:
            return None
        resting = next((order for order in self.orders if order.side is self.side), None)
        if resting is None:
            new = Bid if self.side is Side.BID else Ask
            return new(self.resource, found, self.lot_size)
        if resting.price == found:
            return None
        return Replace(self.resource, resting.order_id, found, self.lot_size)

    def _on_grid(self, price: CreditsLike) -> Decimal | None:
        """Return the price on the grid that is no worse; None if the limits allow none."""
        try:
            rounding = ROUND_FLOOR if self.side is Side.BID else ROUND_CEILING
            exact = price if isinstance(price, Decimal) else Decimal(str(price))
            found = (round(exact, CREDIT_DECIMALS) / self.tick_size).to_integral_value(
                rounding
            ) * self.tick_size
            if self.side is Side.BID:
                return None if found < self.price_min else min(found, self.price_max)
            return None if found > self.price_max else max(found, self.price_min)
        except (InvalidOperation, OverflowError):  # comparing raises it too, for what is not a number
            message = f"{price!r} is no price"
            raise ValueError(message) from None


@dataclass(frozen=True, slots=True)
class Observation:
    """All that an agent sees when it decides."""

    agent: str
    """Id of the agent."""
    tick: int
    """Ticks since the run opened, from 1."""
    period: int
    """Trading day, from 1."""
    tick_of_period: int
    """Ticks since the period opened, from 1."""
    credits: Decimal
    """Credits that the agent has and no bid reserves."""
    markets: Mapping[str, MarketObservation]
    """Resource → market, for every market of the run."""
    ticks_per_period: int
    """Ticks of this period, at most."""


class Policy:
    """Decisions of one agent. Derive from it, give `act`, and write `policy = "module:Class"` in a scenario.

    Each agent of a group has an object of its own, made without arguments, which may remember what it likes: it is asked at each
    tick, in order, and a host that takes a run over asks it all ticks again. So the same observations and draws must give the same
    decisions: all chance comes from `draws`, and no clock, no `random` and no file may have a say. An object that raises, decides
    what is no decision, or takes too long, is set aside: it is not asked again, its open orders stay, and the run goes on.
    """

    def act(self, see: Observation, draws: Draws) -> Iterable[Decision | None]:
        """Return the decisions of a tick, of which None is left out; `draws` are random by the run's seed, the agent and the tick."""
        raise NotImplementedError
