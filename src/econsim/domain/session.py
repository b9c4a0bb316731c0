"""One book through a run: the same two steps for every mechanism and every driver.

`open` sorts and admits a batch of actions and says what to reserve; the driver asks the ledger;
`close` matches what holds its reservation and says what to settle and to publish. The NATS worker
puts messages between the two steps, the in-process driver does not: nothing else differs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from econsim.domain.admission import Admission, order_of
from econsim.domain.draws import Draws, rank
from econsim.domain.mechanisms import make
from econsim.domain.settlement import Settlement
from econsim.schemas.ledger import Chain
from econsim.schemas.market import (
    Item,
    Level,
    OrderAccepted,
    OrderRejected,
    PriceUpdated,
    Quote,
    Shout,
    TickCleared,
    TradeExecuted,
)
from econsim.schemas.orders import Action, Side, Verb
from econsim.schemas.scenario import Market

TAPE_MAX: Final = 2_000
"""Shouts in one tick's public tape: what keeps `tick_cleared` well under 1 MiB."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A batch that was sorted and admitted, waiting for the ledger."""

    actions: tuple[Action, ...]
    """Admitted, in processing order."""
    rejected: tuple[tuple[Action, str], ...]
    """Not admitted, and why."""
    chains: tuple[Chain, ...]
    """Reservations to ask for, in order; a chain's `cause` is its order."""


@dataclass(frozen=True, slots=True)
class Closed:
    """A batch that was matched: what to settle, then to publish."""

    chains: tuple[Chain, ...]
    """Fills to post and reservations to void, in order."""
    items: tuple[Item, ...]
    """Everything that happened, numbered."""
    cleared: TickCleared
    """The batch's public summary."""
    price: PriceUpdated | None
    """The market's price, if the quote changed."""


@dataclass(frozen=True, slots=True)
class Mark:
    """What a batch ends: nothing (real time), a tick, or a tick and its period."""

    tick: int
    """Logical time."""
    period: int = 0
    """Trading day."""
    tick_of_period: int = 0
    """Ticks since the period opened."""
    ends_tick: bool = True
    """Whether a call auction may clear."""
    ends_period: bool = False
    """Whether the book is emptied."""
    last_sequence: int = 0
    """Highest sequence of the order queue the batch took in."""


class Session:
    """One book of one run."""

    def __init__(self, market: Market, seed: int) -> None:
        """Open an empty book with the market's mechanism."""
        self.market = market
        self.batch = 0
        self.last_sequence = 0
        self.quote = Quote()
        self.closed = False
        self._seed = seed
        self._n = 1
        self._book = make(market)
        self._admission = Admission(market, self._book)
        self._settlement = Settlement(market.resource)

    def open(self, tick: int, actions: Iterable[Action], *, shuffle: bool) -> Opened:
        """Admit a batch; in lock-step (`shuffle`) agents take turns in an order drawn by seed.

        An agent's own actions keep their order. Repeats of orders taken in before are left out.
        """
        if shuffle:
            actions = sorted(actions, key=lambda action: rank(self._seed, "turn", tick, action.agent))
        self._admission.open_batch()
        kept: list[Action] = []
        rejected: list[tuple[Action, str]] = []
        chains: list[Chain] = []
        for action in actions:
            if self._admission.repeats(action):
                continue
            if code := self._admission.refuse(action):
                rejected.append((action, code))
                continue
            kept.append(action)
            if self._reuses(action):
                self._admission.admit(action)
            elif action.verb is not Verb.CANCEL:
                chains.append(self._reserve(action))
        return Opened(tuple(kept), tuple(rejected), tuple(chains))

    def close(self, opened: Opened, refused: Mapping[str, str], mark: Mark) -> Closed:
        """Match what holds its reservation; `refused` maps the ledger's refused chain ids to why."""
        codes = {chain.cause: refused[chain.id] for chain in opened.chains if chain.id in refused}
        for order_id in codes:
            self._settlement.forget(order_id)
        held = [a for a in opened.actions if a.verb is Verb.CANCEL or order_of(a) not in codes]
        rejected = [
            *opened.rejected,
            *((a, codes[order_of(a)]) for a in opened.actions if order_of(a) in codes),
        ]
        items = self._match(held, rejected, mark)
        chains = self._settle(opened.chains, items, codes)
        self._n += len(items)
        self.batch += 1
        self.closed = mark.ends_period
        self.last_sequence = max(self.last_sequence, mark.last_sequence)
        before, self.quote = self.quote, self._book.quote()
        cleared = self._summary(items, len(held) + len(rejected), mark)
        price = None
        if self.quote != before:
            price = PriceUpdated(
                resource=self.market.resource, price=self.quote.last, quote=self.quote, volume=cleared.volume
            )
        return Closed(tuple(chains), tuple(items), cleared, price)

    def evolve(self, items: Iterable[Item]) -> None:
        """Apply items of the past in order; those applied before are passed over."""
        for item in items:
            if item.n < self._n:
                continue
            self._n = item.n + 1
            self._book.evolve(item)
            self._settlement.evolve(item)
            if isinstance(item, OrderAccepted):
                self._admission.evolve(item)

    def resume(self, cleared: TickCleared) -> None:
        """Take over the counters of the last batch of the past."""
        self.batch = cleared.batch
        self.last_sequence = cleared.last_sequence
        self.quote = cleared.quote
        self.closed = cleared.period_closed

    def depth(self, levels: int) -> tuple[tuple[Level, ...], tuple[Level, ...]]:
        """Return bids and asks by price, best first."""
        return self._book.depth(levels)

    def open_orders(self, agent: str) -> int:
        """Return how many of an agent's orders rest on the book."""
        return self._book.open_orders(agent)

    def _reuses(self, action: Action) -> bool:
        """Return whether a replacement needs no more than its old order holds.

        It then reserves when it enters, right after the old one's release: a seller of its last unit
        could not hold two. Only for single lots, which are open whole or gone by then.
        """
        if action.verb is not Verb.REPLACE or action.quantity != self.market.lot_size:
            return False
        old = self._book.find(action.order_id)
        if old is None or old.agent != action.agent or old.open != action.quantity:
            return False
        return old.side is Side.ASK or action.price <= old.price

    def _reserve(self, action: Action) -> Chain:
        side = self._admission.side(action)
        self._admission.admit(action)
        return self._settlement.reserve(order_of(action), action.agent, side, action.price, action.quantity)

    def _match(self, held: list[Action], rejected: list[tuple[Action, str]], mark: Mark) -> list[Item]:
        draws = Draws(self._seed, "match", self.market.resource, mark.tick)
        items: list[Item] = [
            OrderRejected(self._n + i, order_of(action), action.agent, str(code))
            for i, (action, code) in enumerate(rejected)
        ]
        items += self._book.process(held, self._n + len(items), draws, clear=self._clears(mark))
        if mark.ends_period:
            items += self._book.empty(self._n + len(items))
        return items

    def _clears(self, mark: Mark) -> bool:
        """Tell whether a call auction clears: its window is over, or its period."""
        window_over = mark.tick_of_period % self.market.window_ticks == 0
        return mark.ends_tick and (window_over or mark.ends_period)

    def _settle(
        self, reserved: tuple[Chain, ...], items: list[Item], codes: Mapping[str, str]
    ) -> list[Chain]:
        """Post fills, void what was cancelled and what was reserved but turned down by the book."""
        chains = [chain for item in items for chain in self._settlement.of(item)]
        accepted = {item.order_id for item in items if isinstance(item, OrderAccepted)}
        for chain in reserved:
            if chain.cause not in accepted and chain.cause not in codes:
                chains += self._settlement.release(chain.cause)
        return chains

    def _summary(self, items: list[Item], orders: int, mark: Mark) -> TickCleared:
        trades = [item for item in items if isinstance(item, TradeExecuted)]
        return TickCleared(
            batch=self.batch,
            period=mark.period,
            items=len(items),
            orders=orders,
            trades=len(trades),
            volume=sum(trade.quantity for trade in trades),
            quote=self.quote,
            tape=tuple(tape(items)[-TAPE_MAX:]),
            period_closed=mark.ends_period,
            last_sequence=self.last_sequence,
        )


def tape(items: Iterable[Item]) -> list[Shout]:
    """Return the quotes and trades of a batch in order, without names.

    A quote that traded at once is one shout, at the trade's price (Cliff 1997: a shout is a quote and
    whether it was accepted).
    """
    shouts: list[Shout] = []
    fresh = ""
    for item in items:
        if isinstance(item, OrderAccepted):
            shouts.append(Shout(item.side, item.price, traded=False))
            fresh = item.order_id
            continue
        if not isinstance(item, TradeExecuted):
            continue
        if fresh in (item.bid_id, item.ask_id):
            shouts.pop()
            fresh = ""
        shouts.append(Shout(item.taker, item.price, traded=True))
    return shouts
