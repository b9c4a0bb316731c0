"""Verification of a market's batches: each `tick_cleared` proves that none of its batch's events is missing. Pure.

Used by the verification of a run, and by services that fold a run's log: a service must not act on a log with a gap.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from econsim.domain.audit.envelope import AddressedEvent
from econsim.errors import CorruptLog
from econsim.schemas.base import Event
from econsim.schemas.clock import Ticked
from econsim.schemas.market import (
    Accepted,
    BatchOpened,
    Cancelled,
    Item,
    PriceUpdated,
    Quote,
    Rejected,
    TickCleared,
    Traded,
    TradeExecuted,
)
from econsim.schemas.subject import entity_of

NUMBERS_SHOWN_MAX: Final = 5
"""Missing items that a finding names; if more are missing, the first ones."""

Discrepancies = Iterator[tuple[str, str]]
"""Discrepancies: each a finding's code, and the values that disagree."""


@dataclass(frozen=True, slots=True)
class BatchProgress:
    """The place of one market between two batches."""

    batch: int
    """Number of the newest finished batch."""
    next_n: int
    """Number of the next item."""
    quote: Quote
    """Best prices after the batch; of none for a service that reads no prices."""


@dataclass(frozen=True, slots=True)
class LogProgress:
    """The place in a run's log up to which a service has checked it."""

    tick: int
    """Newest tick; 0 for a service that reads no ticks."""
    batches: dict[str, BatchProgress]
    """Resource → place of its market."""


class RunLogChecks:
    """The checks of a service that folds one run's log: ticks and batches come in order, and no event is missing."""

    def __init__(self, run: str, resources: Iterable[str], *, lock_step: bool, partial: bool) -> None:
        """Check these markets; `partial` for a service that reads trades, but not all items."""
        self._run = run
        self._tick = 0
        self._books = {resource: BatchChecks(lock_step=lock_step, partial=partial) for resource in resources}

    @property
    def is_between_batches(self) -> bool:
        """True if the log has nothing yet of a batch that is not finished."""
        return not any(book.unfinished for book in self._books.values())

    def progress(self) -> LogProgress:
        """Return how far the log was read, between batches."""
        books = {
            resource: BatchProgress(book.batch, book.next_n, book.quote)
            for resource, book in self._books.items()
        }
        return LogProgress(self._tick, books)

    def resume(self, progress: LogProgress) -> None:
        """Go on with a log that was read so far."""
        self._tick = progress.tick
        for resource, done in progress.batches.items():
            book = self._books[resource]
            book.batch, book.next_n, book.quote = done.batch, done.next_n, done.quote

    def check(self, place: int, addressed: AddressedEvent) -> None:
        """Check the event at a place of the log; raises CorruptLog if an event is missing before it."""
        for what, evidence in self._discrepancies(addressed):
            message = (
                f"the log of run {self._run!r} is damaged before place {place}: {what} ({evidence}); "
                f"`econsim ledger verify {self._run}` names what is missing"
            )
            raise CorruptLog(message)

    def _discrepancies(self, addressed: AddressedEvent) -> Discrepancies:
        event = addressed.event
        if isinstance(event.data, Ticked):
            if event.tick not in (self._tick, self._tick + 1):
                yield "tick_is_out_of_order", f"{event.tick} after {self._tick}"
            self._tick = event.tick
        elif book := self._books.get(entity_of(addressed.subject)):
            yield from book.add(event)


@dataclass(slots=True)
class BatchChecks:
    """One market's batches: their numbers, items, counts and prices."""

    lock_step: bool
    """True if a batch is a tick."""
    partial: bool = False
    """True if trades are read, but not all items and no prices."""
    batch: int = 0
    """Number of the newest finished batch."""
    tick: int = 0
    """Tick of the newest finished batch."""
    quote: Quote = field(default_factory=Quote)
    """Best prices after the newest finished batch."""
    unfinished: dict[int, Item] = field(default_factory=dict)
    """Number → item since the newest finished batch."""
    new_items: list[Item] = field(default_factory=list)
    """Items of the newest event, without those of earlier events."""
    next_n: int = 1
    """Number of the first item after the newest finished batch."""
    _price: PriceUpdated | None = None
    _opening: BatchOpened | None = None

    def add(self, event: Event[object]) -> Discrepancies:
        """Check and fold one of the market's events."""
        self.new_items.clear()
        match event.data:
            case TickCleared():
                yield from self._clear(event.tick, event.data)
            case PriceUpdated():
                self._price = event.data
            case BatchOpened():
                if event.data.batch != self.batch + 1:
                    yield "batch_is_out_of_order", f"batch {event.data.batch} opens after batch {self.batch}"
                self._opening = event.data
            case Accepted(items=items) | Rejected(items=items) | Traded(items=items) | Cancelled(items=items):
                for item in items:
                    yield from self._add_item(item)

    def _add_item(self, item: Item) -> Discrepancies:
        if item.n < self.next_n:
            yield (
                "item_comes_after_its_batch",
                f"item {item.n}, and batch {self.batch} ended at {self.next_n - 1}",
            )
        elif self.unfinished.setdefault(item.n, item) is item:
            self.new_items.append(item)
        elif self.unfinished[item.n] != item:
            yield "item_number_stands_for_two_items", f"item {item.n}"

    def _clear(self, tick: int, cleared: TickCleared) -> Discrepancies:
        if cleared.batch != self.batch + 1 or (self.lock_step and cleared.batch != tick):
            yield "batch_is_out_of_order", f"batch {cleared.batch} at tick {tick} after batch {self.batch}"
        opening = self._opening
        if not (self.lock_step or self.partial) and (opening is None or opening.batch != cleared.batch):
            yield "batch_was_not_opened", f"batch {cleared.batch}"
        numbers = range(self.next_n, self.next_n + cleared.items)
        missing = [number for number in numbers if number not in self.unfinished]
        if missing and not self.partial:
            shown = ", ".join(map(str, missing[:NUMBERS_SHOWN_MAX]))
            yield "batch_lacks_items", f"batch {cleared.batch} has {cleared.items} items, without {shown}"
        if extra := self.unfinished.keys() - set(numbers):
            yield (
                "batch_has_other_items",
                f"batch {cleared.batch} ends at item {numbers.stop - 1}, published was {max(extra)}",
            )
        trades = [item for item in self.unfinished.values() if isinstance(item, TradeExecuted)]
        found = len(trades), sum(trade.quantity for trade in trades)
        if found != (cleared.trades, cleared.volume):
            yield (
                "batch_counts_other_trades",
                f"{cleared.trades} trades of {cleared.volume} units, published were {found[0]} of {found[1]}",
            )
        if not self.partial:
            yield from self._check_price(cleared)
        self.batch, self.tick, self.next_n = cleared.batch, tick, numbers.stop
        self.unfinished.clear()

    def _check_price(self, cleared: TickCleared) -> Discrepancies:
        """Compare the published price with the quote: a price is published exactly if the quote changed."""
        price, self._price, before, self.quote = self._price, None, self.quote, cleared.quote
        if price is None and cleared.quote != before:
            yield "price_is_missing", f"batch {cleared.batch} changed the quote"
        published = None if price is None else (price.quote, price.price, price.volume)
        if published is not None and published != (cleared.quote, cleared.quote.last, cleared.volume):
            yield "price_differs_from_the_quote", f"batch {cleared.batch}"
