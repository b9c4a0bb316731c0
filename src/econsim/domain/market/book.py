"""One book through a run: the same two steps for every mechanism and every driver.

`open` sorts and admits a batch of actions and says what to reserve; the driver asks the ledger;
`close` matches what holds its reservation and says what to settle and to publish. The NATS worker
puts messages between the two steps, the in-process driver does not: nothing else differs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from econsim.domain.agent.random_draws import Draws, rank
from econsim.domain.market.mechanism import RestingOrder
from econsim.domain.market.mechanisms import make
from econsim.domain.market.order_checks import ID_EXISTS, OrderChecks
from econsim.domain.market.order_terms import order_id_of, rejection
from econsim.domain.market.settlement import Settlement
from econsim.errors import CorruptLog
from econsim.schemas.ledger import Chain, Refusal
from econsim.schemas.market import (
    Item,
    Level,
    OrderAccepted,
    PriceUpdated,
    Quote,
    Shout,
    TickCleared,
    TradeExecuted,
)
from econsim.schemas.orders import Action, Verb
from econsim.schemas.scenario import Market

TAPE_MAX: Final = 2_000
"""Shouts in one tick's public tape: what keeps `tick_cleared` well under 1 MiB."""


_ID_TAKEN: Final = (Refusal.EXISTS_WITH_DIFFERENT_FIELDS, Refusal.TRANSFER_ID_ALREADY_USED)
"""Refusals of a reservation whose order's id stands for another order, on any market of the run."""


@dataclass(frozen=True, slots=True)
class PendingBatch:
    """A batch that was sorted and admitted, waiting for the ledger."""

    actions: tuple[Action, ...]
    """Admitted, in processing order."""
    rejected: tuple[tuple[Action, str], ...]
    """Not admitted, and why."""
    chains: tuple[Chain, ...]
    """Reservations to ask for, in order; a chain's `cause` is its order."""
    repeats: tuple[str, ...] = ()
    """Orders that were asked for again as they were before."""


@dataclass(frozen=True, slots=True)
class ClearedBatch:
    """A batch that was matched: what to settle, then to publish."""

    chains: tuple[Chain, ...]
    """Fills to post and reservations to void, in order."""
    items: tuple[Item, ...]
    """Everything that happened, numbered."""
    cleared: TickCleared
    """The batch's public summary."""
    price: PriceUpdated | None
    """The market's price, if the quote changed."""
    repeats: tuple[Item, ...] = ()
    """What was answered before to those who asked again; it happened then, not in this batch."""


@dataclass(frozen=True, slots=True)
class BatchEnd:
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


class MarketBook:
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
        self._heard: dict[int, Item] = {}
        self._book = make(market)
        self._admission = OrderChecks(market, self._book)
        self._settlement = Settlement(market.resource)

    def open(self, tick: int, actions: Iterable[Action], *, shuffle: bool) -> PendingBatch:
        """Admit a batch; in lock-step (`shuffle`) agents take turns in an order drawn by seed.

        An agent's own actions keep their order. Repeats change nothing and are answered as before.
        """
        if shuffle:
            actions = sorted(actions, key=lambda action: rank(self._seed, "turn", tick, action.agent))
        self._admission.open_batch()
        kept: list[Action] = []
        rejected: list[tuple[Action, str]] = []
        chains: list[Chain] = []
        repeats: list[str] = []
        for action in actions:
            if self._admission.repeats(action):
                repeats.append(order_id_of(action))
            elif code := self._admission.refuse(action):
                rejected.append((action, code))
            else:
                kept.append(action)
                chains += self._reserve(action)
        return PendingBatch(tuple(kept), tuple(rejected), tuple(chains), tuple(repeats))

    def close(self, opened: PendingBatch, refused: Mapping[str, str], mark: BatchEnd) -> ClearedBatch:
        """Match what holds its reservation; `refused` maps the ledger's refused chain ids to why."""
        codes = {
            chain.cause: ID_EXISTS if refused[chain.id] in _ID_TAKEN else refused[chain.id]
            for chain in opened.chains
            if chain.id in refused
        }
        for order_id in codes:
            self._settlement.forget(order_id)
        held: list[Action] = []
        rejected = list(opened.rejected)
        for action in opened.actions:
            if action.verb is not Verb.CANCEL and order_id_of(action) in codes:
                rejected.append((action, codes[order_id_of(action)]))
            else:
                held.append(action)
        items = self._match(held, rejected, mark)
        chains = self._settlement.settle(items)
        for item in items:
            self._admission.evolve(item)
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
        answers = (self._admission.answer(order_id) for order_id in opened.repeats)
        return ClearedBatch(tuple(chains), tuple(items), cleared, price, tuple(filter(None, answers)))

    def hear(self, items: Iterable[Item]) -> None:
        """Take items of the past in; they count when their batch is known to be finished.

        A batch that was begun twice may tell an item twice.
        """
        self._heard.update((item.n, item) for item in items)

    def resume(self, cleared: TickCleared) -> None:
        """Apply a finished batch of the past; one that was applied before is passed over.

        Raises CorruptLog if an item of it was not heard: on another book than the one there was nothing may be done.
        """
        if cleared.batch <= self.batch:
            return
        for n in range(self._n, self._n + cleared.items):
            item = self._heard.pop(n, None)
            if item is None:
                message = (
                    f"the log lacks item {n} of the book of {self.market.resource}, of batch {cleared.batch}"
                )
                raise CorruptLog(message)
            self._book.evolve(item)
            self._settlement.evolve(item)
            self._admission.evolve(item)
        self._n += cleared.items
        self.batch = cleared.batch
        self.last_sequence = cleared.last_sequence
        self.quote = cleared.quote
        self.closed = cleared.period_closed

    def __eq__(self, other: object) -> bool:
        """Return whether both would go on in the same way: the same book, reservations, memory and counters."""
        return self._state() == other._state() if isinstance(other, MarketBook) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # a session changes

    def _state(self) -> tuple[object, ...]:
        counters = self.batch, self.last_sequence, self.quote, self.closed, self._n
        return counters, self._book, self._admission, self._settlement

    def repeats(self, action: Action) -> bool:
        """Return whether an action asks again for what this book has answered."""
        return self._admission.repeats(action)

    def depth(self, levels: int) -> tuple[tuple[Level, ...], tuple[Level, ...]]:
        """Return bids and asks by price, best first."""
        return self._book.depth(levels)

    def open_orders(self, agent: str) -> int:
        """Return how many of an agent's orders rest on the book."""
        return self._book.open_orders(agent)

    def orders(self, agent: str) -> tuple[RestingOrder, ...]:
        """Return an agent's orders that rest on the book, oldest first; the caller must not change them."""
        return self._book.of_agent(agent)

    def _reserve(self, action: Action) -> tuple[Chain, ...]:
        """Take an admissible action in; return the chain that reserves what it needs before it enters, if any."""
        if action.verb is Verb.CANCEL:
            self._admission.leave(action)
            return ()
        side, amount = self._admission.admit(action)
        ask = self._settlement.top_up if action.verb is Verb.REPLACE else self._settlement.reserve
        return (ask(order_id_of(action), action.agent, side, amount),)

    def _match(self, held: list[Action], rejected: list[tuple[Action, str]], mark: BatchEnd) -> list[Item]:
        draws = Draws(self._seed, "match", self.market.resource, mark.tick)
        items: list[Item] = [
            rejection(self._n + i, action, str(code)) for i, (action, code) in enumerate(rejected)
        ]
        items += self._book.process(held, self._n + len(items), draws, clear=self._clears(mark))
        if mark.ends_period:
            items += self._book.empty(self._n + len(items))
        return items

    def _clears(self, mark: BatchEnd) -> bool:
        """Tell whether a call auction clears: its window is over, or its period."""
        window_over = mark.tick_of_period % self.market.window_ticks == 0
        return mark.ends_tick and (window_over or mark.ends_period)

    def _summary(self, items: list[Item], orders: int, mark: BatchEnd) -> TickCleared:
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
