"""The policy `llm_strategist`: show a model the observation; its answer is a strategy, and a coded trader keeps it. Pure.

The cycle sends no action. `HostAgents` reads the strategy from the outcome in the log, as any host that takes over does.
"""

from __future__ import annotations

from collections.abc import Sequence

from econsim.domain.cognition.observation import AgentObservation
from econsim.domain.cognition.prompt import STRATEGIST_TEMPLATES, cycle_prompt
from econsim.domain.cognition.strategy import strategy_schema
from econsim.domain.runtime.effects import Cycle, Think
from econsim.domain.runtime.llm_policy import NO_TOOLS
from econsim.domain.runtime.tool_use import Toolbox
from econsim.schemas.model_call import ChatMessage, Prompt
from econsim.schemas.scenario_cognition import Thinking


def strategist_prompt(
    thinking: Thinking,
    observation: AgentObservation,
    earlier: Sequence[ChatMessage],
    _: Toolbox = NO_TOOLS,
) -> Prompt:
    """Return the prompt of a cycle; a strategist has no tools."""
    schema = strategy_schema(tuple(market.resource for market in observation.markets))
    return cycle_prompt(thinking, observation, earlier, schema, STRATEGIST_TEMPLATES)


def strategist_cycle(
    thinking: Thinking,
    observation: AgentObservation,
    earlier: Sequence[ChatMessage],
    _: Toolbox = NO_TOOLS,
) -> Cycle:
    """Perceive and think once, unless there are fewer credits than the agent keeps for its orders."""
    if observation.credits < thinking.credits_min:
        return
    yield Think(strategist_prompt(thinking, observation, earlier), thinking.deadline_ms)
