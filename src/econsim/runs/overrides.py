"""Overrides of a scenario by command-line options: seed, length, hosts, external agents, real time, provider of models, live tools, live people."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pydantic import ValidationError

from econsim.domain.agent.conditions import check_conditions
from econsim.domain.agent.population import population
from econsim.errors import InvalidMessage, ScenarioError
from econsim.schemas.expectation import INVARIANTS, Expectation, MeasureExpectation
from econsim.schemas.quota import DEADLINE_MS_MAX
from econsim.schemas.scenario import THINKING, Group, Mode, PolicyName, Scenario
from econsim.schemas.scenario_changes import PeriodChange
from econsim.schemas.scenario_cognition import Cognition
from econsim.schemas.scenario_people import ScriptedPerson
from econsim.schemas.scenario_tools import OfferedTool

EXTERNAL_CREDITS: Final = 100
"""Credits an external agent is dealt: as many as an agent of the shipped scenarios."""


LIVE_TICK_MS: Final = 5_000
"""Milliseconds of a tick, at least, when people answer: a question that waits ten ticks then leaves them fifty seconds."""


_EXTERNAL: Final = re.compile(r"([^:]*)(?::([0-9]{1,18})(ms|s))?")


@dataclass(frozen=True, slots=True)
class ExternalOption:
    """External agent of an option `--external`."""

    name: str
    """Name of the agent in the run."""
    deadline_ms: int | None = None
    """Milliseconds a tick waits for the agent in lock-step; none for the scenario's deadline."""


def external_option(text: str) -> ExternalOption:
    """Return the external agent of `NAME` or `NAME:DEADLINE`; raises InvalidMessage with the right form."""
    found = _EXTERNAL.fullmatch(text)
    if found is None:
        message = f"{text!r} names no external agent; write NAME, or NAME:DEADLINE with a deadline like 500ms or 30s"
        raise InvalidMessage(message)
    name, number, unit = found.groups()
    deadline_ms = None if number is None else int(number) * (1 if unit == "ms" else 1_000)
    if deadline_ms is not None and deadline_ms > DEADLINE_MS_MAX:
        message = f"the deadline of {text!r} is too long; a tick waits {DEADLINE_MS_MAX // 1_000}s at most"
        raise InvalidMessage(message)
    return ExternalOption(name, deadline_ms)


def check_externals(scenario: Scenario, externals: Sequence[str]) -> None:
    """Raise ScenarioError if an external agent has the name of another, of an agent of the scenario, or of a group."""
    taken = {agent.id for agent in population(scenario)} | {group.name for group in scenario.agents}
    for name in externals:
        if name in taken:
            message = f"{name!r} is an agent or group of the scenario; choose another name"
            raise ScenarioError(message)
    for name, times in Counter(externals).items():
        if times > 1:
            message = f"{name!r} is given {times} times; name each external agent once"
            raise ScenarioError(message)


def apply_overrides(  # noqa: PLR0913 - each is an option of the command
    scenario: Scenario,
    *,
    seed: int | None = None,
    periods: int | None = None,
    hosts: int | None = None,
    externals: Sequence[str] = (),
    real_time: bool = False,
    provider: str | None = None,
    live_tools: bool = False,
    live_people: bool = False,
) -> Scenario:
    """Return the scenario with the given options instead of its own values.

    Expectations that no longer apply are left out, and counted with the reason: measures of periods after the run's end,
    and all but invariants with external agents, in real time or with live tools. Raises ScenarioError if the options make the scenario impossible.
    """
    clock = scenario.clock
    if periods is not None:
        clock = clock.model_copy(update={"periods": periods})
    if real_time or live_people:
        clock = clock.model_copy(update={"mode": Mode.REAL_TIME})
    if live_people:
        clock = clock.model_copy(update={"tick_ms": max(clock.tick_ms, LIVE_TICK_MS)})
    external_groups = tuple(
        Group(name=name, policy=PolicyName.EXTERNAL, credits=EXTERNAL_CREDITS) for name in externals
    )
    reached = tuple(e for e in scenario.expectations if is_reached(e, clock.periods))
    changed_conditions = _changed_conditions(
        externals, real_time=real_time or live_people, live_tools=live_tools
    )
    still_judged = tuple(e for e in reached if not changed_conditions or e.form in INVARIANTS)
    left_out = {
        changed_conditions: len(reached) - len(still_judged),
        "the run does not come to their periods": len(scenario.expectations) - len(reached),
    }
    overridden = scenario.model_copy(
        update={
            "seed": scenario.seed if seed is None else seed,
            "clock": clock,
            "hosts": scenario.hosts if hosts is None else hosts,
            "agents": (*scenario.agents, *external_groups),
            "cognition": scenario.cognition if provider is None else _single_offer(provider, scenario),
            "tools": _live_tools(scenario) if live_tools else scenario.tools,
            "people": _live_people(scenario) if live_people else scenario.people,
            "changes": _reached_changes(scenario, clock.periods),
            "expectations": still_judged,
            "unjudged": scenario.unjudged | {reason: number for reason, number in left_out.items() if number},
        }
    )
    try:
        found = Scenario.model_validate_json(overridden.model_dump_json())
    except ValidationError as error:
        message = f"with these options the scenario cannot be run: {error.errors()[0]['msg'].removeprefix('Value error, ')}"
        raise ScenarioError(message) from None
    check_conditions(found)
    return found


def _reached_changes(scenario: Scenario, periods: int) -> tuple[PeriodChange, ...]:
    """Return the changes of the periods that a run comes to."""
    return tuple(
        change.model_copy(update={"last_period": None})
        if change.last_period is not None and change.last_period >= periods
        else change
        for change in scenario.changes
        if change.first_period <= periods
    )


def is_reached(expectation: Expectation, periods: int) -> bool:
    """Return whether a run of so many periods comes to those of an expectation."""
    if not isinstance(expectation, MeasureExpectation):
        return True
    return max(expectation.first_period, expectation.last_period or 1) <= periods


def _changed_conditions(externals: Sequence[str], *, real_time: bool, live_tools: bool) -> str:
    """Return why no expectation applies; empty if the options leave the conditions of the expectations as they are."""
    if externals:
        return "an external agent takes part"
    if real_time:
        return "the run is in real time"
    return "the tools answer themselves" if live_tools else ""


def _live_tools(scenario: Scenario) -> tuple[OfferedTool, ...]:
    """Return the tools of a scenario without their recorded answers; raises ScenarioError if there are none."""
    if not any(tool.answers for tool in scenario.tools):
        message = (
            f"no tool of {scenario.name!r} has recorded answers, so --live-tools does nothing; leave it out"
        )
        raise ScenarioError(message)
    return tuple(tool.model_copy(update={"answers": ()}) for tool in scenario.tools)


def _live_people(scenario: Scenario) -> tuple[ScriptedPerson, ...]:
    """Return no scripted people; raises ScenarioError if there are none anyway."""
    if not scenario.people:
        message = f"no person of {scenario.name!r} is scripted, so --live-people does nothing; leave it out"
        raise ScenarioError(message)
    return ()


def _single_offer(provider: str, scenario: Scenario) -> Cognition:
    """Return the models of a scenario, each offered by this provider alone, at the prices of its first offer.

    Raises ScenarioError if no agent of the scenario ever asks a model.
    """
    if not any(group.policy in THINKING or group.policy is PolicyName.EXTERNAL for group in scenario.agents):
        message = (
            f"no agent of {scenario.name!r} asks a model, so a provider does nothing; leave --provider out"
        )
        raise ScenarioError(message)
    cognition = scenario.cognition or Cognition()
    models = tuple(
        model.model_copy(update={"offers": (model.offers[0].model_copy(update={"provider": provider}),)})
        for model in cognition.models
    )
    return cognition.model_copy(update={"models": models})


def why_not_in_memory(scenario: Scenario) -> str:
    """Return the reason why a scenario needs a server; empty if it can run in memory."""
    if scenario.clock.mode is Mode.REAL_TIME:
        return 'has mode = "real_time", and in memory no time passes'
    used = {name for group in scenario.agents if group.thinking for name in group.thinking.tools}
    asked = [tool.name for tool in scenario.tools if tool.name in used and not tool.answers]
    if asked:
        return f"has tools without recorded answers ({', '.join(asked)}), and in memory no server is asked"
    external = [group.name for group in scenario.agents if group.policy is PolicyName.EXTERNAL]
    return f"has external agents ({', '.join(external)}), and in memory nobody joins" if external else ""
