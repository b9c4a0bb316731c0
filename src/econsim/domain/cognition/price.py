"""Prices of calls in micro-credits and in units of the token resource. Pure; all sums are integers, rounded up.

A price is known before the call: the worst case is the bound of the prompt's tokens and all of `max_tokens`, at the
dearest offer of the model. The charge is never above it, whatever a provider says it counted.
"""

from __future__ import annotations

from typing import Final

from econsim.schemas.immutable import immutable
from econsim.schemas.model_call import TokenUsage
from econsim.schemas.scenario_cognition import Cognition, LlmModel, Offer

TOKENS_PER_PRICE: Final = 1_000_000
"""Tokens that the price of an offer is for."""


@immutable
class Cost:
    """The cost of a call."""

    price: int
    """Price of the call, micro-credits."""
    units: int = 0
    """Units of the scenario's token resource that the call uses up."""


def worst_case(cognition: Cognition, model: LlmModel, bound: TokenUsage) -> Cost:
    """Return the highest possible cost of a call: tokens up to `bound`, at the dearest offer of the model."""
    price = max(_price(offer, bound) for offer in model.offers)
    return Cost(price, token_units(cognition, bound.input_tokens + bound.output_tokens))


def actual_cost(cognition: Cognition, offer: Offer, usage: TokenUsage) -> Cost:
    """Return the cost of a call that used these tokens of an offer."""
    return Cost(_price(offer, usage), token_units(cognition, usage.input_tokens + usage.output_tokens))


def bounded_usage(usage: TokenUsage, bound: TokenUsage) -> tuple[TokenUsage, bool]:
    """Return the tokens to charge for, never above the bound, and whether the provider's count was above it."""
    charged = TokenUsage(
        min(usage.input_tokens, bound.input_tokens), min(usage.output_tokens, bound.output_tokens)
    )
    return charged, charged != usage


def _price(offer: Offer, usage: TokenUsage) -> int:
    exact = usage.input_tokens * offer.input_price + usage.output_tokens * offer.output_price
    return -(-exact // TOKENS_PER_PRICE)


def token_units(cognition: Cognition, tokens: int) -> int:
    """Return the units of the token resource that so many tokens use up; 0 if thinking costs credits alone."""
    return 0 if cognition.resource is None else -(-tokens // cognition.tokens_per_unit)
