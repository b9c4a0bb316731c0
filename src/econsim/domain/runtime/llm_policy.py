"""The policy `llm`: show a model the observation, and send the actions in its answer. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from econsim.domain.cognition.actions import answer_schema, parse_actions
from econsim.domain.cognition.observation import Observation
from econsim.domain.cognition.prompt import cycle_prompt
from econsim.domain.runtime.effects import Act, Answer, Cycle, Think
from econsim.schemas.cognition import LlmAnswer
from econsim.schemas.model_call import ChatMessage
from econsim.schemas.scenario_cognition import Thinking


def llm_cycle(thinking: Thinking, observation: Observation, earlier: Sequence[ChatMessage]) -> Cycle:
    """Perceive, think once, act; without an answer, or with one that cannot be read, the agent passes.

    An agent with fewer credits than it keeps for its orders does not think.
    """
    if observation.credits < thinking.credits_min:
        return
    prompt = cycle_prompt(thinking, observation, earlier, answer_schema(observation))
    answer: Answer = yield Think(prompt, thinking.deadline_ms)
    if isinstance(answer, LlmAnswer):
        yield Act(parse_actions(answer.content, observation, answer.ordinal).actions)
