"""The traders' base: one agent's policy on one market, and its position there.

Pure. A trader reads its position, the public view and seeded draws, and returns actions; `HostAgents`
(`domain/agent/host_agents.py`) updates the position from the run's events. Acting changes nothing, so acting again on
the same tick gives the same actions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Protocol

from econsim.domain.agent.prospects import highest_bid, limits_of, lowest_ask
from econsim.domain.agent.random_draws import Draws
from econsim.domain.agent.traders.margins import within_margins
from econsim.domain.cognition.strategy import Strategy
from econsim.schemas.agent import Limits
from econsim.schemas.market import Quote, Shout
from econsim.schemas.orders import Action, Side, Verb
from econsim.schemas.scenario import Market, MechanismName
from econsim.schemas.types import QUANTITY_MAX


@dataclass(frozen=True, slots=True)
class View:
    """The public information an agent acts on in a market."""

    tick: int
    """Tick of the run."""
    period: int
    """Trading day."""
    tick_of_period: int
    """Ticks since the period opened, from 1."""
    quote: Quote
    """Best prices and last price after the tick before."""


@dataclass(slots=True)
class TraderPosition:
    """One agent's role on one market, with its trades and open orders of this period."""

    agent: str
    """Agent that has the position."""
    index: int
    """Index of the role among the agent's roles; part of its order ids."""
    side: Side
    """Side of the role: `bid` buys, `ask` sells."""
    values: tuple[int, ...]
    """Values less tax, or costs with tax, of the units, micro-credits, in the order the units are traded."""
    market: Market
    """Market of the role: tick size, price limits and mechanism."""
    activity_percent: int = 100
    """Chance, in percent, that the agent acts at a tick."""
    units_max: int = QUANTITY_MAX
    """Units that the agent trades in a period, at most; a strategist's model may write fewer than there are values."""
    traded: int = 0
    """Units traded in this period."""
    open: dict[str, int] = field(default_factory=dict)
    """Open orders: id → price, micro-credits a unit."""

    @property
    def value(self) -> int | None:
        """Value or cost of the next unit, micro-credits; None when all are traded."""
        return self.values[self.traded] if self.traded < min(len(self.values), self.units_max) else None

    @property
    def wanted(self) -> tuple[int, ...]:
        """Values or costs of the units to quote for: the next one; in a call, which clears at once, all that are left."""
        left = self.values[self.traded : self.units_max]
        return left if self._calls else left[:1]

    def worst(self, value: int) -> int | None:
        """Return the worst price for a unit of this value or cost that does not lose money; None if there is none."""
        return highest_bid(value, self.market) if self.side is Side.BID else lowest_ask(value, self.market)

    def place(self, prices: Sequence[int | None], tick: int) -> Sequence[Action]:
        """Return the actions that make these prices the position's open orders, of one unit each.

        A resting order at its price stays and keeps its priority; at another price it is replaced, so that
        two are never open. A call auction's quotes are one-shot: they stay until it clears. Without a price
        no action is returned.
        """
        if self._calls:
            return (
                () if self.open else [self._order(p, tick, n) for n, p in enumerate(prices) if p is not None]
            )
        price = prices[0] if prices else None
        if price is None or price in self.open.values():
            return ()
        new, resting = self._order(price, tick), next(iter(self.open), None)
        if resting is None:
            return (new,)
        return (Action(Verb.REPLACE, self.agent, resting, price, 1, new_order_id=new.order_id),)

    @property
    def _calls(self) -> bool:
        return self.market.mechanism is MechanismName.CALL_AUCTION

    def _order(self, price: int, tick: int, n: int = 0) -> Action:
        """Return the n-th order of a tick, from 0."""
        order_id = f"{self.agent}-{tick}-{self.index}" + (f"-{n}" if n else "")
        return Action(Verb.BID if self.side is Side.BID else Verb.ASK, self.agent, order_id, price, 1)


class Trader(Protocol):
    """One agent's policy on one market."""

    learns: ClassVar[bool]
    """True if `learn` does anything; other traders are not given the tape."""

    def act(self, view: View, draws: Draws) -> Sequence[Action]:
        """Return the actions of one tick; changes nothing."""

    def learn(self, tape: Sequence[Shout], draws: Draws) -> None:
        """Learn from the public tape of one tick, in book order."""

    def lessons(self) -> tuple[float, ...]:
        """Return what the trader has learned so far, as numbers; nothing for one that does not learn."""

    def recall(self, lessons: Sequence[float]) -> None:
        """Know what a trader of this kind and position had learned, and no more."""

    def limits(self, tick: int) -> Limits:
        """Return the limits of the trader's next unit after a tick."""

    def change(self, values: tuple[int, ...], market: Market, activity_percent: int) -> None:
        """Trade for these values or costs, by these rules, from the period on that opens now."""


class Quoter:
    """A trader that quotes, each tick, a price for each unit it may trade; policies give the price."""

    learns: ClassVar[bool] = False

    def __init__(self, position: TraderPosition, draws: Draws) -> None:
        """Trade this position; `draws` are for a policy's own draws at the start."""
        del draws
        self.position = position
        self._strategy: Strategy | None = None

    def follow(self, strategy: Strategy) -> None:
        """Keep a strategy from now on: its margins, its chance to act and its number of units."""
        self._strategy = strategy
        self.position.activity_percent = strategy.activity_percent
        self.position.units_max = strategy.units_max

    def change(self, values: tuple[int, ...], market: Market, activity_percent: int) -> None:
        """Trade for these values or costs, by these rules, from now on; a strategy keeps its activity."""
        self.position.values, self.position.market = values, market
        if self._strategy is None:
            self.position.activity_percent = activity_percent

    def price(self, value: int, draws: Draws) -> int | None:
        """Return the price to quote for a unit of this value or cost, on the market's grid; None for no quote."""
        raise NotImplementedError

    def worth(self) -> int | None:
        """Return the value or cost by which the policy limits its next unit; None when all units are traded."""
        return self.position.value

    def act(self, view: View, draws: Draws) -> Sequence[Action]:
        """Quote for the wanted units and replace the open order if there is one; or pass, by chance."""
        position = self.position
        if position.activity_percent < 100 and draws.integer(1, 100) > position.activity_percent:
            return ()
        return position.place([self._quote(value, draws) for value in position.wanted], view.tick)

    def learn(self, tape: Sequence[Shout], draws: Draws) -> None:
        """Learn nothing."""

    def lessons(self) -> tuple[float, ...]:
        """Return nothing."""
        return ()

    def recall(self, lessons: Sequence[float]) -> None:
        """Recall nothing."""

    def limits(self, tick: int) -> Limits:
        """Return the limits on the position's side."""
        del tick
        market, worth = self.position.market, self.worth()
        return (
            limits_of(market, worth, None)
            if self.position.side is Side.BID
            else limits_of(market, None, worth)
        )

    def _quote(self, value: int, draws: Draws) -> int | None:
        price, position = self.price(value, draws), self.position
        if price is None or self._strategy is None:
            return price
        return within_margins(position.market, position.side, value, price, self._strategy)
