"""The coded agents of a run in memory: each has a seat on each market it trades on. Pure.

Owns what a seat remembers so that a tick costs little: the beginnings of its draws, the bounds of its prices, its open order and
its accounts. Prices, limits and lessons are the traders' own (`agent/traders`); what is remembered of them changes only when a
period opens and when the seat trades a unit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from hashlib import blake2b
from operator import attrgetter
from typing import Final

from econsim.domain.agent.population import Agent
from econsim.domain.agent.prospects import widest
from econsim.domain.agent.random_draws import Draws, beginning
from econsim.domain.agent.traders import QUOTERS, Quoter, TraderPosition, View
from econsim.domain.agent.traders.zero_intelligence import ZeroIntelligence
from econsim.domain.ledger.accounts import Account
from econsim.domain.market.book_side import RestingOrder
from econsim.schemas.agent import Limits
from econsim.schemas.ledger import CREDITS
from econsim.schemas.market import Quote, Shout
from econsim.schemas.orders import OrderKind, Side
from econsim.schemas.scenario import Market, MechanismName, PolicyName

ALWAYS: Final = 100
"""Activity, in percent, of an agent that acts at every tick."""

MakeQuoter = Callable[[TraderPosition, Draws], Quoter]
"""Makes a trader for a seat."""

NO_OTHERS: Final[Mapping[str, MakeQuoter]] = {}
"""Traders in the place of agents' own: none."""

BITS: Final = 64
"""Bits of a draw."""

DRAW_BYTES: Final = BITS // 8
RANK_BYTES: Final = 12
"""Bytes of a draw, and of the rank of a turn (`random_draws.rank`)."""

_RANK: Final = attrgetter("rank")


class SeatOrder(RestingOrder):
    """An order of a seat: a limit order of one unit."""

    __slots__ = ("old", "rank", "reserved", "seat")

    kind = OrderKind.LIMIT
    quantity = 1

    def __init__(self, seat: Seat) -> None:
        """Be an order of a seat, which is not wanted yet."""
        self.agent = seat.agent
        self.side = seat.side
        self.seat = seat
        self.old: SeatOrder | None = None
        self.open = self.place = self.price = self.reserved = 0
        self.rank, self.order_id = b"", ""

    def want(self, rank: bytes, order_id: str, price: int) -> SeatOrder:
        """Become a wish whose turn has this rank in its tick, in the stead of the order that its seat has on the book.

        It has no place there yet, and nothing is reserved for it.
        """
        self.rank = rank
        self.order_id = order_id
        self.price = price
        self.old = self.seat.order
        return self


class Seat:
    """One agent's trader on one market."""

    __slots__ = (
        "_acts_always",
        "_limits",
        "_orders",
        "act_draw",
        "acts",
        "agent",
        "asset",
        "buys",
        "draws",
        "gained",
        "held",
        "id_begin",
        "index",
        "least",
        "low",
        "name",
        "open",
        "order",
        "price_draw",
        "side",
        "span",
        "trader",
        "value",
    )

    def __init__(
        self, agent: Agent, index: int, market: Market, seed: int, make: MakeQuoter | None = None
    ) -> None:
        """Sit down with the agent's role of this index, before the first period.

        `make` makes another trader than that of the agent's policy; it acts at every tick.
        """
        role = agent.roles[index]
        self._acts_always = make is not None
        position = TraderPosition(agent.id, index, role.side, role.net_values, market, self._chance(agent))
        if make is None:
            assert isinstance(agent.policy, PolicyName)
            make = QUOTERS[agent.policy]
        self.trader: Quoter = make(position, Draws(seed, "trader", agent.id, market.resource))
        self.agent = agent.id
        self.name = agent.id.encode()
        self.id_begin = f"{agent.id}-"
        self.index = index
        self.side = role.side
        self.buys = role.side is Side.BID
        self.asset = CREDITS if self.buys else market.resource
        self.acts = beginning(seed, "act", agent.id, market.resource)
        self._go_by(market, self._chance(agent))
        self.order: SeatOrder | None = None
        self._orders = SeatOrder(self), SeatOrder(self)
        self.open = 0
        self.held: Account | None = None
        self.gained: Account | None = None
        self.low = self.span = 0
        self.value: int | None = None
        self._limits: Limits | None = None

    def change(self, agent: Agent, market: Market) -> None:
        """Trade by the rules of another period, with the agent as it is in it."""
        chance = self._chance(agent)
        self.trader.change(agent.roles[self.index].net_values, market, chance)
        self._go_by(market, chance)

    def _chance(self, agent: Agent) -> int:
        return ALWAYS if self._acts_always else agent.activity_percent

    def _go_by(self, market: Market, chance: int) -> None:
        """Draw by the rules of a market, and act by a chance in percent."""
        # In a call auction a random trader draws a price for each unit.
        calls = market.mechanism is MechanismName.CALL_AUCTION
        self.draws = isinstance(self.trader, ZeroIntelligence) and not calls
        self.least = (
            None if chance >= ALWAYS else (-(-(chance << BITS) // ALWAYS)).to_bytes(DRAW_BYTES, "big")
        )
        first = blake2b(b"1:" + self.acts, digest_size=DRAW_BYTES)
        second = blake2b(b"2:" + self.acts, digest_size=DRAW_BYTES)
        self.act_draw, self.price_draw = first, first if self.least is None else second

    def wish(self, rank: bytes, order_id: str, price: int) -> SeatOrder:
        """Return an order that the seat wants in the stead of the one it has, outside of calls."""
        # Of its two orders one at most is on the book, and the other is free. New ones, which the garbage collector has to look at and which
        # lie anywhere in memory, took a tenth longer with 100 traders and a fifth with 10 000.
        first, second = self._orders
        return (second if self.order is first else first).want(rank, order_id, price)

    def close(self) -> None:
        """Let go of the orders, which know their seat; none can be wanted any more."""
        self.order = None
        del self._orders

    def open_period(self) -> None:
        """Have all units to trade again."""
        self.trader.position.traded = 0
        self._remember()

    def trade(self) -> None:
        """Have traded a unit."""
        self.trader.position.traded += 1
        self._remember()

    def limits(self) -> Limits:
        """Return the limits of the next unit."""
        if self._limits is None:
            self._limits = self.trader.limits(0)
        return self._limits

    def _remember(self) -> None:
        """Remember what the trader answers until its next trade."""
        trader = self.trader
        self.value = trader.position.value
        self._limits = None
        bounds = None
        if self.draws and self.value is not None:
            assert isinstance(trader, ZeroIntelligence)
            bounds = trader.bounds(self.value)
        low, high = bounds or (0, -1)
        self.low, self.span = low, high - low + 1


class Seats:
    """All seats on one market."""

    def __init__(
        self,
        market: Market,
        agents: Iterable[Agent],
        seed: int,
        others: Mapping[str, MakeQuoter] = NO_OTHERS,
    ) -> None:
        """Seat the agents with a role on the market, in the scenario's order; `others` make the traders of some agents."""
        self.seats: list[Seat] = []
        for agent in agents:
            for index, role in enumerate(agent.roles):
                if role.resource == market.resource:
                    self.seats.append(Seat(agent, index, market, seed, others.get(agent.id)))
        self._market = market
        self._seed = seed
        self._calls = market.mechanism is MechanismName.CALL_AUCTION
        self._roles_max = max((seat.index for seat in self.seats), default=0) + 1
        self._learners = [seat for seat in self.seats if seat.trader.learns]
        self._limits: Limits | None = None
        self._is_stale = True
        """True if a seat has no units left, or units again, since the willing seats were found."""
        self._always: list[Seat] = []
        self._by_chance: list[tuple[blake2b, bytes, Seat]] = []

    def close(self) -> None:
        """Let go of all orders."""
        for seat in self.seats:
            seat.close()

    @property
    def learns(self) -> bool:
        """Tell whether any trader learns from the tape."""
        return bool(self._learners)

    def change(self, market: Market, agents: Mapping[str, Agent]) -> None:
        """Trade by the rules of another period, with the agents as they are in it; `open_period` follows."""
        self._market, self._calls = market, market.mechanism is MechanismName.CALL_AUCTION
        for seat in self.seats:
            seat.change(agents[seat.agent], market)

    def open_period(self) -> None:
        """Give all seats their units to trade again."""
        for seat in self.seats:
            seat.open_period()
        self._limits, self._is_stale = None, True

    def trade(self, buyer: Seat, seller: Seat) -> None:
        """Note that two seats traded a unit."""
        buyer.trade()
        seller.trade()
        self._limits = None
        self._is_stale |= buyer.value is None or seller.value is None

    def limits(self) -> Limits:
        """Return the widest limits of all seats."""
        if self._limits is None:
            self._limits = widest([seat.limits() for seat in self.seats])
        return self._limits

    def learn(self, tape: Sequence[Shout], tick: int) -> None:
        """Let the learning traders learn from the tape of a tick."""
        for seat in self._learners:
            draws = Draws(self._seed, "learn", seat.agent, self._market.resource, tick)
            seat.trader.learn(tape, draws)

    def wishes(self, tick: int) -> list[SeatOrder]:
        """Return the orders that seats want at a tick, in the order of their turns.

        A resting order at the wanted price stays, as in `TraderPosition.place`.
        """
        wishes: list[SeatOrder] = []
        ends, size = b"%d" % tick, self._market.tick_size
        turn = blake2b(b"%d/turn/%d/" % (self._seed, tick), digest_size=RANK_BYTES)
        id_ends = [f"{tick}-{index}" for index in range(self._roles_max)]
        # A copy of a hash that has taken the beginning in takes 174 ns, a hash of both parts 300: a tenth of an order, and of a small tick.
        # Written out here: a call for each draw would add as much again.
        for seat in self._acting(ends):
            if not seat.span:
                wishes += self._other_wishes(seat, tick, turn)
                continue
            draw = seat.price_draw.copy()
            draw.update(ends)
            price = (seat.low + (int.from_bytes(draw.digest(), "big") * seat.span >> BITS)) * size
            if seat.order is None or seat.order.price != price:
                rank = turn.copy()
                rank.update(seat.name)
                wishes.append(seat.wish(rank.digest(), seat.id_begin + id_ends[seat.index], price))
        wishes.sort(key=_RANK)
        return wishes

    def _acting(self, ends: bytes) -> list[Seat]:
        """Return the seats with units left that act at a tick."""
        if self._is_stale:
            self._find_willing()
        # A digest is compared as it is: less than `least` is a drawn percent of at most the activity.
        acting = []
        for begun, least, seat in self._by_chance:
            draw = begun.copy()
            draw.update(ends)
            if draw.digest() < least:
                acting.append(seat)
        return acting + self._always if self._always else acting

    def _other_wishes(self, seat: Seat, tick: int, turn: blake2b) -> list[SeatOrder]:
        """Return the orders of a seat whose trader does not just draw one price."""
        draws, trader = Draws(of=seat.acts + b"%d" % tick), seat.trader
        begun = turn.copy()
        begun.update(seat.name)
        rank = begun.digest()
        if self._calls:
            # A call auction's quotes are one-shot.
            actions = () if seat.open else trader.act(View(tick, 0, 0, Quote()), draws)
            return [SeatOrder(seat).want(rank, action.order_id, action.price) for action in actions]
        if trader.position.activity_percent < ALWAYS:
            draws.bits()
        price = None if seat.value is None else trader.price(seat.value, draws)
        if price is None or (seat.order is not None and seat.order.price == price):
            return []
        return [seat.wish(rank, f"{seat.id_begin}{tick}-{seat.index}", price)]

    def _find_willing(self) -> None:
        """Find the seats with units left."""
        self._is_stale = False
        willing = [seat for seat in self.seats if seat.value is not None]
        self._always = [seat for seat in willing if seat.least is None]
        self._by_chance = [(seat.act_draw, seat.least, seat) for seat in willing if seat.least is not None]
