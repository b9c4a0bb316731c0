"""Small economies whose agents think, and recordings of their runs."""

from __future__ import annotations

from factories import group, role, scenario

from econsim.domain.cognition.recording import Recording
from econsim.schemas.cognition import LlmInvoked


def thinkers(count=3, policy="llm", thinking=None, **fields):
    """Return buyers that think and as many coded sellers on one market; two periods of three ticks."""
    buyers = group(
        "thinker",
        policy,
        count=count,
        credits=50,
        thinking=thinking or {"memory": 1},
        roles=[role("bid", first=3, last=2, units=2)],
    )
    sellers = group("seller", "zip", count=count, roles=[role("ask", first=1, last=2, units=2)])
    clock = {"periods": 2, "ticks_per_period": 3}
    return scenario(buyers, sellers, **{"clock": clock, **fields})


def recorded(events):
    """Return the recording of a run's events."""
    recording = Recording()
    for addressed in events:
        if isinstance(addressed.event.data, LlmInvoked):
            recording.evolve(addressed.event.data)
    return recording
