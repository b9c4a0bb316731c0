"""The policy `llm`: show a model the observation, and send the actions in its answer. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from econsim.domain.cognition.actions import action_schema, parse_actions
from econsim.domain.cognition.observation import Observation, observation_text
from econsim.domain.runtime.effects import Act, Answer, Cycle, Think
from econsim.schemas.cognition import LlmAnswer
from econsim.schemas.model_call import ChatMessage, ChatRole, Prompt
from econsim.schemas.scenario_cognition import Thinking

SYSTEM: Final = (
    "You trade on markets for {agent}. Each message shows what you know: your credits, your units, the prices of each "
    "market, and the private value (side bid) or cost (side ask) of your next unit there. Buy below your value, sell "
    "above your cost. Answer with JSON alone: a list of actions, and a short memory for yourself if you need one."
)
"""System message of a group that gives none."""


def llm_cycle(thinking: Thinking, observation: Observation, earlier: Sequence[ChatMessage]) -> Cycle:
    """Perceive, think once, act; without an answer, or with one that cannot be read, the agent passes."""
    schema = action_schema(tuple(market.resource for market in observation.markets))
    prompt = cycle_prompt(thinking, observation, earlier, schema)
    answer: Answer = yield Think(prompt, thinking.deadline_ms)
    if isinstance(answer, LlmAnswer):
        yield Act(parse_actions(answer.content, observation, answer.ordinal).actions)


def cycle_prompt(
    thinking: Thinking, observation: Observation, earlier: Sequence[ChatMessage], schema: dict[str, Any]
) -> Prompt:
    """Return the prompt of a cycle: the system message, the earlier turns, and the observation."""
    system = ChatMessage(ChatRole.SYSTEM, (thinking.system or SYSTEM).replace("{agent}", observation.agent))
    user = ChatMessage(ChatRole.USER, observation_text(observation))
    return Prompt(
        messages=(system, *earlier, user),
        max_tokens=thinking.max_tokens,
        model=thinking.model,
        response_schema=schema,
    )
