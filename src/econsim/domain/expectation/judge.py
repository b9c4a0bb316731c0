"""The judge of a run: shows each fact to the monitors that watch its type, and gathers their verdicts. Pure.

Only events that some expectation looks at are decoded. What is kept does not grow with the run, only with how far copied events lie
behind it (`tick_order.py`); measures of markets, which are others' work, keep some numbers of each trade. Events may come while the run
goes on, or later from its log: the verdicts are the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Final

from pydantic_core import to_json

from econsim.domain.audit.causality import UNCAUSED_TYPES, CausalGraph
from econsim.domain.audit.envelope import AddressedEvent
from econsim.domain.audit.facts import Record, actor_of, as_record
from econsim.domain.audit.late_event import LateEvent
from econsim.domain.expectation.integrity import WRONG_CONTENT, Fault, Integrity
from econsim.domain.expectation.monitor import (
    COPIED,
    OPEN_MAX,
    Decision,
    Monitor,
    TooManyOpen,
    vacuous,
)
from econsim.domain.expectation.monitors import Measures, panel
from econsim.domain.expectation.names import CATALOG, REPORTED, data_of
from econsim.domain.expectation.occurrence import Now, Occurrence
from econsim.domain.expectation.verdict import WITNESSES_MAX, Ruling, Verdict, Witness
from econsim.domain.expectation.watch_index import Handler, Handlers, WatchIndex
from econsim.domain.expectation.wording import name_of
from econsim.schemas.expectation import Expectation
from econsim.schemas.scenario import Scenario
from econsim.subjects import PRICE_UPDATED, TRANSFER_POSTED

STATE_TYPES: Final = frozenset((TRANSFER_POSTED.type, PRICE_UPDATED.type))
"""Types of events that change the state that monitors share."""


class Judge:
    """Judges a run by expectations, event by event."""

    def __init__(
        self,
        expectations: Sequence[Expectation],
        scenario: Scenario | None = None,
        measures: Measures | None = None,
        *,
        is_trusted: bool = False,
        is_logged: bool = True,
    ) -> None:
        """Start before the first event.

        Without `scenario` it is taken from the run's opening. `measures` measures the outcome of markets and groups:
        `report.judging.judge` gives one that does; without it such expectations are undecidable. Raises
        InvalidExpectation for an expectation that names what there is not. `is_trusted` if the log is taken as it is,
        repeats and gaps too, as its mutants are; `is_logged` unless the events are in no log that a command could show.
        """
        self.expectations = tuple(expectations)
        """Expectations that are judged."""
        self.run = ""
        """Run of the events; empty before the first."""
        self._is_trusted = is_trusted
        self._is_logged = is_logged
        self._now = Now()
        self._panel = panel(self.expectations, scenario, measures, self._now)
        self._monitors = self._panel.monitors
        self._names = tuple(map(name_of, self.expectations))
        self._integrity = Integrity(frozenset().union(*(each.types for each in self._monitors)))
        self._broken: dict[int, str] = {}
        self._watches = WatchIndex()
        self._showing = -1
        self._early: list[tuple[Record, int]] = []
        self._index()

    @property
    def types(self) -> frozenset[str]:
        """Return the types of events on which the verdicts rest."""
        return frozenset().union(*(each.types for each in self._monitors))

    @property
    def faults(self) -> tuple[Fault, ...]:
        """Return what is wrong with the log so far, each with its sequence."""
        return tuple(self._integrity.faults)

    def add(self, source: Record | AddressedEvent, sequence: int) -> None:
        """Add the next event of the run, at its place in the log; repeats of a record are passed over."""
        # Events of a run in memory come once and in order, and are not made before somebody looks into them.
        entry = source if isinstance(source, LateEvent) else as_record(source)
        now = self._now
        if now.count == 0:
            self.run, now.start = entry.correlation_id, entry.occurred_at
        kind, handlers = entry.type, self._watches.handlers(entry)
        is_state = kind in self._state_types
        if isinstance(entry, LateEvent):
            self._integrity.vouch(kind)
        elif not self._is_trusted and not self._integrity.admits(
            entry, sequence, self.run, is_watched=is_state or handlers is not None
        ):
            return
        now.count += 1
        now.sequence = sequence
        turns = self._advance(entry, kind)
        if is_state or handlers is not None:
            self._look_into(
                entry.record() if isinstance(entry, LateEvent) else entry, handlers, is_state=is_state
            )
        # After it was shown: an event that is late by this tick tells by how much.
        if turns:
            self._turn()
        if self._panel.measures is not None:
            try:
                self._panel.measures.add(entry)
            except WRONG_CONTENT as error:
                self._integrity.misfit(sequence, kind, error)
        for monitor in self._panel.looks.get(now.count, ()):
            monitor.look()

    def add_stored(self, subject: str, payload: bytes, sequence: int) -> None:
        """Add the next record of a log as it is stored; one that cannot be trusted is named in `faults`."""
        entry = self._integrity.read(subject, payload, sequence)
        if entry is not None:
            self.add(entry, sequence)

    def verdicts(self) -> tuple[Verdict, ...]:
        """Return the verdicts on the events so far: true or false for good, or so far."""
        return self._verdicts(ended=False)

    def close(self, *, is_part: bool = False) -> tuple[Verdict, ...]:
        """Return the verdicts on the whole run; `is_part` if the events are not a whole run and are judged as they are."""
        for entry, _ in self._early:
            self._now.tick = max(self._now.tick, entry.tick)
        self._catch_up()
        if not is_part:
            self._integrity.end(self._now.sequence)
        return self._verdicts(ended=True)

    def _verdicts(self, *, ended: bool) -> tuple[Verdict, ...]:
        for place in range(len(self._monitors)):
            self._pass(place)
        return tuple(self._verdict(place, ended=ended) for place in range(len(self._monitors)))

    def _verdict(self, place: int, *, ended: bool) -> Verdict:
        monitor, expectation, name = self._monitors[place], self.expectations[place], self._names[place]
        if place in self._broken:
            outcome = Ruling.UNDECIDABLE if ended else Ruling.SO_FAR_FALSE
            return Verdict(expectation, name, outcome, self._broken[place], run=self._logged_run)
        try:
            found = monitor.decision(self._now, ended=ended)
        except TooManyOpen as error:
            self._broken[place] = str(error)
            return self._verdict(place, ended=ended)
        # Copied events are looked into now, once they are all there.
        except WRONG_CONTENT as error:
            self._broken[place] = f"it could not judge the log: {type(error).__name__} {error}"
            return self._verdict(place, ended=ended)
        fault = self._integrity.first(monitor.types)
        if (
            ended
            and fault
            and found.needs_all
            and not (found.is_final and 0 < found.sequence <= fault.whole_to)
        ):
            text = f"record {fault.sequence} of the log: {fault.text}"
            return Verdict(expectation, name, Ruling.UNDECIDABLE, text, run=self._logged_run)
        if ended and found.holds and not self._now.count:
            found = vacuous("there are no events at all")
        witness, nearest = _witnesses(found)
        outcome = _outcome(found, ended=ended)
        return Verdict(
            expectation, name, outcome, found.message, found.missed_by, witness, nearest, self._logged_run
        )

    @property
    def _logged_run(self) -> str:
        return self.run if self._is_logged else ""

    def _turn(self) -> None:
        """Begin a tick: monitors give up what is overdue, and those that have decided watch no more."""
        for place in self._waiting:
            self._pass(place)
        if self._watching != self._open_count():
            self._index()

    def _pass(self, place: int) -> None:
        try:
            self._monitors[place].pass_to(self._now)
        except TooManyOpen as error:
            self._broken[place] = str(error)

    def _advance(self, entry: Record | LateEvent, kind: str) -> bool:
        """Move on to an event, unless it is a copy, whose place in the log says nothing; return whether it begins a tick."""
        now = self._now
        if kind in COPIED:
            now.note_copy(entry)
            return False
        now.time, tick = entry.occurred_at, entry.tick
        if tick <= now.tick:
            return False
        now.tick = tick
        self._catch_up()
        return True

    def _hold(self, entry: Record) -> None:
        """Keep what changes the state in a tick that has not begun in the log: others may still look at the tick before."""
        if len(self._early) < OPEN_MAX:
            self._early.append((entry, self._now.sequence))
            return
        for place in self._panel.needs_state:
            self._give_up(place, f"more than {OPEN_MAX} transfers came before their tick")

    def _catch_up(self) -> None:
        """Change the state by what was held for a tick that has begun."""
        now, sequence = self._now, self._now.sequence
        due = [each for each in self._early if each[0].tick <= now.tick]
        if not due:
            return
        self._early = [each for each in self._early if each[0].tick > now.tick]
        for entry, now.sequence in due:
            self._change_state(entry)
        now.sequence = sequence

    def _open_count(self) -> int:
        return sum(each.decided is None for each in self._monitors) - len(self._broken)

    def _index(self) -> None:
        """Note which facts the undecided monitors watch."""
        self._watching = self._open_count()
        watching = [
            p for p, each in enumerate(self._monitors) if each.decided is None and p not in self._broken
        ]
        self._waiting = [p for p in watching if type(self._monitors[p]).pass_to is not Monitor.pass_to]
        needed = (self._monitors[p].types for p in self._panel.needs_state.intersection(watching))
        self._state_types = STATE_TYPES & frozenset().union(*needed)
        self._watches = WatchIndex(
            (watch, place) for place in watching for watch in self._monitors[place].watches()
        )

    def _look_into(self, entry: Record, handlers: Handlers | None, *, is_state: bool) -> None:
        """Keep the state that a record changes, and show its facts to the monitors that watch its type.

        A record with wrong content is a fault, and a monitor that keeps too much is given up.
        """
        if is_state and entry.tick > self._now.tick:
            self._hold(entry)
        elif is_state:
            self._change_state(entry)
        if handlers is not None:
            try:
                self._show_facts(entry, self._tick_of(entry), handlers)
            except TooManyOpen as error:
                self._give_up(self._showing, str(error))
            except WRONG_CONTENT as error:
                self._integrity.misfit(self._now.sequence, entry.type, error)

    def _change_state(self, entry: Record) -> None:
        now = self._now
        try:
            self._panel.state.add(entry, now.sequence, self._tick_of(entry), now.count)
        except TooManyOpen as error:
            self._give_up(self._showing, str(error))
        except WRONG_CONTENT as error:
            self._integrity.misfit(now.sequence, entry.type, error)

    def _tick_of(self, entry: Record) -> int:
        """Return the tick of an event; the one that is open if its publisher knows none."""
        return self._now.tick if entry.type in UNCAUSED_TYPES else entry.tick

    def _give_up(self, place: int, reason: str) -> None:
        """Give up one monitor, unless it has decided; the others stay."""
        if self._monitors[place].decided is None:
            self._broken.setdefault(place, reason)

    def _show_facts(self, entry: Record, tick: int, handlers: Handlers) -> None:
        sequence, count = self._now.sequence, self._now.count
        parts, by_actor, shown, actor = entry.parts, handlers.by_actor, handlers.others, ""
        for index, data in enumerate(parts) if parts is not None else ((-1, entry.data),):
            if by_actor:
                actor = actor_of(entry, data) if index >= 0 else entry.actor
                shown = by_actor.get(actor, handlers.others)
            if shown:
                self._show(Occurrence(entry, index, data, sequence, tick, count, actor), shown)

    def _show(self, seen: Occurrence, handlers: tuple[Handler, ...]) -> None:
        for matches, see, place in handlers:
            # A monitor that has decided in this tick is shown more, and changes nothing.
            self._showing = place
            try:
                if matches is None or matches(seen):
                    see(seen)
            except WRONG_CONTENT as error:
                if not _follows_schema(seen.record):
                    raise
                self._give_up(place, f"it could not judge record {seen.sequence} of the log: {error}")


def _follows_schema(entry: Record) -> bool:
    """Return whether a record's content is as its schema says, so that what went wrong is not its fault."""
    try:
        data_of(entry.type if entry.type in CATALOG else REPORTED).model_validate_json(to_json(entry.data))
    except WRONG_CONTENT:
        return False
    return True


def _outcome(found: Decision, *, ended: bool) -> Ruling:
    if ended:
        return {True: Ruling.HOLDS, False: Ruling.FAILS, None: Ruling.VACUOUS}[found.holds]
    if found.is_final:
        return Ruling.TRUE if found.holds else Ruling.FALSE
    return Ruling.SO_FAR_FALSE if found.holds is False else Ruling.SO_FAR_TRUE


def _witnesses(found: Decision) -> tuple[tuple[Witness, ...], Witness | None]:
    """Return the facts of a decision in log order, each with its cause among them by its event."""
    shown = sorted(found.witness[-WITNESSES_MAX:], key=lambda each: (each.sequence, each.index))
    witnesses = [each.witness() for each in shown]
    with suppress(KeyError, TypeError, AttributeError):
        graph = CausalGraph(each.record for each in shown)
        causes = [graph.cause(each.fact) for each in shown]
        witnesses = [
            replace(each, cause=cause.event_id) if cause and cause.event_id != each.event_id else each
            for each, cause in zip(witnesses, causes, strict=True)
        ]
    return tuple(witnesses), found.nearest.witness() if found.nearest else None
