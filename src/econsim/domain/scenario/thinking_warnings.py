"""Warnings about groups whose agents think: cycles that hardly come, and thoughts that nobody can pay. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from econsim.domain.cognition.price import worst_case
from econsim.domain.scenario.scenario_warning import Key, ScenarioWarning
from econsim.schemas.model_call import TokenUsage
from econsim.schemas.money import format_credits
from econsim.schemas.scenario import Group, Scenario
from econsim.schemas.scenario_cognition import Cognition, Thinking


def thinking_warnings(key: Key, group: Group, scenario: Scenario) -> Iterator[ScenarioWarning]:
    """Yield the warnings about a group whose agents think."""
    thinking, ticks = group.thinking or Thinking(), scenario.clock.ticks_per_period
    if thinking.every_ticks > ticks:
        what = f"every_ticks {thinking.every_ticks} is longer than a period of {ticks} ticks: agents think at its first tick alone"
        yield ScenarioWarning((*key, "thinking", "every_ticks"), what, f"use at most {ticks}")
    yield from _budget(key, group, thinking, scenario.cognition or Cognition())


def _budget(key: Key, group: Group, thinking: Thinking, cognition: Cognition) -> Iterator[ScenarioWarning]:
    """Warn of agents that cannot pay for the longest answer alone, whatever the prompt costs."""
    model = next(model for model in cognition.models if model.name == thinking.model)
    least = worst_case(cognition, model, TokenUsage(0, thinking.max_tokens))
    if group.credits < least.price:
        what = (
            f"agents of group {group.name!r} have {format_credits(group.credits)} credits each, and one thought of "
            f"{thinking.max_tokens} tokens may cost more than {format_credits(least.price)}: they never think"
        )
        yield ScenarioWarning((*key, "credits"), what, "deal them more, or lower max_tokens or the price")
