"""What every trader is: one agent's conduct on one market, and the hand of units it plays.

Pure. A trader reads its hand, the public view and seeded draws, and returns actions; the desk
(`domain/desk.py`) updates the hand from the run's events. Acting changes nothing, so acting again on
the same tick gives the same actions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

from econsim.domain.draws import Draws
from econsim.domain.prospects import highest_bid, limits_of, lowest_ask
from econsim.schemas.agent import Limits
from econsim.schemas.market import Quote, Shout
from econsim.schemas.orders import Action, Side, Verb
from econsim.schemas.scenario import Market, MechanismName


@dataclass(frozen=True, slots=True)
class View:
    """What every agent may know when it acts on a market."""

    tick: int
    """Tick of the run."""
    period: int
    """Trading day."""
    tick_of_period: int
    """Ticks since the period opened, from 1."""
    quote: Quote
    """Best prices and last price after the tick before."""


@dataclass(slots=True)
class Hand:
    """One agent's role on one market, and how far it has played it in this period."""

    agent: str
    """Whose."""
    index: int
    """The role's position among the agent's, part of its order ids."""
    side: Side
    """`bid` buys, `ask` sells."""
    values: tuple[int, ...]
    """Micro-credits for each unit, in the order they are traded."""
    market: Market
    """Tick size, price limits and mechanism."""
    activity_percent: int = 100
    """Chance that it acts at a tick."""
    traded: int = 0
    """Units traded in this period."""
    resting: str = ""
    """Id of its open order; empty for none."""
    resting_price: int = 0
    """That order's price, micro-credits a unit."""

    @property
    def value(self) -> int | None:
        """Value or cost of the next unit, micro-credits; none when all are traded."""
        return self.values[self.traded] if self.traded < len(self.values) else None

    @property
    def limit(self) -> int | None:
        """The worst price for the next unit that does not lose money; none if there is no such price.

        A value rounded down, or a cost rounded up, to the tick size, within the market's limits.
        """
        if self.value is None:
            return None
        worst = highest_bid if self.side is Side.BID else lowest_ask
        return worst(self.value, self.market)

    def place(self, price: int | None, tick: int) -> tuple[Action, ...]:
        """Return the actions that make this price the hand's one open order of one unit.

        A resting order at this price stays and keeps its priority; at another price it is replaced, so
        that never two are open. A call auction's quotes are one-shot: they stay until it clears. Without a
        price nothing is done.
        """
        if price is None or (self.resting and self._stays(price)):
            return ()
        order_id = f"{self.agent}-{tick}-{self.index}"
        if self.resting:
            replace = Action(Verb.REPLACE, self.agent, self.resting, price, 1, new_order_id=order_id)
            return (replace,)
        verb = Verb.BID if self.side is Side.BID else Verb.ASK
        return (Action(verb, self.agent, order_id, price, 1),)

    def _stays(self, price: int) -> bool:
        return price == self.resting_price or self.market.mechanism is MechanismName.CALL_AUCTION


class Trader(Protocol):
    """One agent's conduct on one market."""

    learns: ClassVar[bool]
    """Whether `learn` does anything: the others need not hear the tape."""

    def act(self, view: View, draws: Draws) -> Sequence[Action]:
        """Return the actions of one tick; changes nothing."""

    def learn(self, tape: Sequence[Shout], draws: Draws) -> None:
        """Take in the public tape of one tick, in book order."""

    def limits(self, tick: int) -> Limits:
        """Return what it could still gain with a next unit, after a tick."""


class Quoter:
    """A trader that quotes one price a tick for its next unit; policies fill in the price."""

    learns: ClassVar[bool] = False

    def __init__(self, hand: Hand, draws: Draws) -> None:
        """Take the hand; `draws` are for what a policy draws once."""
        del draws
        self.hand = hand

    def price(self, draws: Draws) -> int | None:
        """Return the price to quote in micro-credits, on the market's grid; none to stay silent."""
        raise NotImplementedError

    def worth(self) -> int | None:
        """Return the value or cost of its next unit, as far as it minds; none when it is done."""
        return self.hand.value

    def act(self, view: View, draws: Draws) -> Sequence[Action]:
        """Quote for the next unit, instead of the open order if there is one; or pass, by chance."""
        hand = self.hand
        if hand.activity_percent < 100 and draws.integer(1, 100) > hand.activity_percent:
            return ()
        return hand.place(self.price(draws), view.tick)

    def learn(self, tape: Sequence[Shout], draws: Draws) -> None:
        """Learn nothing."""

    def limits(self, tick: int) -> Limits:
        """Return the limits on the hand's side."""
        del tick
        market, worth = self.hand.market, self.worth()
        return (
            limits_of(market, worth, None) if self.hand.side is Side.BID else limits_of(market, None, worth)
        )
