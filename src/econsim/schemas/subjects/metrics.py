"""Subjects of the metrics service."""

from __future__ import annotations

from typing import Final

from econsim.schemas.subject_rows import telemetry

__all__ = ["FIGURES_REPORTED"]

FIGURES_REPORTED: Final = telemetry(
    "metrics",
    "trace.{service}.figures_reported.{worker}",
    "FiguresReported",
    "A worker of a service tells what it has counted and timed since it started.",
)

TELEMETRY: Final = (FIGURES_REPORTED,)
"""Telemetry, in the order of the table."""
