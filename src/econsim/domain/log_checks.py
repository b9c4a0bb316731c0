"""Verification of a run's log: nothing is missing, and it agrees with the ledger's journal.

Periods, ticks and batches count up without gaps; each batch's `tick_cleared` says how many items, trades and units
it had, so they prove that none of its events is missing; the log's copies of journal entries are the bucket's;
trades and postings agree (`trade_checks.py`). Of a run under way, or ended early, the batch that was not finished
is left out. Pure: `econsim ledger verify` reads both streams and hands them in.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from econsim.domain.envelope import Sealed
from econsim.domain.journal_checks import Entry, Finding
from econsim.domain.trade_checks import LOG, Told, TradeChecks
from econsim.schemas.base import Event
from econsim.schemas.clock import PeriodClosed, PeriodOpened, RunClosed, RunOpened, Ticked
from econsim.schemas.ledger import TransferPosted, TransferRefused
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
from econsim.schemas.scenario import Mode

NUMBERS_SHOWN_MAX: Final = 5
"""Missing items that a finding names; of more, the first."""

_ITEMS = Accepted | Rejected | Traded | Cancelled


@dataclass(frozen=True, slots=True)
class LogReport:
    """What verification of a log found."""

    records: int
    """Records read, repeats among them."""
    repeats: int
    """Records that stand there again; each counts once."""
    ticks: int
    """Ticks opened."""
    trades: int
    """Trades told."""
    findings: tuple[Finding, ...]
    """Everything wrong, in log order as far as it has one."""


class LogChecks:
    """The log of one run, record by record."""

    def __init__(self) -> None:
        """Start before the first record."""
        self._seen: dict[str, Sealed] = {}
        self._records = self._repeats = self._trades = self._place = 0
        self._run = _Run()
        self._books: dict[str, _Book] = {}
        self._copies: dict[int, tuple[int, Entry]] = {}
        self._told: TradeChecks | None = None
        self._findings: list[Finding] = []

    def add(self, place: int, sealed: Sealed) -> None:
        """Take in the next record of the log."""
        event, self._place = sealed.event, place
        self._records += 1
        before = self._seen.setdefault(event.event_id, sealed)
        if before is not sealed:
            self._repeats += 1
            if before.subject != sealed.subject or before.event.data != event.data:
                self._found(event, "event_id_stands_for_two_records", event.event_id)
            return
        if isinstance(event.data, RunOpened):
            self._open(event, event.data)
        elif isinstance(event.data, TransferPosted | TransferRefused):
            if event.data.sequence < max(self._copies, default=0):
                self._found(event, "copies_are_out_of_order", f"journal entry {event.data.sequence}")
            self._copies[event.data.sequence] = place, event  # type: ignore[assignment]
        elif isinstance(event.data, _ITEMS | BatchOpened | TickCleared | PriceUpdated):
            self._market(sealed)
        for what, evidence in self._run.add(event, self._books):
            self._found(event, what, evidence)

    def report(self, entries: Sequence[Entry]) -> LogReport:
        """Return what was found, given the run's whole journal in order."""
        findings = list(self._findings)
        if self._told is None:
            findings.append(Finding(self._place, "", "run_has_no_opening", "its first record is gone", LOG))
        else:
            findings.extend(self._ending(entries))
            findings.extend(self._copied(entries))
            findings.extend(self._told.findings(entries, self._finished))
        return LogReport(self._records, self._repeats, self._run.tick, self._trades, tuple(findings))

    def _open(self, event: Event[object], opened: RunOpened) -> None:
        scenario = opened.scenario
        if self._told is not None:
            self._found(event, "run_is_opened_twice", event.event_id)
        self._run.lock_step = scenario.clock.mode is Mode.LOCK_STEP
        self._run.periods = scenario.clock.periods
        resources = [market.resource for market in scenario.markets]
        self._books = {resource: _Book(lock_step=self._run.lock_step) for resource in resources}
        self._told = TradeChecks(resources)

    def _market(self, sealed: Sealed) -> None:
        event, resource = sealed.event, sealed.subject.split(".", 2)[1]
        book = self._books.get(resource)
        if book is None or self._told is None:
            self._found(event, "market_is_not_in_this_run", resource)
            return
        for what, evidence in book.add(event):
            self._found(event, what, evidence)
        for item in book.taken():
            self._trades += isinstance(item, TradeExecuted)
            self._told.add(Told(self._place, event.event_id, resource, event.tick, item))

    def _ending(self, entries: Sequence[Entry]) -> Iterator[Finding]:
        """Compare the closing with what was told before it and with the journal."""
        last = entries[-1].data.sequence if entries else 0
        for what, evidence in self._run.ending(last):
            yield Finding(self._place, self._run.closing_id, what, evidence, LOG)
        redeemed = f"redeem.{self._run.periods}"
        if self._run.closed is None and any(c.cause == redeemed for e in entries for c in e.data.chains):
            evidence = "the journal holds the redemption of its last period"
            yield Finding(self._place, "", "closing_is_missing", evidence, LOG)
        if self._run.whole:
            for resource, book in self._books.items():
                if book.left:
                    evidence = f"{resource}: {len(book.left)} items after batch {book.batch}"
                    yield Finding(self._place, "", "batch_was_not_finished", evidence, LOG)

    def _copied(self, entries: Sequence[Entry]) -> Iterator[Finding]:
        """Compare the log's copies of journal entries with the bucket's."""
        for event in entries:
            found = self._copies.pop(event.data.sequence, None)
            if found is None:
                yield Finding(
                    event.data.sequence, event.event_id, "entry_is_missing_in_the_log", "no copy of it"
                )
            elif found[1] != event:
                evidence = f"it is not journal entry {event.data.sequence} of the bucket"
                yield Finding(found[0], found[1].event_id, "copy_differs_from_the_journal", evidence, LOG)
        for sequence, (place, event) in self._copies.items():
            evidence = f"the bucket has no journal entry {sequence}"
            yield Finding(place, event.event_id, "copy_has_no_journal_entry", evidence, LOG)

    def _finished(self, resource: str, tick: int) -> bool:
        if self._run.whole:
            return True
        cleared = self._books[resource].tick
        return tick <= cleared if self._run.lock_step else tick < cleared

    def _found(self, event: Event[object], what: str, evidence: str) -> None:
        self._findings.append(Finding(self._place, event.event_id, what, evidence, LOG))


Wrong = Iterator[tuple[str, str]]
"""What is wrong, and the values that disagree."""


@dataclass(slots=True)
class _Run:
    """The clock's own events, and the order they must have."""

    lock_step: bool = True
    periods: int = 0
    tick: int = 0
    tick_of_period: int = 0
    opened: int = 0
    period_closed: int = 0
    closed: RunClosed | None = None
    closing_id: str = ""

    @property
    def whole(self) -> bool:
        """Tell whether it came to its own end."""
        return self.closed is not None and not self.closed.interrupted and not self.closed.failure

    def add(self, event: Event[object], books: dict[str, _Book]) -> Wrong:
        """Take in an event; those of others change nothing."""
        match event.data:
            case Ticked():
                yield from self._ticked(event.tick, event.data, books)
            case PeriodOpened(period=period):
                if (period, self.opened) != (self.opened + 1, self.period_closed):
                    yield (
                        "period_is_out_of_order",
                        f"{period} opens after {self.opened}, of which {self.period_closed} closed",
                    )
                self.opened, self.tick_of_period = period, 0
            case PeriodClosed(period=period):
                if period != self.opened or period != self.period_closed + 1:
                    yield (
                        "period_is_out_of_order",
                        f"{period} closes after {self.period_closed}, and {self.opened} is open",
                    )
                self.period_closed = period
            case RunClosed():
                self.closed, self.closing_id = event.data, event.event_id

    def ending(self, last: int) -> Wrong:
        """Compare the closing, if there is one, with what came before it; `last` is the journal's last entry."""
        if self.closed is None:
            return
        closed = self.closed
        if closed.ticks != self.tick:
            yield "closing_counts_other_ticks", f"{closed.ticks}, told were {self.tick}"
        if self.whole and (closed.periods, self.periods) != (self.period_closed, self.period_closed):
            yield (
                "closing_counts_other_periods",
                f"{closed.periods}, closed were {self.period_closed} of {self.periods}",
            )
        if self.whole and closed.journal_sequence != last:
            yield "closing_names_another_last_entry", f"{closed.journal_sequence}, the journal ends at {last}"

    def _ticked(self, tick: int, ticked: Ticked, books: dict[str, _Book]) -> Wrong:
        expected = (self.tick + 1, self.opened, self.tick_of_period + 1)
        found = (tick, ticked.period, ticked.tick_of_period)
        if found != expected:
            yield "tick_is_out_of_order", f"tick, period, tick of period {found} instead of {expected}"
        self.tick, _, self.tick_of_period = found
        for resource, book in books.items():
            if self.lock_step and book.tick != tick - 1:
                yield "tick_was_not_cleared", f"{resource} cleared {book.tick}, and {tick} opens"


@dataclass(slots=True)
class _Book:
    """One market's batches: their numbers, items, counts and prices."""

    lock_step: bool
    batch: int = 0
    tick: int = 0
    quote: Quote = field(default_factory=Quote)
    left: dict[int, Item] = field(default_factory=dict)
    """Number → item since the last finished batch."""
    _n: int = 1
    _price: PriceUpdated | None = None
    _opening: BatchOpened | None = None
    _taken: list[Item] = field(default_factory=list)

    def add(self, event: Event[object]) -> Wrong:
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

    def _take(self, item: Item) -> Wrong:
        if item.n < self._n:
            yield (
                "item_comes_after_its_batch",
                f"item {item.n}, and batch {self.batch} ended at {self._n - 1}",
            )
        elif self.left.setdefault(item.n, item) is item:
            self._taken.append(item)
        elif self.left[item.n] != item:
            yield "item_number_stands_for_two_items", f"item {item.n}"

    def _clear(self, tick: int, cleared: TickCleared) -> Wrong:
        if cleared.batch != self.batch + 1 or (self.lock_step and cleared.batch != tick):
            yield "batch_is_out_of_order", f"batch {cleared.batch} at tick {tick} after batch {self.batch}"
        opening = self._opening
        if not self.lock_step and (opening is None or opening.batch != cleared.batch):
            yield "batch_was_not_opened", f"batch {cleared.batch}"
        numbers = range(self._n, self._n + cleared.items)
        if missing := [number for number in numbers if number not in self.left]:
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
        yield from self._priced(cleared)
        self.batch, self.tick, self._n = cleared.batch, tick, numbers.stop
        self.left.clear()

    def _priced(self, cleared: TickCleared) -> Wrong:
        """Compare the price told with the quote: it is told exactly if the quote changed."""
        price, self._price, before, self.quote = self._price, None, self.quote, cleared.quote
        if price is None and cleared.quote != before:
            yield "price_is_missing", f"batch {cleared.batch} changed the quote"
        told = None if price is None else (price.quote, price.price, price.volume)
        if told is not None and told != (cleared.quote, cleared.quote.last, cleared.volume):
            yield "price_differs_from_the_quote", f"batch {cleared.batch}"
