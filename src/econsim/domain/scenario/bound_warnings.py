"""Warnings about bounds of expectations that no run of the scenario can reach. Pure.

A bound that is longer than the run is no error, because the run may be shorter or longer than planned (`--periods`); what it means then
is hardly what its author thinks, though.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from econsim.domain.scenario.scenario_warning import ScenarioWarning
from econsim.schemas.expectation import Expectation
from econsim.schemas.expectation_forms import Count, Never, Stable
from econsim.schemas.expectation_parts import Bound
from econsim.schemas.scenario import Scenario

NEVER_LATE: Final = "nothing is ever late by it"
"""Effect of a bound of most forms that no run reaches."""


def bound_warnings(scenario: Scenario) -> Iterator[ScenarioWarning]:
    """Yield the warnings about bounds in ticks that are longer than the run, in the order of the file."""
    longest = sum(
        (last - first + 1) * scenario.in_period(first).clock.ticks_per_period
        for first, last in scenario.stretches
    )
    for place, expected in enumerate(scenario.expectations):
        bounds = [(name, each) for name, each in expected if isinstance(each, Bound)]
        for name, bound in bounds:
            if bound.unit == "ticks" and bound.size > longest:
                what = f"{name} is {bound}, the run has {longest} at most: {_effect(expected)}"
                yield ScenarioWarning(("expectations", place, name), what, f"give at most {longest}")


def _effect(expected: Expectation) -> str:
    """Return what a bound longer than the run means for an expectation."""
    match expected:
        case Stable():
            return "it always fails"
        case Count(form="exactly" | "at_least"):
            return "no window ends, so it is always vacuous"
        case Count() | Never():
            return "it is about the whole run"
    return NEVER_LATE
