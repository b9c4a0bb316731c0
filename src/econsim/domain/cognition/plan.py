"""The plan of a call before a provider is asked: the model, the most that it can cost, and the reservation for it. Pure."""

from __future__ import annotations

from collections.abc import Callable

from econsim.domain.cognition.call import prompt_digest, prompt_text
from econsim.domain.cognition.payment import reservation
from econsim.domain.cognition.price import Cost, worst_case
from econsim.domain.cognition.route import model_of, require_room
from econsim.domain.cognition.schema_check import check_schemas
from econsim.errors import Refused
from econsim.schemas.immutable import immutable
from econsim.schemas.ledger import Chain, Refusal
from econsim.schemas.model_call import Call, Prompt, TokenUsage
from econsim.schemas.money import format_credits
from econsim.schemas.scenario_cognition import Cognition, LlmModel, Offer

CountInput = Callable[[Offer, Prompt], int]
"""Function that returns an offer's upper bound of the tokens of a prompt."""


@immutable
class CallPlan:
    """The plan of one call."""

    call: Call
    """Call that is planned."""
    prompt: str
    """Prompt of the call as JSON text."""
    digest: str
    """Digest of the prompt."""
    model: LlmModel
    """Model of the call."""
    bound: TokenUsage
    """Tokens that a provider can charge for, at most."""
    worst: Cost
    """Cost of the call, at most."""
    chain: Chain
    """Reservation of that cost."""


def plan_call(cognition: Cognition, call: Call, count_input: CountInput) -> CallPlan:
    """Return the plan of a call; raises Refused for an unknown model, a schema that is none, and a prompt that is too long."""
    model = model_of(cognition, call.prompt)
    check_schemas(call.prompt)
    counts = [count_input(offer, call.prompt) for offer in model.offers]
    bound = TokenUsage(max(counts), call.prompt.max_tokens)
    require_room(model, bound)
    worst = worst_case(cognition, model, bound)
    chain, text = reservation(call.position, worst, cognition.resource), prompt_text(call.prompt)
    return CallPlan(call, text, prompt_digest(text), model, bound, worst, chain)


def reservation_refusal(plan: CallPlan, refusal: Refusal, resource: str | None) -> Refused:
    """Return the error for a reservation that the ledger refused, with the price that the call would have cost."""
    units = f" and {plan.worst.units} units of {resource}" if resource else ""
    price = format_credits(plan.worst.price)
    message = f"the call may cost {price} credits{units}; the ledger says {refusal.value.replace('_', ' ')}"
    return Refused(message, code=refusal.value, price=plan.worst.price, units=plan.worst.units)
