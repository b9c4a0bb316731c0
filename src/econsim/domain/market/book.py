"""The order book of one market in one run: two steps a batch, the same for every mechanism and every driver.

Theory of operation. The driver is the market service (`services/market/batch`) or the in-process run (`domain/execution/in_memory`).
For each batch it calls `reserve`, asks the ledger to apply the reservations, calls `clear` with what the ledger refused,
asks the ledger to settle, and publishes the items and their summary, `tick_cleared`, last. `reserve` sorts and checks the
actions; `clear` matches those with a reservation (`matching`), and returns the chains to settle (`settlement`). The service
sends messages between the two steps, the in-process driver does not: nothing else differs.

A book changes only by its items, so it is rebuilt from the log (event sourcing): `collect` keeps the items of a past batch,
`replay` applies them when its `tick_cleared` follows. A crash at any line between two batches' `tick_cleared` loses the
batch in memory. The next worker rebuilds the book as it was after the batch before and does the batch again. Its order is the
same, drawn from the seed in lock-step and that of the queue in real time, and every id derives from the orders: so the ledger
and the streams recognise the repeats.

| Collection | Holds | Entry comes | Entry goes | Bound |
| --- | --- | --- | --- | --- |
| `MarketBook._collected` | number → item of an unfinished past batch | `collect` | `replay` | items of one batch |
| `OpenOrders.by_id`, `_by_agent` | open orders | order accepted | filled, cancelled, replaced | `book_orders_max` |
| `BookSide._levels`, `_heap` | price → its orders | first order at a price | emptied, at the top or in a sweep | open orders + `EMPTY_LEVELS_MAX`, doubled |
| `OrderChecks._answers` | order id → first answer | accepted or rejected | oldest first | `ANSWERS_REMEMBERED_MAX` |
| `OrderChecks._older`, `_older_ids` | ids of older orders | forgotten answer | oldest first | `ORDER_IDS_REMEMBERED_MAX` |
| `OrderChecks._batch_terms`, `_placed`, `_leaving`, `_added` | orders of the batch under way | `reserve` | next `reserve` | actions of one batch |
| `Settlement._reservations` | order id → its reservation | order accepted | filled, cancelled, replaced | open orders |
| `Settlement._pending_transfers` | order id → reservation asked for in the batch under way | `reserve` | `clear` | `CHAINS_PER_SUBMISSION_MAX` |
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from econsim.domain.agent.random_draws import Draws, rank
from econsim.domain.market.batch_items import BatchItems
from econsim.domain.market.book_side import RestingOrder
from econsim.domain.market.book_state import BookState
from econsim.domain.market.matching import clear_window, close_period, process
from econsim.domain.market.open_orders import OpenOrders
from econsim.domain.market.order_checks import ID_EXISTS, OrderChecks
from econsim.domain.market.order_terms import order_id_of
from econsim.domain.market.settlement import Settlement
from econsim.domain.market.tape import tape
from econsim.errors import CorruptLog
from econsim.schemas.immutable import immutable
from econsim.schemas.ledger import Chain, Refusal
from econsim.schemas.market import (
    Item,
    Level,
    PriceUpdated,
    Quote,
    TickCleared,
    TradeExecuted,
)
from econsim.schemas.orders import Action, Verb
from econsim.schemas.scenario import Market

_ID_TAKEN: Final = (Refusal.EXISTS_WITH_DIFFERENT_FIELDS, Refusal.TRANSFER_ID_ALREADY_USED)
"""Refusals of a reservation because another order has the id, on any market of the run."""


@dataclass(frozen=True, slots=True)
class PendingBatch:
    """A batch that was sorted and checked; its reservations are not applied yet."""

    actions: tuple[Action, ...]
    """Actions that passed the checks, in processing order."""
    rejected: tuple[tuple[Action, str], ...]
    """Actions that did not, each with its refusal."""
    chains: tuple[Chain, ...]
    """Reservations to ask the ledger for, in order; the `cause` of a chain is its order."""
    repeats: tuple[str, ...] = ()
    """Ids of orders that were asked for again with the same terms."""


@dataclass(frozen=True, slots=True)
class ClearedBatch:
    """A batch that was matched: chains to settle, then events to publish."""

    chains: tuple[Chain, ...]
    """Fills to post and reservations to void, in order."""
    items: tuple[Item, ...]
    """Items of the batch, numbered."""
    cleared: TickCleared
    """Public summary of the batch."""
    price: PriceUpdated | None
    """Price of the market; none if the quote did not change."""
    repeats: tuple[Item, ...] = ()
    """First answers to orders that were asked for again: items of earlier batches or of this one."""


@immutable
class BatchEnd:
    """The end of a batch, and of its tick and its period if they end with it; in lock-step a batch is a tick."""

    tick: int
    """Tick of the batch, logical time."""
    period: int = 0
    """Trading day of the batch."""
    tick_of_period: int = 0
    """Ticks since the period opened."""
    ends_tick: bool = True
    """True if the tick ends here, so that a call auction may clear."""
    ends_period: bool = False
    """True if the period ends here, so that the book is emptied."""
    last_sequence: int = 0
    """Highest sequence of the order queue that the batch took in."""

    def ends_window(self, market: Market) -> bool:
        """Return whether a call auction clears: its window is over, or its period."""
        window_over = self.tick_of_period % market.window_ticks == 0
        return self.ends_tick and (window_over or self.ends_period)


class MarketBook:
    """One market's order book in one run."""

    def __init__(self, market: Market, seed: int) -> None:
        """Open an empty book with the market's mechanism."""
        self.market = market
        self.batch = 0
        self.last_sequence = 0
        self.quote = Quote()
        self.period_closed = False
        self._seed = seed
        self._n = 1
        self._collected: dict[int, Item] = {}
        self._orders = OpenOrders()
        self._checks = OrderChecks(market, self._orders)
        self._settlement = Settlement(market)

    def use(self, market: Market) -> None:
        """Go by the rules of this period's market from the next batch on; the book is empty whenever they change."""
        if market is not self.market:
            self.market = market
            self._checks.use(market)
            self._settlement.use(market)

    def reserve(self, tick: int, actions: Iterable[Action], *, shuffle: bool) -> PendingBatch:
        """Sort and check a batch, and return the reservations it needs.

        In lock-step (`shuffle`) agents take turns in an order drawn by seed; an agent's own actions keep their order.
        Repeats are idempotent: they change nothing and are answered as before.
        """
        if shuffle:
            actions = sorted(actions, key=lambda action: rank(self._seed, "turn", tick, action.agent))
        self._checks.start_batch()
        passed: list[Action] = []
        rejected: list[tuple[Action, str]] = []
        chains: list[Chain] = []
        repeats: list[str] = []
        for action in actions:
            if self._checks.is_repeat(action):
                repeats.append(order_id_of(action))
            elif code := self._checks.check(action):
                rejected.append((action, code))
            else:
                passed.append(action)
                chains += self._reservation(action)
        return PendingBatch(tuple(passed), tuple(rejected), tuple(chains), tuple(repeats))

    def clear(self, pending: PendingBatch, refused: Mapping[str, str], end: BatchEnd) -> ClearedBatch:
        """Match the orders that have their reservations; `refused` maps the chains the ledger refused to its reasons."""
        codes = {
            chain.cause: ID_EXISTS if refused[chain.id] in _ID_TAKEN else refused[chain.id]
            for chain in pending.chains
            if chain.id in refused
        }
        for order_id in codes:
            self._settlement.drop(order_id)
        reserved: list[Action] = []
        rejected = list(pending.rejected)
        for action in pending.actions:
            if action.verb is not Verb.CANCEL and order_id_of(action) in codes:
                rejected.append((action, codes[order_id_of(action)]))
            else:
                reserved.append(action)
        items = self._match(reserved, rejected, end)
        chains = self._settlement.settle(items)
        for item in items:
            self._checks.evolve(item)
        self._n += len(items)
        self.batch += 1
        self.period_closed = end.ends_period
        self.last_sequence = max(self.last_sequence, end.last_sequence)
        before, self.quote = self.quote, self._orders.quote()
        cleared = self._summary(items, len(reserved) + len(rejected), end)
        price = None
        if self.quote != before:
            price = PriceUpdated(
                resource=self.market.resource, price=self.quote.last, quote=self.quote, volume=cleared.volume
            )
        answers = (self._checks.first_answer(order_id) for order_id in pending.repeats)
        return ClearedBatch(tuple(chains), tuple(items), cleared, price, tuple(filter(None, answers)))

    def collect(self, items: Iterable[Item]) -> None:
        """Keep items of the past until `replay` of their batch; an item of a batch that was begun twice may come twice."""
        self._collected.update((item.n, item) for item in items)

    def replay(self, cleared: TickCleared) -> None:
        """Apply a finished batch of the past; one that was applied before is passed over.

        Raises CorruptLog if one of its items was not collected: the book would be another one than before.
        """
        if cleared.batch <= self.batch:
            return
        for n in range(self._n, self._n + cleared.items):
            item = self._collected.pop(n, None)
            if item is None:
                message = (
                    f"the log lacks item {n} of the book of {self.market.resource}, of batch {cleared.batch}"
                )
                raise CorruptLog(message)
            self._orders.evolve(item)
            self._settlement.evolve(item)
            self._checks.evolve(item)
        self._n += cleared.items
        self.batch = cleared.batch
        self.last_sequence = cleared.last_sequence
        self.quote = cleared.quote
        self.period_closed = cleared.period_closed

    def state(self) -> BookState:
        """Return the state after the newest batch, a copy; what was collected of a later one is not in it."""
        return BookState(
            self.batch,
            self.last_sequence,
            self.quote,
            self.period_closed,
            self._n,
            self._orders.copies(),
            self._settlement.copies(),
            *self._checks.answers(),
            self._checks.older_ids(),
        )

    def restore(self, state: BookState) -> None:
        """Become the book of a state; this one is new. What is given belongs to the book from now on."""
        self.batch, self.last_sequence, self._n = state.batch, state.last_sequence, state.next_n
        self.quote, self.period_closed = state.quote, state.period_closed
        self._orders.restore(state.orders, state.quote.last)
        self._settlement.restore(state.reservations)
        self._checks.restore((*state.accepted, *state.rejected), state.older_ids)

    def __eq__(self, other: object) -> bool:
        """Return whether both have the same orders, reservations, answers and counters."""
        return self._state() == other._state() if isinstance(other, MarketBook) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # a book changes

    def _state(self) -> tuple[object, ...]:
        counters = self.batch, self.last_sequence, self.quote, self.period_closed, self._n
        return counters, self._orders, self._checks, self._settlement

    def is_repeat(self, action: Action) -> bool:
        """Return whether an action asks again for an order that this book has answered."""
        return self._checks.is_repeat(action)

    def depth(self, levels: int) -> tuple[tuple[Level, ...], tuple[Level, ...]]:
        """Return bids and asks by price, best first."""
        return self._orders.depth(levels)

    def open_order_count(self, agent: str) -> int:
        """Return the number of an agent's orders on the book."""
        return self._orders.open_order_count(agent)

    def agent_orders(self, agent: str) -> tuple[RestingOrder, ...]:
        """Return an agent's orders on the book, oldest first; the caller must not change them."""
        return self._orders.agent_orders(agent)

    def _reservation(self, action: Action) -> tuple[Chain, ...]:
        """Admit an action that passed the checks; return the chain that reserves for it, none for a cancel."""
        if action.verb is Verb.CANCEL:
            self._checks.admit_cancel(action)
            return ()
        side, amount = self._checks.admit(action)
        replaces = action.verb is Verb.REPLACE
        reserve = self._settlement.reserve_more if replaces else self._settlement.reserve
        return (reserve(order_id_of(action), action.agent, side, amount),)

    def _match(self, reserved: list[Action], rejected: list[tuple[Action, str]], end: BatchEnd) -> list[Item]:
        """Return the items of a batch: refusals, then each action's, then those of its end."""
        batch = BatchItems(self._orders, self._n)
        for action, code in rejected:
            batch.reject(action, str(code))
        process(self.market, batch, reserved)
        if end.ends_window(self.market):
            draws = Draws(self._seed, "match", self.market.resource, end.tick)
            clear_window(self.market, batch, draws)
        if end.ends_period:
            close_period(batch)
        return batch.items

    def _summary(self, items: list[Item], orders: int, end: BatchEnd) -> TickCleared:
        trades = [item for item in items if isinstance(item, TradeExecuted)]
        return TickCleared(
            batch=self.batch,
            period=end.period,
            items=len(items),
            orders=orders,
            trades=len(trades),
            volume=sum(trade.quantity for trade in trades),
            quote=self.quote,
            tape=tuple(tape(items)),
            period_closed=end.ends_period,
            last_sequence=self.last_sequence,
        )
