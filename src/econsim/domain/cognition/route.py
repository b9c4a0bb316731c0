"""The model that a call asks for, and the room that its prompt needs there. Pure."""

from __future__ import annotations

from econsim.errors import NotFound, Refused
from econsim.schemas.model_call import Prompt, TokenUsage
from econsim.schemas.scenario_cognition import Cognition, LlmModel


def model_of(cognition: Cognition, prompt: Prompt) -> LlmModel:
    """Return the model that a prompt names; raises NotFound if the run has none of this name."""
    for model in cognition.models:
        if model.name == prompt.model:
            return model
    names = ", ".join(model.name for model in cognition.models)
    message = f"the run has no model {prompt.model!r}; it has {names}"
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
