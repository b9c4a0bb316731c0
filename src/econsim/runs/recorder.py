"""Recorder of a run: shows its progress while it goes on, and gives its figures, canonical hash and speed at its end."""

from __future__ import annotations

from statistics import quantiles
from time import perf_counter
from typing import TYPE_CHECKING, Final

from econsim import subjects
from econsim.domain.agent.population import population
from econsim.domain.audit.decoding import as_event
from econsim.domain.audit.deduplication import Deduplicator
from econsim.domain.audit.envelope import AddressedEvent
from econsim.domain.audit.facts import Record, as_record
from econsim.domain.audit.late_event import LateEvent
from econsim.report.aggregate import RunAggregator
from econsim.report.speed import Speed
from econsim.report.summary import Summary
from econsim.runs.run_hash import RunHash
from econsim.schemas.clock import RunOpened
from econsim.schemas.executor import Execution
from econsim.schemas.scenario import Mode, Scenario

if TYPE_CHECKING:
    from econsim.domain.clock.attendance import Attendance
    from econsim.report.progress_bar import ProgressDisplay

SAMPLE_MIN: Final = 3
"""Ticks below which percentiles have no meaning."""

SILENCE_S: Final = 1.0
"""Seconds without an event after which the progress shows the agents that the tick waits for."""


class Recorder:
    """Figures, canonical hash and times of one run, from its events."""

    def __init__(self, progress: ProgressDisplay | None, *, timed: bool = True, stored: bool = False) -> None:
        """Show progress if a display is given; `timed` unless a part of the run happened before it is read, `stored` if all are records.

        Records of the log have a hash only if they are nearly in order.
        """
        self._progress = progress
        self._timed = timed
        if progress:
            progress.timed = timed
        self._tally = RunAggregator()
        self._hash = RunHash(stored=stored)
        self._repeats = Deduplicator()
        self.opening_id = ""
        """Event id of the run's opening."""
        self.opened_at = ""
        """Time of the run's opening, RFC 3339."""
        self._attendance: Attendance | None = None
        self._is_lock_step = self._has_waiting_room = False
        self._paced = True
        self._tick = 0
        self._read_at = perf_counter()
        self._started = self._ended = 0.0
        self._ticks: list[float] = []

    def add(self, source: Record | AddressedEvent) -> None:
        """Add the next event; an event that repeats another is ignored (deduplication)."""
        now, entry = perf_counter(), source if isinstance(source, LateEvent) else as_record(source)
        if isinstance(entry, Record) and self._repeats.is_repeat(entry):
            return
        self._read_at = now
        if self._attendance:
            self._attendance.evolve(as_event(source))
        match source.type:
            case subjects.RUN_OPENED.type:
                self._open(as_event(source), now)
            case subjects.TICKED.type:
                self._ticks.append(now)
                self._tick = entry.tick
            case subjects.RUN_CLOSED.type:
                self._ended = now
        self._tally.add(entry)
        self._hash.add(source)
        if self._progress:
            self._progress.update(entry)

    def _open(self, addressed: AddressedEvent, now: float) -> None:
        event = addressed.event
        if isinstance(event.data, RunOpened):
            self._attendance = external_attendance(event.data.scenario)
            clock = event.data.scenario.clock
            self._is_lock_step, self._has_waiting_room = clock.mode is Mode.LOCK_STEP, clock.join_ms > 0
            # Ticks of a whole run come in bundles: the time between two of them means nothing.
            self._paced = event.data.execution is Execution.SHARED
            self._started, self.opening_id, self.opened_at = now, event.event_id, event.occurred_at

    def waiting_for(self) -> list[str]:
        """Return the external agents that the waiting room, or the open tick of a run in lock-step, still waits for."""
        if not self._attendance or self._ended:
            return []
        if not self._tick:
            return self._attendance.not_ready() if self._has_waiting_room else []
        return self._attendance.missing(self._tick) if self._is_lock_step else []

    def show_waiting(self) -> None:
        """Show the agents that the open tick waits for, if no event was read for SILENCE_S."""
        if self._progress and perf_counter() - self._read_at >= SILENCE_S and (names := self.waiting_for()):
            self._progress.show_waiting(names)

    def summary(self) -> Summary:
        """Return the summary of the run; with a speed only if all of it was read while it happened.

        Its hash is empty if a record came too late for one.
        """
        canonical_hash = self._hash.hexdigest()
        if not self._timed:
            return self._tally.summary(canonical_hash)
        lengths = [1000 * (b - a) for a, b in zip(self._ticks, self._ticks[1:], strict=False)]
        cuts = quantiles(lengths, n=100) if self._paced and len(lengths) >= SAMPLE_MIN else None
        speed = Speed(
            elapsed_s=(self._ended or perf_counter()) - self._started,
            latency_p50_ms=cuts[49] if cuts else None,
            latency_p99_ms=cuts[98] if cuts else None,
        )
        return self._tally.summary(canonical_hash, speed)


def external_attendance(scenario: Scenario) -> Attendance | None:
    """Return the attendance of a scenario's external agents; none if neither a tick nor a waiting room waits for one."""
    externals, clock = [agent.id for agent in population(scenario) if agent.host is None], scenario.clock
    if not externals or (clock.mode is not Mode.LOCK_STEP and not clock.join_ms):
        return None
    from econsim.domain.clock.attendance import Attendance

    return Attendance((), externals, scenario.clock.deadline_ms)
