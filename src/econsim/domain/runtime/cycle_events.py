"""The events about the cognitive cycles of a host's agents in one tick: one before them, one after. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from econsim import subjects
from econsim.domain.audit.envelope import AddressedEvent, Envelope
from econsim.domain.runtime.cycle_run import CycleRun
from econsim.schemas.agent import CognitiveCyclesCompleted, CognitiveCyclesStarted


def started_event(envelope: Envelope, host: str, cycles: Mapping[str, CycleRun]) -> AddressedEvent:
    """Return the event that agents began their cycles."""
    data = CognitiveCyclesStarted(agents=tuple(cycles))
    return envelope.event(subjects.COGNITIVE_CYCLES_STARTED, host, data, agent=host)


def completed_event(envelope: Envelope, host: str, cycles: Mapping[str, CycleRun]) -> AddressedEvent:
    """Return the event with the reports of all cycles; it sets agents aside that failed."""
    data = CognitiveCyclesCompleted(items=tuple(cycle.report() for cycle in cycles.values()))
    return envelope.event(subjects.COGNITIVE_CYCLES_COMPLETED, host, data, agent=host)
