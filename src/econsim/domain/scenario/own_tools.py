"""The groups of a scenario that use files, people and tasks, by the tools that their models have. Pure."""

from __future__ import annotations

from econsim.domain.agent.population import population
from econsim.schemas.scenario import PolicyName, Scenario
from econsim.schemas.scenario_tools import OWN_TOOLS

_OF_FILES = ("write_note", "append_note", "read_note")
_OF_TAKERS = "accept_task"


def uses_people_or_tasks(scenario: Scenario) -> bool:
    """Return whether hosted agents ask people, or work for each other."""
    return any(is_social_group(scenario, group.name) for group in scenario.agents)


def uses_files(scenario: Scenario) -> bool:
    """Return whether hosted agents keep files."""
    return any(name in _OF_FILES for group in scenario.agents for name in _tools(scenario, group.name))


def is_social_group(scenario: Scenario, name: str) -> bool:
    """Return whether the agents of a group ask people, or work for others or have others work."""
    human = any(group.name == name and group.policy is PolicyName.HUMAN for group in scenario.agents)
    return human or any(tool in OWN_TOOLS and tool not in _OF_FILES for tool in _tools(scenario, name))


def task_takers(scenario: Scenario) -> tuple[str, ...]:
    """Return the agents that take tasks, in the scenario's order."""
    groups = {group.name for group in scenario.agents if _OF_TAKERS in _tools(scenario, group.name)}
    return tuple(agent.id for agent in population(scenario) if agent.group in groups)


def _tools(scenario: Scenario, name: str) -> tuple[str, ...]:
    thinking = next((group.thinking for group in scenario.agents if group.name == name), None)
    return thinking.tools if thinking else ()
