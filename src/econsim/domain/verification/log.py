"""Verification of a run's log: it is complete, and it agrees with the ledger's journal. Pure.

Periods, ticks and batches must count up without gaps. Each batch's `tick_cleared` has the number of its items, trades
and units, which proves that none of its events is missing. The log's copies of journal entries must equal the bucket's.
Trades and postings must agree (`trades.py`), calls of models and tools and their payments too (`calls.py`), and tasks and
theirs (`tasks.py`). A run under way, or ended early, may have an unfinished batch, which is left out. `econsim ledger verify`
reads both streams and passes their records in.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from econsim import subjects
from econsim.domain.agent.conditions import Conditions
from econsim.domain.audit.envelope import AddressedEvent
from econsim.domain.finding import PLACE_IN_LOG, Finding
from econsim.domain.ledger.verify import JournalEntry
from econsim.domain.market.batch_checks import BatchChecks, Discrepancies
from econsim.domain.verification.calls import CallChecks, model_outcomes, tool_outcomes
from econsim.domain.verification.tasks import TaskChecks
from econsim.domain.verification.trades import LoggedItem, TradeChecks
from econsim.schemas.base import Event
from econsim.schemas.clock import PeriodClosed, PeriodOpened, RunClosed, RunOpened, Ticked
from econsim.schemas.ledger import TransferPosted, TransferRefused
from econsim.schemas.market import (
    Accepted,
    BatchOpened,
    Cancelled,
    PriceUpdated,
    Rejected,
    TickCleared,
    Traded,
    TradeExecuted,
)
from econsim.schemas.scenario import Mode
from econsim.schemas.subject import entity_of

MODELS_PAYEE: Final = "cognition"
"""Holder that agents pay for calls of models."""

TOOLS_PAYEE: Final = "mcp"
"""Holder that agents pay for calls of tools."""

_ITEMS = Accepted | Rejected | Traded | Cancelled


@dataclass(frozen=True, slots=True)
class LogReport:
    """The result of a log's verification."""

    records: int
    """Number of records read, with repeats."""
    repeats: int
    """Number of records stored again; each record counts once."""
    ticks: int
    """Number of ticks opened."""
    trades: int
    """Number of trades."""
    ended: bool
    """True if the log has the run's closing."""
    whole: bool
    """True if the run went on to its end: it was neither interrupted nor did it fail."""
    findings: tuple[Finding, ...]
    """Faults, in log order as far as they have one."""


class LogChecks:
    """The checks of one run's log, record by record."""

    def __init__(self) -> None:
        """Start before the first record."""
        self._seen: dict[str, AddressedEvent] = {}
        self._records = self._repeats = self._trades = self._place = self._newest_copy = 0
        self._clock = _ClockChecks()
        self._books: dict[str, BatchChecks] = {}
        self._copies: dict[int, tuple[int, JournalEntry]] = {}
        self._trade_checks: TradeChecks | None = None
        self._model_checks = CallChecks(MODELS_PAYEE, model_outcomes(None))
        self._tool_checks = CallChecks(TOOLS_PAYEE, tool_outcomes)
        self._task_checks = TaskChecks()
        self._findings: list[Finding] = []

    def add(self, place: int, addressed: AddressedEvent) -> None:
        """Check the next record of the log."""
        event, self._place = addressed.event, place
        self._records += 1
        before = self._seen.setdefault(event.event_id, addressed)
        if before is not addressed:
            self._repeats += 1
            if before.subject != addressed.subject or before.event.data != event.data:
                self._add_finding(event, "event_id_stands_for_two_records", event.event_id)
            return
        if isinstance(event.data, RunOpened):
            self._open_run(event, event.data)
        elif isinstance(event.data, TransferPosted | TransferRefused):
            if event.data.sequence < self._newest_copy:
                self._add_finding(event, "copies_are_out_of_order", f"journal entry {event.data.sequence}")
            self._newest_copy = max(self._newest_copy, event.data.sequence)
            self._copies[event.data.sequence] = place, event  # type: ignore[assignment]
        elif isinstance(event.data, _ITEMS | BatchOpened | TickCleared | PriceUpdated):
            self._add_market_event(addressed)
        self._note_period(event)
        for checks in (self._model_checks, self._tool_checks, self._task_checks):
            checks.add(place, event)
        for what, evidence in self._clock.add(event, self._books):
            self._add_finding(event, what, evidence)

    def report(self, entries: Sequence[JournalEntry]) -> LogReport:
        """Return the result, given the run's whole journal in order."""
        findings, ended = list(self._findings), self._clock.closed is not None
        if self._trade_checks is None:
            findings.append(
                Finding(
                    self._place,
                    subjects.RUN_OPENED.type,
                    "run_has_no_opening",
                    "its first record is gone",
                    PLACE_IN_LOG,
                )
            )
        else:
            findings.extend(self._closing_findings(entries))
            findings.extend(self._copy_findings(entries))
            findings.extend(self._trade_checks.findings(entries, self._is_finished))
            whole = self._clock.whole
            findings.extend(self._model_checks.findings(entries, ended=ended, whole=whole))
            # A call of a tool is settled beside its event: a run that was closed early may lack the event.
            findings.extend(self._tool_checks.findings(entries, ended=whole, whole=whole))
            findings.extend(self._task_checks.findings(entries, whole=whole))
        return LogReport(
            self._records,
            self._repeats,
            self._clock.tick,
            self._trades,
            ended,
            self._clock.whole,
            tuple(findings),
        )

    def _open_run(self, event: Event[object], opened: RunOpened) -> None:
        scenario = opened.scenario
        if self._trade_checks is not None:
            self._add_finding(event, "run_is_opened_twice", event.event_id)
        self._clock.lock_step = scenario.clock.mode is Mode.LOCK_STEP
        self._clock.periods = scenario.clock.periods
        resources = [market.resource for market in scenario.markets]
        self._books = {resource: BatchChecks(lock_step=self._clock.lock_step) for resource in resources}
        self._trade_checks = TradeChecks(Conditions(scenario))
        resource = scenario.cognition.resource if scenario.cognition else None
        self._model_checks = CallChecks(MODELS_PAYEE, model_outcomes(resource))

    def _note_period(self, event: Event[object]) -> None:
        """Take note of the first tick of a period: what is taxed differs from period to period."""
        data = event.data
        if isinstance(data, Ticked) and data.tick_of_period == 1 and self._trade_checks is not None:
            self._trade_checks.open_period(event.tick)

    def _add_market_event(self, addressed: AddressedEvent) -> None:
        event, resource = addressed.event, entity_of(addressed.subject)
        book = self._books.get(resource)
        if book is None or self._trade_checks is None:
            self._add_finding(event, "market_is_not_in_this_run", resource)
            return
        for what, evidence in book.add(event):
            self._add_finding(event, what, evidence)
        for item in book.new_items:
            self._trades += isinstance(item, TradeExecuted)
            self._trade_checks.add(LoggedItem(self._place, event.event_id, resource, event.tick, item))

    def _closing_findings(self, entries: Sequence[JournalEntry]) -> Iterator[Finding]:
        """Compare the closing with the events before it and with the journal."""
        last = entries[-1].data.sequence if entries else 0
        for what, evidence in self._clock.closing_faults(last):
            yield Finding(self._place, self._clock.closing_id, what, evidence, PLACE_IN_LOG)
        redeemed = f"redeem.{self._clock.periods}"
        if self._clock.closed is None and any(c.cause == redeemed for e in entries for c in e.data.chains):
            evidence = "the journal holds the redemption of its last period"
            yield Finding(self._place, subjects.RUN_CLOSED.type, "closing_is_missing", evidence, PLACE_IN_LOG)
        if self._clock.whole:
            for resource, book in self._books.items():
                if book.unfinished:
                    evidence = f"{resource}: {len(book.unfinished)} items after batch {book.batch}"
                    yield Finding(self._place, resource, "batch_was_not_finished", evidence, PLACE_IN_LOG)

    def _copy_findings(self, entries: Sequence[JournalEntry]) -> Iterator[Finding]:
        """Compare the log's copies of journal entries with the bucket's."""
        for event in entries:
            found = self._copies.pop(event.data.sequence, None)
            if found is None:
                yield Finding(
                    event.data.sequence, event.event_id, "entry_is_missing_in_the_log", "no copy of it"
                )
            elif found[1] != event:
                evidence = f"it is not journal entry {event.data.sequence} of the bucket"
                yield Finding(
                    found[0], found[1].event_id, "copy_differs_from_the_journal", evidence, PLACE_IN_LOG
                )
        for sequence, (place, event) in self._copies.items():
            evidence = f"the bucket has no journal entry {sequence}"
            yield Finding(place, event.event_id, "copy_has_no_journal_entry", evidence, PLACE_IN_LOG)

    def _is_finished(self, resource: str, tick: int) -> bool:
        if self._clock.whole:
            return True
        cleared = self._books[resource].tick
        return tick <= cleared if self._clock.lock_step else tick < cleared

    def _add_finding(self, event: Event[object], what: str, evidence: str) -> None:
        self._findings.append(Finding(self._place, event.event_id, what, evidence, PLACE_IN_LOG))


@dataclass(slots=True)
class _ClockChecks:
    """The checks of the clock's events and of their order."""

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
        """Return whether the run came to its own end."""
        return self.closed is not None and not self.closed.interrupted and not self.closed.failure

    def add(self, event: Event[object], books: dict[str, BatchChecks]) -> Discrepancies:
        """Check an event; those of other services change nothing."""
        match event.data:
            case Ticked():
                yield from self._check_tick(event.tick, event.data, books)
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

    def closing_faults(self, last: int) -> Discrepancies:
        """Compare the closing, if there is one, with the events before it; `last` is the journal's last entry."""
        if self.closed is None:
            return
        closed = self.closed
        if closed.ticks != self.tick:
            yield "closing_counts_other_ticks", f"{closed.ticks}, {self.tick} were opened"
        if self.whole and (closed.periods, self.periods) != (self.period_closed, self.period_closed):
            yield (
                "closing_counts_other_periods",
                f"{closed.periods}, closed were {self.period_closed} of {self.periods}",
            )
        if self.whole and closed.journal_sequence != last:
            yield "closing_names_another_last_entry", f"{closed.journal_sequence}, the journal ends at {last}"

    def _check_tick(self, tick: int, ticked: Ticked, books: dict[str, BatchChecks]) -> Discrepancies:
        expected = (self.tick + 1, self.opened, self.tick_of_period + 1)
        found = (tick, ticked.period, ticked.tick_of_period)
        if found != expected:
            yield "tick_is_out_of_order", f"tick, period, tick of period {found} instead of {expected}"
        self.tick, _, self.tick_of_period = found
        for resource, book in books.items():
            if self.lock_step and book.tick != tick - 1:
                yield "tick_was_not_cleared", f"{resource} cleared {book.tick}, and {tick} opens"
