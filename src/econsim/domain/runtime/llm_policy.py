"""The policy `llm`: show a model the observation, call the tools it asks for, and send the actions in its answer. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from econsim.domain.cognition.actions import answer_schema, parse_actions
from econsim.domain.cognition.observation import AgentObservation
from econsim.domain.cognition.prompt import cycle_prompt
from econsim.domain.runtime.effects import Act, Answer, Cycle, Think
from econsim.domain.runtime.own_tools import OwnCalls
from econsim.domain.runtime.tool_use import Toolbox, tool_messages
from econsim.schemas.cognition import LlmAnswer
from econsim.schemas.model_call import ChatMessage, ChatRole, Prompt
from econsim.schemas.scenario_cognition import Thinking

NO_TOOLS: Final = Toolbox()
"""Tools of an agent that has none."""

ROUNDS_MAX: Final = 4
"""Answers of one cycle that may call tools; the model then answers without them."""


def llm_prompt(
    thinking: Thinking,
    observation: AgentObservation,
    earlier: Sequence[ChatMessage],
    toolbox: Toolbox = NO_TOOLS,
) -> Prompt:
    """Return the prompt of a cycle."""
    prompt = cycle_prompt(thinking, observation, earlier, answer_schema(observation))
    tools = toolbox.definitions()
    return prompt.model_copy(update={"tools": tools}) if tools else prompt


def llm_cycle(
    thinking: Thinking,
    observation: AgentObservation,
    earlier: Sequence[ChatMessage],
    toolbox: Toolbox = NO_TOOLS,
) -> Cycle:
    """Perceive, think, use tools until the model answers without, act.

    Without an answer, or with one that cannot be read, the agent passes. An agent with fewer credits than it keeps for its
    orders does not think.
    """
    if observation.credits < thinking.credits_min:
        return
    prompt = llm_prompt(thinking, observation, earlier, toolbox)
    own_calls = OwnCalls(observation, toolbox.takers)
    answer: Answer = yield Think(prompt, thinking.deadline_ms)
    for rounds_left in range(ROUNDS_MAX - 1, -1, -1):
        if not isinstance(answer, LlmAnswer) or not answer.tool_calls:
            break
        uses = [toolbox.effect(call, own_calls) for call in answer.tool_calls]
        replies = yield tuple(use for use in uses if not isinstance(use, str))
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
