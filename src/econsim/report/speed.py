"""The speed of a run, as the process that drove it measured it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Speed:
    """Speed of a run, measured by the process that drove it."""

    elapsed_s: float
    """Wall-clock seconds from opening to closing."""
    latency_p50_ms: float | None = None
    """Median time of an order to its durable outcome, or of a tick, as `latency_of` says."""
    latency_p99_ms: float | None = None
    """99th percentile of the same."""
    latency_of: str = "tick"
    """Unit of work that was timed."""
