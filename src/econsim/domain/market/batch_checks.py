"""Verification of a market's batches: each `tick_cleared` proves that none of its batch's events is missing.

Used by whoever verifies a run, and by services that fold one: what they do on top of a log with a hole in it would
be wrong for good. Pure.
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
"""Missing items that a finding names; of more, the first."""

Discrepancies = Iterator[tuple[str, str]]
"""What is wrong, and the values that disagree."""


class RunLogChecks:
    """What a service folds of one run's log: ticks and markets in order, and nothing missing."""

    def __init__(self, run: str, resources: Iterable[str], *, lock_step: bool, in_part: bool) -> None:
        """Look after these markets; `in_part` for who hears of trades, but not of all items."""
        self._run = run
        self._tick = 0
        self._books = {resource: BatchChecks(lock_step=lock_step, in_part=in_part) for resource in resources}

    def see(self, place: int, addressed: AddressedEvent) -> None:
        """Take in the event at a place of the log; raises CorruptLog if something is missing before it."""
        for what, evidence in self._wrong(addressed):
            message = (
                f"the log of run {self._run!r} is damaged before place {place}: {what} ({evidence}); "
                f"`econsim ledger verify {self._run}` names what is missing"
            )
            raise CorruptLog(message)

    def _wrong(self, addressed: AddressedEvent) -> Discrepancies:
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
    """Whether a batch is a tick."""
    in_part: bool = False
    """Whether trades are heard, but not all items and no prices."""
    batch: int = 0
    """The newest finished batch."""
    tick: int = 0
    """Its tick."""
    quote: Quote = field(default_factory=Quote)
    """Best prices after it."""
    left: dict[int, Item] = field(default_factory=dict)
    """Number → item since the last finished batch."""
    _n: int = 1
    _price: PriceUpdated | None = None
    _opening: BatchOpened | None = None
    _taken: list[Item] = field(default_factory=list)

    def add(self, event: Event[object]) -> Discrepancies:
        """Take in one of the market's events."""
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
                    yield from self._take(item)

    def taken(self) -> list[Item]:
        """Return the items that were new since this was asked."""
        taken, self._taken = self._taken, []
        return taken

    def _take(self, item: Item) -> Discrepancies:
        if item.n < self._n:
            yield (
                "item_comes_after_its_batch",
                f"item {item.n}, and batch {self.batch} ended at {self._n - 1}",
            )
        elif self.left.setdefault(item.n, item) is item:
            self._taken.append(item)
        elif self.left[item.n] != item:
            yield "item_number_stands_for_two_items", f"item {item.n}"

    def _clear(self, tick: int, cleared: TickCleared) -> Discrepancies:
        if cleared.batch != self.batch + 1 or (self.lock_step and cleared.batch != tick):
            yield "batch_is_out_of_order", f"batch {cleared.batch} at tick {tick} after batch {self.batch}"
        opening = self._opening
        if not (self.lock_step or self.in_part) and (opening is None or opening.batch != cleared.batch):
            yield "batch_was_not_opened", f"batch {cleared.batch}"
        numbers = range(self._n, self._n + cleared.items)
        missing = [number for number in numbers if number not in self.left]
        if missing and not self.in_part:
            shown = ", ".join(map(str, missing[:NUMBERS_SHOWN_MAX]))
            yield "batch_lacks_items", f"batch {cleared.batch} has {cleared.items} items, without {shown}"
        if extra := self.left.keys() - set(numbers):
            yield (
                "batch_has_other_items",
                f"batch {cleared.batch} ends at item {numbers.stop - 1}, told was {max(extra)}",
            )
        trades = [item for item in self.left.values() if isinstance(item, TradeExecuted)]
        found = len(trades), sum(trade.quantity for trade in trades)
        if found != (cleared.trades, cleared.volume):
            yield (
                "batch_counts_other_trades",
                f"{cleared.trades} trades of {cleared.volume} units, told were {found[0]} of {found[1]}",
            )
        if not self.in_part:
            yield from self._priced(cleared)
        self.batch, self.tick, self._n = cleared.batch, tick, numbers.stop
        self.left.clear()

    def _priced(self, cleared: TickCleared) -> Discrepancies:
        """Compare the price told with the quote: it is told exactly if the quote changed."""
        price, self._price, before, self.quote = self._price, None, self.quote, cleared.quote
        if price is None and cleared.quote != before:
            yield "price_is_missing", f"batch {cleared.batch} changed the quote"
        told = None if price is None else (price.quote, price.price, price.volume)
        if told is not None and told != (cleared.quote, cleared.quote.last, cleared.volume):
            yield "price_differs_from_the_quote", f"batch {cleared.batch}"
