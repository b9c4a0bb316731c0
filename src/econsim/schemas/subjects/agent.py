"""Subjects of the agent service."""

from __future__ import annotations

from typing import Final

from econsim.schemas.subject_rows import event

__all__ = [
    "COGNITIVE_CYCLES_COMPLETED",
    "COGNITIVE_CYCLES_STARTED",
    "COMPLETED",
    "CYCLE_COMPLETED",
    "HOSTS_OWN",
]

CYCLE_COMPLETED: Final = event(
    "agent",
    "agent.{agent}.cycle_completed",
    "CycleCompleted",
    "A host's agents, or one external agent, answered a tick.",
)

COGNITIVE_CYCLES_STARTED: Final = event(
    "agent",
    "agent.{agent}.cognitive_cycles_started",
    "CognitiveCyclesStarted",
    "Agents of a host began their cognitive cycles.",
)

COGNITIVE_CYCLES_COMPLETED: Final = event(
    "agent",
    "agent.{agent}.cognitive_cycles_completed",
    "CognitiveCyclesCompleted",
    "Agents of a host completed their cognitive cycles: steps, tokens, actions and cost of each.",
)

COMPLETED: Final = CYCLE_COMPLETED.action
"""The report by which an external agent answers a tick."""

EVENTS: Final = (CYCLE_COMPLETED, COGNITIVE_CYCLES_STARTED, COGNITIVE_CYCLES_COMPLETED)
"""Events, in the order of the table."""

HOSTS_OWN: Final = frozenset(row.action for row in (COGNITIVE_CYCLES_STARTED, COGNITIVE_CYCLES_COMPLETED))
"""Names of events of hosts, which no report of an external agent may have."""
