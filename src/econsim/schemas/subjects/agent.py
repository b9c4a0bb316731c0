"""Subjects of the agent service."""

from __future__ import annotations

from typing import Final

from econsim.schemas.subject_rows import event

__all__ = ["COMPLETED", "CYCLE_COMPLETED"]

CYCLE_COMPLETED: Final = event(
    "agent",
    "agent.{agent}.cycle_completed",
    "CycleCompleted",
    "A host's agents, or one external agent, answered a tick.",
)

COMPLETED: Final = CYCLE_COMPLETED.action
"""The report by which an external agent answers a tick."""

EVENTS: Final = (CYCLE_COMPLETED,)
"""Events, in the order of the table."""
