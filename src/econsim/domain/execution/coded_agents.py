"""The coded agents of a run in memory: each has a seat on each market it trades on. Pure.

Owns what a seat remembers so that a tick costs little: the beginnings of its draws, the bounds of its prices, its open order and
its accounts. Prices, limits and lessons are the traders' own (`agent/traders`); what is remembered of them changes only when a
period opens and when the seat trades a unit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import Final

from econsim.domain.agent.population import Agent
from econsim.domain.agent.prospects import widest
from econsim.domain.agent.random_draws import Draws, beginning
from econsim.domain.agent.traders import QUOTERS, Quoter, TraderPosition, View
from econsim.domain.agent.traders.zero_intelligence import ZeroIntelligence
from econsim.domain.execution.coded_chains import ChainRow
from econsim.domain.ledger.accounts import Account, Accounts
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

Wish = Callable[["SeatOrder", "SeatOrder | None", bytes, str, int], None]
"""Takes a wish: an order, the one in whose stead it is wanted, the rank of its turn in the tick, its id and its price."""

NO_OTHERS: Final[Mapping[str, MakeQuoter]] = {}
"""Traders in the place of agents' own: none."""

BITS: Final = 64
"""Bits of a draw."""

DRAW_BYTES: Final = BITS // 8
RANK_BYTES: Final = 12
"""Bytes of a draw, and of the rank of a turn (`random_draws.rank`)."""


class SeatOrder(RestingOrder):
    """An order of a seat: a limit order of one unit."""

    __slots__ = ("asked", "old", "rank", "reserved", "seat")

    def __init__(self, seat: Seat) -> None:
        """Be an order of a seat, which is not wanted yet."""
        self.agent = seat.agent
        self.side = seat.side
        self.kind = OrderKind.LIMIT
        self.quantity = 1
        self.seat = seat
        self.old: SeatOrder | None = None
        self.open = self.place = self.price = self.reserved = 0
        self.rank, self.order_id = b"", ""
        self.asked: ChainRow = ()


class Seat:
    """One agent's trader on one market."""

    __slots__ = (
        "_acts_always",
        "_limits",
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
        "orders",
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
        self.orders = SeatOrder(self), SeatOrder(self)
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

    def next_order(self) -> tuple[SeatOrder, SeatOrder | None]:
        """Return an order that is free, and the one that the seat has on the book, outside of calls."""
        # Of its two orders one at most is on the book, and the other is free. New ones, which the garbage collector has to look at and which
        # lie anywhere in memory, took a tenth longer with 100 traders and a fifth with 10 000.
        free, old = self.orders
        if free.open:
            free, old = old, free
        return free, old if old.open else None

    @property
    def order(self) -> SeatOrder | None:
        """Order that the seat has on the book, outside of calls."""
        return self.next_order()[1]

    def close(self) -> None:
        """Let go of the orders, which know their seat and each other; none can be wanted any more."""
        for order in self.orders:
            order.old = None
        del self.orders

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
    def have_new_limits(self) -> bool:
        """Tell whether the limits changed since they were asked for."""
        return self._limits is None

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

    def want(self, tick: int, wish: Wish) -> None:
        """Wish for the orders that seats want at a tick, in the order of the seats.

        A resting order at the wanted price stays, as in `TraderPosition.place`.
        """
        ends, size = b"%d" % tick, self._market.tick_size
        turn = blake2b(b"%d/turn/%d/" % (self._seed, tick), digest_size=RANK_BYTES)
        id_ends = [f"{tick}-{index}" for index in range(self._roles_max)]
        # A copy of a hash that has taken the beginning in takes 174 ns, a hash of both parts 300: a tenth of an order, and of a small tick.
        # Written out here: a call for each draw would add as much again.
        for seat in self._acting(ends):
            if not seat.span:
                self._want_other(seat, tick, turn, wish)
                continue
            draw = seat.price_draw.copy()
            draw.update(ends)
            price = (seat.low + (int.from_bytes(draw.digest(), "big") * seat.span >> BITS)) * size
            order, old = seat.orders
            if order.open:
                order, old = old, order
            if old.open and old.price == price:
                continue
            rank = turn.copy()
            rank.update(seat.name)
            wish(order, old if old.open else None, rank.digest(), seat.id_begin + id_ends[seat.index], price)

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
        return acting + self._always if acting else self._always

    def _want_other(self, seat: Seat, tick: int, turn: blake2b, wish: Wish) -> None:
        """Wish for the orders of a seat whose trader does not just draw one price."""
        draws, trader = Draws(of=seat.acts + b"%d" % tick), seat.trader
        begun = turn.copy()
        begun.update(seat.name)
        rank = begun.digest()
        if self._calls:
            # A call auction's quotes are one-shot.
            for action in () if seat.open else trader.act(View(tick, 0, 0, Quote()), draws):
                wish(SeatOrder(seat), None, rank, action.order_id, action.price)
            return
        if trader.position.activity_percent < ALWAYS:
            draws.bits()
        price = None if seat.value is None else trader.price(seat.value, draws)
        order, old = seat.next_order()
        if price is not None and (old is None or old.price != price):
            wish(order, old, rank, f"{seat.id_begin}{tick}-{seat.index}", price)

    def _find_willing(self) -> None:
        """Find the seats with units left."""
        self._is_stale = False
        willing = [seat for seat in self.seats if seat.value is not None]
        self._always = [seat for seat in willing if seat.least is None]
        self._by_chance = [(seat.act_draw, seat.least, seat) for seat in willing if seat.least is not None]


def holding(seat: Seat) -> Account:
    """Return the account in which a seat has reserved something."""
    assert seat.held is not None
    return seat.held


def find_held(seat: Seat, accounts: Accounts) -> Account | None:
    """Find the account from which a seat reserves: credits of a buyer, units of a seller; none if it never had any."""
    seat.held = accounts.find(seat.agent, seat.asset)
    return seat.held
