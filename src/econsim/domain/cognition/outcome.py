"""The outcome of a call, made of a provider's answer or of its failure; and the reply of the agent. Pure.

Charging rule: an answer costs the tokens that its provider counted; a failure costs the tokens that the provider
charges for, which is nothing if it never answered. No charge is above the reservation.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from econsim.domain.cognition.call import answer_digest, receipt
from econsim.domain.cognition.calls import UNKNOWN
from econsim.domain.cognition.plan import CallPlan
from econsim.domain.cognition.price import Cost, actual_cost, bounded_usage
from econsim.domain.cognition.schema_check import answer_fault
from econsim.domain.cognition.token_count import count_prompt_tokens, count_tokens
from econsim.errors import EconsimError, ProviderFailed, Refused
from econsim.schemas.base import ErrorBody, blank, error_body
from econsim.schemas.cognition import CallFailure, CallOutcome, LlmAnswer
from econsim.schemas.model_call import CallPosition, Completion, FinishReason, TokenUsage
from econsim.schemas.money import format_credits
from econsim.schemas.scenario_cognition import Cognition, Offer

ANSWER_LENGTH_MAX: Final = 2**20
"""Characters of an answer: escaped as JSON, and stored with the longest prompt, they stay below the 8 MiB of a message."""

NO_TOKENS: Final = TokenUsage(0, 0)
"""Tokens of a call that no provider answered."""

Ended = CallOutcome | EconsimError
"""End of a call: its outcome, or the reason why no provider is asked."""

UNKNOWN_MODEL: Final = "unknown"
"""Model of a call whose request is lost."""


def answer_outcome(cognition: Cognition, plan: CallPlan, offer: Offer, completion: Completion) -> CallOutcome:
    """Return the outcome of an answered call.

    A provider that counts no tokens, or none for an answer that has text, is charged by our own count. An answer that is too
    long, or does not follow the asked schema, is a failure that costs as much.
    """
    usage, is_doubted = bounded_usage(completion.usage or _own_count(plan, completion), plan.bound)
    if completion.content and not usage.output_tokens:
        usage, is_doubted = bounded_usage(_own_count(plan, completion), plan.bound)[0], True
    if error := _answer_failure(plan, completion, usage):
        return replace(failure_outcome(cognition, plan, offer, error), is_usage_doubted=is_doubted)
    return CallOutcome(
        **_paid_fields(plan, offer, usage, actual_cost(cognition, offer, usage)),
        answer_digest=answer_digest(completion.content, completion.tool_calls),
        finish_reason=completion.finish_reason,
        is_usage_doubted=is_doubted,
        content=completion.content,
        tool_calls=completion.tool_calls,
    )


def _own_count(plan: CallPlan, completion: Completion) -> TokenUsage:
    return TokenUsage(count_prompt_tokens(plan.call.prompt), count_tokens(completion.content))


def _answer_failure(plan: CallPlan, completion: Completion, usage: TokenUsage) -> ProviderFailed | None:
    """Return the failure of an answer that cannot be taken, charged as the answer; None for one that can."""
    length = len(completion.content) + sum(len(call.arguments) for call in completion.tool_calls)
    if length > ANSWER_LENGTH_MAX:
        code = CallFailure.ANSWER_IS_TOO_LARGE
        message = f"the answer has {length} characters; at most {ANSWER_LENGTH_MAX} are taken"
    elif fault := answer_fault(plan.call.prompt, completion):
        code = CallFailure.ANSWER_IS_MALFORMED
        message = f"the answer does not follow the asked schema: {fault}"
    else:
        return None
    return ProviderFailed(
        message, code=code.value, input_tokens=usage.input_tokens, output_tokens=usage.output_tokens
    )


def failure_outcome(cognition: Cognition, plan: CallPlan, offer: Offer, error: ProviderFailed) -> CallOutcome:
    """Return the outcome of a failed call, with the tokens that the provider charges for."""
    usage, is_doubted = bounded_usage(TokenUsage(error.input_tokens, error.output_tokens), plan.bound)
    return CallOutcome(
        **_paid_fields(plan, offer, usage, actual_cost(cognition, offer, usage)),
        failure=CallFailure(error.error_code),
        message=str(error),
        is_usage_doubted=is_doubted,
    )


def abandoned_outcome(position: CallPosition) -> CallOutcome:
    """Return the outcome of a call whose worker ended before it, and that nobody asked for again: nothing is charged."""
    message = "the service ended during the call, and nobody asked again before the deadline"
    agent, cycle, ordinal = position
    return CallOutcome(
        id=receipt(position),
        agent=agent,
        cycle=cycle,
        ordinal=ordinal,
        model=UNKNOWN_MODEL,
        provider="",
        usage=NO_TOKENS,
        price=0,
        units=0,
        prompt_digest=UNKNOWN,
        failure=CallFailure.OUTCOME_IS_UNKNOWN,
        message=message,
    )


_ANSWER: Final = blank(LlmAnswer)


def agent_answer(outcome: CallOutcome) -> LlmAnswer:
    """Return the reply to the agent that asked.

    Raises ProviderFailed for a failed call, and Refused for an answer whose text was not kept.
    """
    if outcome.failure is not None:
        message = f"{outcome.message}; {format_credits(outcome.price)} credits were charged"
        raise ProviderFailed(message, code=outcome.failure.value, receipt=outcome.id, price=outcome.price)
    if outcome.content is None:
        message = (
            "the call was answered and paid, but this scenario keeps no text; its answer cannot be repeated"
        )
        raise Refused(message, code="answer_text_is_not_kept", receipt=outcome.id)
    fields = {
        "receipt": outcome.id,
        "cycle": outcome.cycle,
        "ordinal": outcome.ordinal,
        "model": outcome.model,
        "provider": outcome.provider,
        "content": outcome.content,
        "tool_calls": outcome.tool_calls,
        "finish_reason": outcome.finish_reason or FinishReason.STOP,
        "usage": outcome.usage,
        "price": outcome.price,
        "units": outcome.units,
    }
    return _ANSWER.model_copy(update=fields)


def batch_answer(end: Ended) -> LlmAnswer | ErrorBody:
    """Return the reply to one call among others."""
    try:
        return error_body(end) if isinstance(end, EconsimError) else agent_answer(end)
    except EconsimError as error:
        return error_body(error)


def _paid_fields(plan: CallPlan, offer: Offer, usage: TokenUsage, cost: Cost) -> dict[str, Any]:
    """Return the fields that answers and failures have alike."""
    agent, cycle, ordinal = plan.call.position
    return {
        "id": receipt(plan.call.position),
        "agent": agent,
        "cycle": cycle,
        "ordinal": ordinal,
        "model": plan.call.prompt.model,
        "provider": offer.provider,
        "usage": usage,
        "price": cost.price,
        "units": cost.units,
        "prompt_digest": plan.digest,
        "prompt": plan.prompt,
    }
