"""The policy `llm`: show a model the observation, and send the actions in its answer. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from econsim.domain.cognition.actions import answer_schema, parse_actions
from econsim.domain.cognition.observation import Observation
from econsim.domain.cognition.prompt import cycle_prompt
from econsim.domain.runtime.effects import Act, Answer, Cycle, Think
from econsim.schemas.cognition import LlmAnswer
from econsim.schemas.model_call import ChatMessage, Prompt
from econsim.schemas.scenario_cognition import Thinking


def llm_prompt(thinking: Thinking, observation: Observation, earlier: Sequence[ChatMessage]) -> Prompt:
    """Return the prompt of a cycle."""
    return cycle_prompt(thinking, observation, earlier, answer_schema(observation))


def llm_cycle(thinking: Thinking, observation: Observation, earlier: Sequence[ChatMessage]) -> Cycle:
    """Perceive, think once, act; without an answer, or with one that cannot be read, the agent passes.

    An agent with fewer credits than it keeps for its orders does not think.
    """
    if observation.credits < thinking.credits_min:
        return
    answer: Answer = yield Think(llm_prompt(thinking, observation, earlier), thinking.deadline_ms)
    if isinstance(answer, LlmAnswer):
        yield Act(parse_actions(answer.content, observation, answer.ordinal).actions)
