"""Warnings about what holds in some periods of a scenario alone, because of its changes. Pure.

What holds between two changes is a scenario of its own, and is warned of like one; what the tables are warned of anyway is not
said again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from econsim.domain.scenario.scenario_warning import Key, ScenarioWarning
from econsim.schemas.scenario import Scenario
from econsim.schemas.scenario_changes import PeriodChange

Warnings = Callable[[Scenario], Iterator[ScenarioWarning]]
"""Function that yields the warnings about a scenario."""


def change_warnings(scenario: Scenario, warnings: Warnings) -> Iterator[ScenarioWarning]:
    """Yield the warnings that changes bring, each once, at the change that brings it."""
    if not scenario.changes:
        return
    plain = scenario.model_copy(update={"changes": (), "expectations": ()})
    told = {warning.what for warning in warnings(plain)}
    for first, last in scenario.stretches:
        held = scenario.in_period(first).model_copy(update={"expectations": ()})
        for warning in warnings(held):
            if warning.what in told or not _is_told(scenario, first, warning.key):
                continue
            told.add(warning.what)
            periods = f"period {first}" if first == last else f"periods {first} to {last}"
            key = _place(scenario, first, warning.key)
            yield replace(warning, key=key, what=f"in {periods} {warning.what}")


def _place(scenario: Scenario, period: int, key: Key) -> Key:
    """Return the key of the newest change that holds in a period of what a key is about; of any, if there is none."""
    held = [place for place, change in enumerate(scenario.changes) if change.holds_in(period)]
    about = [place for place in held if _is_about(scenario, scenario.changes[place], key)]
    return ("changes", (about or held or [0])[-1])


def _is_told(scenario: Scenario, period: int, key: Key) -> bool:
    """Return whether a warning is worth telling: not of values outside the price limits because these were changed on purpose."""
    held = [change for change in scenario.changes if change.holds_in(period)]
    return "roles" not in key or any(_is_about(scenario, change, key) for change in held)


def _is_about(scenario: Scenario, change: PeriodChange, key: Key) -> bool:
    match key:
        case ("markets", int(place), *_):
            return change.market == scenario.markets[place].resource
        case ("agents", int(place), *_):
            return change.group == scenario.agents[place].name
    return change.market is None and change.group is None
