"""The judge of a run: shows each fact to the monitors that watch its type, and gathers their verdicts. Pure.

Only events that some expectation looks at are decoded. What is kept does not grow with the run, only with how far copied events lie
behind it (`tick_order.py`); measures of markets, which are others' work, keep some numbers of each trade. Events may come while the run
goes on, or later from its log: the verdicts are the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from econsim.domain.audit.envelope import AddressedEvent
from econsim.domain.audit.facts import Record, as_record
from econsim.domain.audit.late_event import LateEvent
from econsim.domain.expectation.integrity import WRONG_CONTENT, Fault, Integrity, follows_schema
from econsim.domain.expectation.monitor import COPIED, OPEN_MAX, Monitor, TooManyOpen, vacuous
from econsim.domain.expectation.monitors import Follower, Measures, panel
from econsim.domain.expectation.occurrence import Facts, Now, Occurrence
from econsim.domain.expectation.rulings import outcome_of, witnesses_of
from econsim.domain.expectation.verdict import Ruling, Verdict
from econsim.domain.expectation.watch_index import Handler, Handlers, WatchIndex
from econsim.domain.expectation.wording import name_of
from econsim.schemas.expectation import Expectation
from econsim.schemas.scenario import Scenario
from econsim.subjects import PRICE_UPDATED, RUN_CLOSED, RUN_OPENED, TICKED, TRANSFER_POSTED

ENDS: Final = frozenset((RUN_OPENED.type, RUN_CLOSED.type))
"""Types of the first and the last event of a run."""

Take = Callable[[LateEvent, int], None]
"""Takes an event of a run in memory, and its place in the log."""

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
        self._is_trusted, self._is_logged, self._is_in_memory = is_trusted, is_logged, False
        self._now = Now()
        self._panel = panel(self.expectations, scenario, measures, self._now)
        self.state = self._panel.state
        """State that the monitors share."""
        self._monitors = self._panel.monitors
        self._names = tuple(map(name_of, self.expectations))
        self._integrity = Integrity(self.types)
        self._broken: dict[int, str] = {}
        self._watches = WatchIndex()
        self._early: list[tuple[Record | LateEvent, int]] = []
        self._index()

    @property
    def types(self) -> frozenset[str]:
        """Return the types of events on which the verdicts rest."""
        return frozenset().union(*(each.types for each in self._monitors))

    def taker(self, event: LateEvent) -> Take | None:
        """Return what takes the events of an address of a run in memory, in its order; none for one that nobody is interested in.

        It is `add`, but for what they need not. The opening comes first and by `add`; chains of entries that are not taken are added to `state`.
        """
        kind, panel = event.type, self._panel
        moves_alone = not (self._watches.watches(TRANSFER_POSTED.type) or panel.state.follows_reservations)
        looks = self._state_types - ({TRANSFER_POSTED.type} if moves_alone else set())
        is_awaited = kind in COPIED and panel.waits_for_copies
        is_watched_tick = kind == TICKED.type and self._watches.watches(kind)
        if panel.looks or panel.follower or is_awaited or kind in looks or is_watched_tick or kind in ENDS:
            return self.add
        if kind == TICKED.type:
            # A tick matters to what waits, and to what looks at the state of the ticks before.
            return self._take_tick if self._waiting or panel.waits_for_copies or looks else None
        if kind in self._state_types:
            return panel.state.move if event.content.may_move else None
        handlers = self._watches.handlers(event)
        if handlers.is_one_by_one:
            return self._take
        return partial(self._take_at_once, handlers.at_once) if handlers.is_watched else None

    def _take_tick(self, event: LateEvent, sequence: int) -> None:
        now = self._now
        now.sequence = now.count = sequence
        now.tick, now.time = event.moment.tick, event.moment.now
        if self._early:
            self._catch_up()
        self._turn()

    def _take(self, event: LateEvent, sequence: int) -> None:
        self._now.sequence = self._now.count = sequence
        self._show_facts(event, self._watches.handlers(event))

    def _take_at_once(self, handlers: Sequence[Handler], event: LateEvent, sequence: int) -> None:
        now = self._now
        now.sequence = now.count = sequence
        self._show(Facts(event, sequence, event.moment.tick, sequence), handlers)

    @property
    def decided(self) -> int:
        """Return the number of expectations that an event has decided for good; some others wait for `verdicts`."""
        return sum([each.decided is not None for each in self._monitors])

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
        handlers = self._watches.handlers(entry)
        if isinstance(entry, LateEvent) or self._is_in_memory:
            # It stays in memory, whichever driver makes the rest. Some events were not told: nobody is interested in their types.
            self._is_in_memory, now.count = True, sequence
            self._integrity.vouch(handlers.type)
        elif self._is_trusted or self._integrity.admits(
            entry, sequence, self.run, is_watched=handlers.is_watched or handlers.is_state
        ):
            now.count += 1
        else:
            return
        now.sequence = sequence
        turns = self._advance(entry, is_copy=handlers.is_copy)
        if handlers.is_state:
            self._look_at_state(entry)
        if handlers.is_watched:
            self._show_facts(entry, handlers)
        # After it was shown: an event that is late by this tick tells by how much.
        if turns:
            self._turn()
        if self._panel.follower is not None:
            self._tell(self._panel.follower, entry)
        for monitor in self._panel.looks.get(now.count, ()):
            monitor.look()

    def add_stored(self, subject: str, payload: bytes, sequence: int) -> None:
        """Add the next record of a log as it is stored; one that cannot be trusted is named in `faults`."""
        entry = self._integrity.read(subject, payload, sequence)
        if entry is not None:
            self.add(entry, sequence)
            if not (self._early and self._early[-1][0] is entry):
                entry.forget()

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
        fault = self._integrity.first(monitor.types) if self._integrity.faults else None
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
        witness, nearest = witnesses_of(found)
        outcome = outcome_of(found, ended=ended)
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
        if len(self._broken) != self._given_up:
            self._index()
        for each in self._deciding:
            if each.decided is not None:
                self._index()
                return

    def _pass(self, place: int) -> None:
        try:
            self._monitors[place].pass_to(self._now)
        except TooManyOpen as error:
            self._broken[place] = str(error)

    def _advance(self, entry: Record | LateEvent, *, is_copy: bool) -> bool:
        """Move on to an event, unless it is a copy, whose place in the log says nothing; return whether it begins a tick."""
        now = self._now
        if is_copy:
            if self._panel.waits_for_copies:
                now.note_copy(entry)
            return False
        now.time, tick = entry.occurred_at, entry.tick
        if tick <= now.tick:
            return False
        now.tick = tick
        if self._early:
            self._catch_up()
        return True

    def _tell(self, follower: Follower, entry: Record | LateEvent) -> None:
        try:
            follower.add(entry)
        except WRONG_CONTENT as error:
            self._integrity.misfit(self._now.sequence, entry.type, error)

    def _hold(self, entry: Record | LateEvent) -> None:
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

    def _index(self) -> None:
        """Note which facts the undecided monitors watch."""
        watching = [
            p for p, each in enumerate(self._monitors) if each.decided is None and p not in self._broken
        ]
        self._given_up = len(self._broken)
        self._waiting = [p for p in watching if type(self._monitors[p]).pass_to is not Monitor.pass_to]
        needed = (self._monitors[p].types for p in self._panel.needs_state.intersection(watching))
        self._state_types = STATE_TYPES & frozenset().union(*needed)
        watches = [(watch, place) for place in watching for watch in self._monitors[place].watches()]
        self._watches = WatchIndex(watches, self._state_types)
        # Who is shown nothing decides when it is asked.
        self._deciding = [self._monitors[p] for p in {place for _, place in watches}]

    def _look_at_state(self, entry: Record | LateEvent) -> None:
        if entry.tick > self._now.tick:
            self._hold(entry)
        else:
            self._change_state(entry)

    def _change_state(self, entry: Record | LateEvent) -> None:
        now = self._now
        try:
            self._panel.state.add(entry, now.sequence, entry.tick, now.count)
        except WRONG_CONTENT as error:
            self._integrity.misfit(now.sequence, entry.type, error)

    def _give_up(self, place: int, reason: str) -> None:
        """Give up one monitor, unless it has decided; the others stay."""
        if self._monitors[place].decided is None:
            self._broken.setdefault(place, reason)

    def _show_facts(self, entry: Record | LateEvent, handlers: Handlers) -> None:
        """Show the facts of a record to the monitors that watch them; a record with wrong content is a fault."""
        try:
            now = self._now
            # Some publishers know no tick: theirs is the one that is open.
            facts = Facts(entry, now.sequence, now.tick if handlers.is_uncaused else entry.tick, now.count)
            self._show(facts, handlers.at_once)
            if handlers.is_one_by_one:
                self._show_each(facts, handlers)
            facts.forget()
        except WRONG_CONTENT as error:
            self._integrity.misfit(self._now.sequence, entry.type, error)

    def _show_each(self, facts: Facts, handlers: Handlers) -> None:
        others, by_actor = handlers.others, handlers.by_actor
        if not by_actor:
            for seen in facts:
                self._show(seen, others)
            return
        # Of most facts of agents nobody makes an occurrence: they are of agents that no watch names.
        for position, actor in facts.actors():
            if found := by_actor.get(actor, others):
                self._show(facts.occurrence(position), found)

    def _show(self, seen: Occurrence | Facts, handlers: Sequence[Handler]) -> None:
        for matches, see, place in handlers:
            # A monitor that has decided in this tick is shown more, and changes nothing.
            try:
                if matches is None or matches(seen):
                    see(seen)
            except TooManyOpen as error:
                self._give_up(place, str(error))
            except WRONG_CONTENT as error:
                self._blame(place, seen.record, error)

    def _blame(self, place: int, entry: Record, error: Exception) -> None:
        """Give up a monitor that cannot judge a record; raises the error again if the record is wrong, not the monitor."""
        if not follows_schema(entry):
            raise error
        self._give_up(place, f"it could not judge record {self._now.sequence} of the log: {error}")
