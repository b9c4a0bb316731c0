"""The policy `llm`: show a model the observation, call the tools it asks for, and send the actions in its answer. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from econsim.domain.cognition.actions import answer_schema, parse_actions
from econsim.domain.cognition.observation import Observation
from econsim.domain.cognition.prompt import cycle_prompt
from econsim.domain.runtime.effects import Act, Answer, Cycle, Think, UseTool
from econsim.domain.runtime.tool_use import tool_definitions, tool_messages, tool_use
from econsim.schemas.cognition import LlmAnswer
from econsim.schemas.model_call import ChatMessage, ChatRole, Prompt
from econsim.schemas.scenario_cognition import Thinking
from econsim.schemas.scenario_tools import OfferedTool

ROUNDS_MAX: Final = 4
"""Answers of one cycle that may call tools; the model then answers without them."""


def llm_prompt(
    thinking: Thinking,
    observation: Observation,
    earlier: Sequence[ChatMessage],
    tools: Sequence[OfferedTool] = (),
) -> Prompt:
    """Return the prompt of a cycle."""
    prompt = cycle_prompt(thinking, observation, earlier, answer_schema(observation))
    return prompt.model_copy(update={"tools": tool_definitions(tools)}) if tools else prompt


def llm_cycle(
    thinking: Thinking,
    observation: Observation,
    earlier: Sequence[ChatMessage],
    tools: Sequence[OfferedTool] = (),
) -> Cycle:
    """Perceive, think, use tools until the model answers without, act.

    Without an answer, or with one that cannot be read, the agent passes. An agent with fewer credits than it keeps for its
    orders does not think.
    """
    if observation.credits < thinking.credits_min:
        return
    prompt = llm_prompt(thinking, observation, earlier, tools)
    answer: Answer = yield Think(prompt, thinking.deadline_ms)
    for rounds_left in range(ROUNDS_MAX - 1, -1, -1):
        if not isinstance(answer, LlmAnswer) or not answer.tool_calls:
            break
        uses = [tool_use(call, tools) for call in answer.tool_calls]
        replies = yield tuple(use for use in uses if isinstance(use, UseTool))
        asked = ChatMessage(ChatRole.ASSISTANT, answer.content, answer.tool_calls)
        results = tool_messages(answer.tool_calls, uses, replies)
        update = {
            "messages": (*prompt.messages, asked, *results),
            "tools": prompt.tools if rounds_left else (),
        }
        prompt = prompt.model_copy(update=update)
        answer = yield Think(prompt, thinking.deadline_ms)
    if isinstance(answer, LlmAnswer):
        yield Act(parse_actions(answer.content, observation, answer.ordinal).actions)
