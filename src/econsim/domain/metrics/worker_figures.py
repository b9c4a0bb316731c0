"""The newest figures of every worker that still reports, and their metrics. Pure.

Life cycle: a worker enters with its first report, and leaves with its last or when it was silent for SILENT_S. A service stays
once it had a worker, so that one whose workers are gone is seen to have none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

from econsim.domain.metrics.family import COUNTER, GAUGE, HISTOGRAM, Families, Family
from econsim.schemas.metrics import BOUNDS_S, CounterName, FiguresReported, TimingFigure, TimingName

SILENT_S: Final = 15.0
"""Seconds without a report after which a worker is gone: it reports every five."""

WORKERS: Final = "econsim_workers"
"""Name of the metric that counts workers."""

_BOUNDS: Final = (*(f"{bound:g}" for bound in BOUNDS_S), "+Inf")


@dataclass(frozen=True, slots=True)
class _ReportingWorker:
    """The newest report of a worker."""

    service: str
    at_s: float
    report: FiguresReported


class WorkerFigures:
    """Figures of all workers of all services."""

    def __init__(self) -> None:
        """Start before the first report."""
        self._workers: dict[str, _ReportingWorker] = {}
        self._services: dict[str, None] = {}

    def take(self, service: str, worker: str, report: FiguresReported, now_s: float) -> None:
        """Take in a report."""
        self._services[service] = None
        if report.is_last:
            self._workers.pop(worker, None)
        else:
            self._workers[worker] = _ReportingWorker(service, now_s, report)

    def families(self, now_s: float) -> Iterable[Family]:
        """Return the metrics of the workers that are there."""
        self._workers = {
            name: worker for name, worker in self._workers.items() if now_s - worker.at_s < SILENT_S
        }
        found = Families()
        found.declare(GAUGE, {WORKERS: "Workers of a service that report."})
        found.declare(COUNTER, {name.value: name.meaning for name in CounterName})
        found.declare(HISTOGRAM, {name.value: name.meaning for name in TimingName})
        counts = Counter(worker.service for worker in self._workers.values())
        for service in self._services:
            found[WORKERS].add(counts[service], service=service)
        for name, worker in self._workers.items():
            who = {"service": worker.service, "worker": name}
            for figure in worker.report.counters:
                found[figure.name].add(figure.value, **who, **figure.labels)
            for timing in worker.report.timings:
                _add_timing(found[timing.name], timing, who)
        return found.with_samples()


def _add_timing(family: Family, timing: TimingFigure, who: dict[str, str]) -> None:
    labels = who | timing.labels
    for bound, count in zip(_BOUNDS, accumulate(timing.counts), strict=True):
        family.add(count, "_bucket", **labels, le=bound)
    family.add(sum(timing.counts), "_count", **labels)
    family.add(timing.total_s, "_sum", **labels)
