"""The provider `rules`: a deterministic policy that reads the same messages as a model and answers in the same form. Pure.

It needs no key, no network and no chance: the same prompt has the same answer on every machine. `rules_policy.py`
decides, `token_count.py` counts; here is the form of the answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import accumulate
from types import MappingProxyType
from typing import Any, Final

from pydantic import TypeAdapter

from econsim.domain.cognition.actions import answer_schema, asked_actions_max
from econsim.domain.cognition.observation import AgentObservation, prompt_observation
from econsim.domain.cognition.rules_policy import Row, policy_actions, policy_strategies
from econsim.domain.cognition.rules_tools import price_note, reference_price, wanted_calls
from econsim.domain.cognition.rules_work import delivered_price, has_work, work_calls
from econsim.domain.cognition.schema_check import schema_fault, text_fault
from econsim.domain.cognition.schema_example import schema_example
from econsim.domain.cognition.strategy import strategy_schema
from econsim.domain.cognition.token_count import (
    MESSAGE_TOKENS,
    count_prompt_tokens,
    count_tokens,
    cut_to_tokens,
)
from econsim.errors import ProviderFailed
from econsim.schemas.model_call import Completion, FinishReason, Prompt, TokenUsage, ToolCall
from econsim.schemas.shared_schema import schema_text

NOTHING_TO_DECIDE: Final = "There is no observation in the prompt, so there is nothing to decide."
"""Answer to a prompt without an observation."""

NO_REST: Final[Mapping[str, str]] = MappingProxyType({})
"""Nothing beside the rows of an answer."""

_JSON: Final = TypeAdapter(dict[str, object])


def rules_completion(prompt: Prompt) -> Completion:
    """Return the policy's answer to a prompt, at most `max_tokens` long.

    Raises ProviderFailed if the prompt asks for a schema that the policy has no answer to.
    """
    observation = prompt_observation(prompt)
    calls = _calls(prompt, observation) if observation and prompt.tools else ()
    if calls:
        usage = TokenUsage(count_prompt_tokens(prompt), sum(map(_call_tokens, calls)))
        return Completion("", usage, tool_calls=calls, finish_reason=FinishReason.TOOL_CALLS)
    text = _answer(prompt, observation)
    cut = cut_to_tokens(text, prompt.max_tokens)
    usage = TokenUsage(count_prompt_tokens(prompt), count_tokens(cut))
    reason = FinishReason.STOP if cut == text else FinishReason.LENGTH
    return Completion(cut, usage, finish_reason=reason)


def _calls(prompt: Prompt, observation: AgentObservation) -> tuple[ToolCall, ...]:
    """Return the tool calls of an answer, as many as fit into it."""
    wanted = work_calls(prompt, observation) if has_work(prompt) else wanted_calls(prompt, observation)
    sums = accumulate(map(_call_tokens, wanted))
    return tuple(call for call, tokens in zip(wanted, sums, strict=True) if tokens <= prompt.max_tokens)


def _call_tokens(call: ToolCall) -> int:
    return MESSAGE_TOKENS + count_tokens(call.name) + count_tokens(call.arguments)


def _answer(prompt: Prompt, observation: AgentObservation | None) -> str:
    schema = prompt.response_schema
    if observation is not None:
        resources = tuple(market.resource for market in observation.markets)
        if schema is None or _is_same(schema, answer_schema(observation)):
            reference = reference_price(prompt)
            if reference is None:
                reference = delivered_price(observation)
            rows = policy_actions(observation, reference)[: asked_actions_max(len(resources))]
            note = {} if reference is None else {"memory": price_note(reference)}
            return _fitting("actions", rows, prompt.max_tokens, note)
        if _is_same(schema, strategy_schema(resources)):
            return _fitting("strategies", policy_strategies(observation), prompt.max_tokens)
    return NOTHING_TO_DECIDE if schema is None else _example_text(schema)


def _is_same(schema: dict[str, Any], own: dict[str, Any]) -> bool:
    """Return whether a prompt asks for a schema of ours; fields in another order are no difference."""
    return schema_text(schema) == schema_text(own) or schema == own


def _fitting(name: str, rows: list[Row], tokens_max: int, rest: Mapping[str, str] = NO_REST) -> str:
    """Return the answer with as many rows as fit: a shorter answer is worth more than half an answer."""
    while True:
        text = _JSON.dump_json({name: rows, **rest}).decode()
        if not rows or count_tokens(text) <= tokens_max:
            return text
        rows.pop()


def _example_text(schema: dict[str, object]) -> str:
    fault = schema_fault(schema)
    if fault is None:
        # The value is inside an object only because the adapter writes objects.
        text = _JSON.dump_json({"": schema_example(schema)}).decode()[len('{"":') : -1]
        fault = text_fault(schema, text)
        if fault is None:
            return text
    message = f"provider 'rules' has no answer to this response_schema: {fault}; ask for actions, strategies or free text"
    raise ProviderFailed(message, code="provider_refused")
