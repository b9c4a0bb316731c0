"""Small scenarios whose agents think, for tests of whole runs, and recordings of them; the provider is `rules`."""

from __future__ import annotations

from factories import group, role, scenario

from econsim.domain.cognition.recording import Recording
from econsim.runs import scenario_file
from econsim.schemas.cognition import LlmInvoked

OFFERS = [{"provider": "rules", "input_price": 150, "output_price": 600}]
"""A thought of a few hundred tokens costs a tenth of a credit."""


def cognition(**fields):
    """Return the models of a scenario as a file writes them."""
    return {"models": [{"name": "default", "offers": OFFERS}], **fields}


def thinkers(**fields):
    """Return two thinking buyers and two thinking sellers on a market, beside coded traders, in lock-step."""
    thinking = {"max_tokens": 200, "memory": 1, "every_ticks": 2}
    groups = (
        group(
            "thinker", "llm", count=2, credits=20, thinking=thinking, roles=[role("bid", values=[[3, 3, 2]])]
        ),
        group(
            "maker", "llm", count=2, credits=20, thinking=thinking, roles=[role("ask", values=[[1, 1, 2]])]
        ),
        group("coder", "zip", count=4, roles=[role("bid", first=3, last=1)]),
        group("seller", "zip", count=4, roles=[role("ask", first=1, last=3)]),
    )
    clock = {"periods": 2, "ticks_per_period": 8}
    return scenario(*groups, **{"clock": clock, "cognition": cognition(), **fields})


def token_buyers(**fields):
    """Return agents that think with units of a resource which they buy on its market."""
    thinking = {"max_tokens": 100, "units": 3, "every_ticks": 1}
    groups = (
        group(
            "thinker", "llm", count=3, credits=20, thinking=thinking, roles=[role("bid", values=[[3] * 6])]
        ),
        group("maker", "zip", count=3, roles=[role("ask", first=1, last=2)]),
        group("plant", "zip", count=2, roles=[role("ask", "tokens", values=[[0.1] * 20])]),
    )
    clock = {"periods": 2, "ticks_per_period": 8}
    paid = cognition(resource="tokens", tokens_per_unit=400)
    return scenario(*groups, resources=("cpu", "tokens"), **{"clock": clock, "cognition": paid, **fields})


def tool_askers(**fields):
    """Return buyers that look a price up and buyers that also compute with it, on two hosts; the answers are recorded."""
    shipped = scenario_file.load("tool_market")
    clock = shipped.clock.model_copy(update={"periods": 2, "ticks_per_period": 8})
    update = {"clock": clock, "hosts": 2, "expectations": (), **fields}
    return shipped.model_copy(update=update)


def studio(**fields):
    """Return producers that ask a person and delegate, and researchers who work for them, on two hosts; short days."""
    shipped = scenario_file.load("studio")
    clock = shipped.clock.model_copy(update={"periods": 2, "ticks_per_period": 8})
    update = {"clock": clock, "hosts": 2, "expectations": (), **fields}
    return shipped.model_copy(update=update)


def thinking_buyers(count=3, policy="llm", thinking=None, **fields):
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
