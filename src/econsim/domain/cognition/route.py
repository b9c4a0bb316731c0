"""The model that a call asks for, the room that its prompt needs there, and the order in which its offers are asked. Pure.

A model's offers are asked in the scenario's order, each if those before it failed without a charge: the reservation
covers one answer, at the dearest offer. No further offer is asked once time is up. A replay asks no offer at all.
"""

from __future__ import annotations

from difflib import get_close_matches

from econsim.errors import NotFound, ProviderFailed, Refused
from econsim.schemas.cognition import CallFailure
from econsim.schemas.model_call import Prompt, TokenUsage
from econsim.schemas.scenario_cognition import Cognition, LlmModel


def model_of(cognition: Cognition, prompt: Prompt) -> LlmModel:
    """Return the model that a prompt names; raises NotFound if the run has none of this name."""
    for model in cognition.models:
        if model.name == prompt.model:
            return model
    names = [model.name for model in cognition.models]
    near = get_close_matches(prompt.model, names, n=1)
    remedy = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(names)}"
    message = f"the run has no model {prompt.model!r}; {remedy}"
    raise NotFound(message, code="model_is_not_in_this_run")


def require_room(model: LlmModel, bound: TokenUsage) -> None:
    """Raise Refused if a prompt and its longest answer are more than the model takes."""
    needed = bound.input_tokens + bound.output_tokens
    if needed > model.context_tokens:
        message = (
            f"the prompt may have {bound.input_tokens} tokens and its answer {bound.output_tokens}; "
            f"model {model.name!r} takes {model.context_tokens} together"
        )
        raise Refused(message, code="prompt_is_too_long")


def is_next_asked(error: ProviderFailed) -> bool:
    """Return whether the next offer of a model is asked after this failure of the one before."""
    charged = error.input_tokens or error.output_tokens
    return not charged and error.error_code != CallFailure.PROVIDER_TIMED_OUT
