"""The judge of a run: shows each fact to the monitors that watch its type, and gathers their verdicts. Pure.

Only events that some expectation looks at are decoded, and what is kept does not grow with the run. Events may come while the
run goes on, or later from its log: the verdicts are the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from econsim.domain.audit.causality import UNCAUSED_TYPES, CausalGraph
from econsim.domain.audit.envelope import AddressedEvent
from econsim.domain.audit.facts import Record, as_record, contents
from econsim.domain.expectation.integrity import Fault, Integrity
from econsim.domain.expectation.monitor import Decision, Monitor, See, TooManyOpen
from econsim.domain.expectation.monitors import Measures, panel
from econsim.domain.expectation.names import CATALOG, REPORTED
from econsim.domain.expectation.occurrence import Now, Occurrence
from econsim.domain.expectation.verdict import WITNESSES_MAX, Outcome, Verdict, Witness
from econsim.domain.expectation.wording import name_of
from econsim.schemas.expectation import Expectation
from econsim.schemas.scenario import Scenario

_REPORTS: Final = f"{REPORTED.partition('.')[0]}."
"""Beginning of the types of agents' reports."""

Handler = tuple[Callable[[Occurrence], bool], See, Monitor, int]
"""A test, what takes the facts that pass it, the monitor of both and its place; -1 for what monitors share."""


class Judge:
    """Judges a run by expectations, event by event."""

    def __init__(
        self,
        expectations: Sequence[Expectation],
        scenario: Scenario | None = None,
        measures: Measures | None = None,
    ) -> None:
        """Start before the first event.

        Without `scenario` it is taken from the run's opening. `measures` measures the outcome of markets and groups:
        `report.judging.judge` gives one that does; without it such expectations are undecidable. Raises
        InvalidExpectation for an expectation that names what there is not.
        """
        self.expectations = tuple(expectations)
        """Expectations that are judged."""
        self.run = ""
        """Run of the events; empty before the first."""
        self._now = Now()
        self._panel = panel(self.expectations, scenario, measures, self._now)
        self._monitors = self._panel.monitors
        self._shared = Monitor()
        self._names = tuple(map(name_of, self.expectations))
        self._integrity = Integrity(frozenset().union(*(each.types for each in self._monitors)))
        self._broken: dict[int, str] = {}
        self._handlers: dict[str, list[Handler]] = {}
        self._index()

    @property
    def faults(self) -> tuple[Fault, ...]:
        """Return what is wrong with the log so far, each with its sequence."""
        return tuple(self._integrity.faults)

    def add(self, source: Record | AddressedEvent, sequence: int) -> None:
        """Add the next event of the run, at its place in the log; repeats of a record are passed over."""
        entry = as_record(source)
        now = self._now
        if now.count == 0:
            self.run, now.start = entry.correlation_id, entry.occurred_at
        kind = entry.type
        handlers = self._handlers.get(kind)
        if handlers is None and kind.startswith(_REPORTS) and kind not in CATALOG:
            handlers = self._handlers.get(REPORTED)
        if not self._integrity.admits(entry, sequence, self.run, is_watched=handlers is not None):
            return
        now.count += 1
        now.sequence, now.time = sequence, entry.occurred_at
        if entry.tick > now.tick:
            now.tick = entry.tick
            self._turn()
        if handlers is not None:
            self._show(entry, handlers)
        if self._panel.measures is not None:
            self._panel.measures.add(entry)
        if now.count in self._panel.looks:
            for monitor in self._panel.looks[now.count]:
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
        if not is_part:
            self._integrity.end(self._now.sequence)
        return self._verdicts(ended=True)

    def _verdicts(self, *, ended: bool) -> tuple[Verdict, ...]:
        for place in range(len(self._monitors)):
            self._call(place, lambda monitor: monitor.pass_to(self._now))
        return tuple(self._verdict(place, ended=ended) for place in range(len(self._monitors)))

    def _verdict(self, place: int, *, ended: bool) -> Verdict:
        monitor, expectation, name = self._monitors[place], self.expectations[place], self._names[place]
        if place in self._broken:
            outcome = Outcome.UNDECIDABLE if ended else Outcome.SO_FAR_FALSE
            return Verdict(expectation, name, outcome, self._broken[place], run=self.run)
        found = monitor.decision(self._now, ended=ended)
        fault = self._integrity.first(monitor.types)
        if (
            ended
            and fault
            and found.needs_all
            and not (found.is_final and 0 < found.sequence <= fault.whole_to)
        ):
            text = f"record {fault.sequence} of the log: {fault.text}"
            return Verdict(expectation, name, Outcome.UNDECIDABLE, text, run=self.run)
        witness, nearest = _witnesses(found)
        outcome = _outcome(found, ended=ended)
        return Verdict(expectation, name, outcome, found.message, found.missed_by, witness, nearest, self.run)

    def _turn(self) -> None:
        """Begin a tick: monitors give up what is overdue, and those that have decided watch no more."""
        for place, monitor in enumerate(self._monitors):
            if monitor.decided is None and place not in self._broken:
                self._call(place, lambda each: each.pass_to(self._now))
        if self._watching != self._undecided():
            self._index()

    def _call(self, place: int, act: Callable[[Monitor], None]) -> None:
        try:
            act(self._monitors[place])
        except TooManyOpen as error:
            self._broken[place] = str(error)

    def _undecided(self) -> int:
        return sum(each.decided is None for each in self._monitors) - len(self._broken)

    def _index(self) -> None:
        """Note which facts the undecided monitors watch."""
        self._watching = self._undecided()
        self._handlers.clear()
        watching = [
            p for p, each in enumerate(self._monitors) if each.decided is None and p not in self._broken
        ]
        if self._panel.needs_state.intersection(watching):
            for kind, matches, see in self._panel.state.watches():
                self._handlers[kind] = [(matches, see, self._shared, -1)]
        for place in watching:
            for kind, matches, see in self._monitors[place].watches():
                self._handlers.setdefault(kind, []).append((matches, see, self._monitors[place], place))

    def _show(self, entry: Record, handlers: list[Handler]) -> None:
        """Show the facts of a record to the monitors that watch its type."""
        now = self._now
        tick = now.tick if entry.type in UNCAUSED_TYPES else entry.tick
        place = -1
        try:
            for part, actor, data in contents(entry):
                seen = Occurrence(entry, part, actor, data, now.sequence, tick, now.count)
                for matches, see, monitor, place in handlers:  # noqa: B007 - the place is for the error below
                    if monitor.decided is None and matches(seen):
                        see(seen)
        except TooManyOpen as error:
            self._broken[place] = str(error)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            what = f"its content does not follow the schema of {entry.type}: {type(error).__name__} {error}"
            self._integrity.add(now.sequence, "record_does_not_follow_its_schema", what, entry.type)


def _outcome(found: Decision, *, ended: bool) -> Outcome:
    if ended:
        return {True: Outcome.HOLDS, False: Outcome.FAILS, None: Outcome.VACUOUS}[found.holds]
    if found.is_final:
        return Outcome.TRUE if found.holds else Outcome.FALSE
    return Outcome.SO_FAR_FALSE if found.holds is False else Outcome.SO_FAR_TRUE


def _witnesses(found: Decision) -> tuple[tuple[Witness, ...], Witness | None]:
    """Return the facts of a decision in log order, each with its cause among them by its event."""
    shown = sorted(found.witness[-WITNESSES_MAX:], key=lambda each: (each.sequence, each.part))
    graph = CausalGraph(each.record for each in shown)
    witnesses = []
    for each in shown:
        cause = graph.cause(each.fact) if each.event_id in graph else None
        witness = each.witness()
        if cause is not None and cause.event_id != witness.event_id:
            witness = replace(witness, cause=cause.event_id)
        witnesses.append(witness)
    return tuple(witnesses), found.nearest.witness() if found.nearest else None
