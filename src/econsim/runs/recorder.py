"""Taking a run in as it happens: progress on the way, tally, canonical hash and speed at the end."""

from __future__ import annotations

from statistics import quantiles
from time import perf_counter
from typing import Final

from econsim.domain.audit.canonical_log import CanonicalLog
from econsim.domain.audit.deduplication import Deduplicator
from econsim.domain.audit.envelope import AddressedEvent
from econsim.domain.audit.facts import addressed_record
from econsim.report.aggregate import RunAggregator
from econsim.report.progress_bar import ProgressDisplay
from econsim.report.summary import Speed, Summary
from econsim.schemas.clock import RunClosed, RunOpened, Ticked

SAMPLE_MIN: Final = 3
"""Ticks below which percentiles say nothing."""


class Recorder:
    """Everything that is kept of a run while it is read."""

    def __init__(self, progress: ProgressDisplay | None, *, timed: bool = True) -> None:
        """Show progress on the way, if wanted; `timed` unless some of the run happened before it is read."""
        self._progress = progress
        self._timed = timed
        if progress:
            progress.timed = timed
        self._tally = RunAggregator()
        self._canonical = CanonicalLog()
        self._repeats = Deduplicator()
        self.opening_id = ""
        """Event id of the run's opening."""
        self.opened_at = ""
        """When it was, RFC 3339."""
        self._started = self._ended = 0.0
        self._ticks: list[float] = []

    def add(self, addressed: AddressedEvent) -> None:
        """Take in the next event."""
        now, data, entry = perf_counter(), addressed.event.data, addressed_record(addressed)
        if self._repeats.is_repeat(entry):
            return
        if isinstance(data, RunOpened):
            self._started, self.opening_id, self.opened_at = now, entry.event_id, entry.occurred_at
        elif isinstance(data, Ticked):
            self._ticks.append(now)
        elif isinstance(data, RunClosed):
            self._ended = now
        self._tally.add(entry)
        self._canonical.add(entry)
        if self._progress:
            self._progress.update(entry)

    def summary(self) -> Summary:
        """Return what the run came to; a speed only if all of it was seen as it happened."""
        if not self._timed:
            return self._tally.summary(self._canonical.hexdigest())
        lengths = [1000 * (b - a) for a, b in zip(self._ticks, self._ticks[1:], strict=False)]
        cuts = quantiles(lengths, n=100) if len(lengths) >= SAMPLE_MIN else None
        speed = Speed(
            elapsed_s=(self._ended or perf_counter()) - self._started,
            latency_p50_ms=cuts[49] if cuts else None,
            latency_p99_ms=cuts[98] if cuts else None,
        )
        return self._tally.summary(self._canonical.hexdigest(), speed)
