"""The providers of a cognition worker: `rules`, and those that the operator configured."""

from __future__ import annotations

from collections.abc import Mapping

from econsim.domain.cognition.rules import rules_completion
from econsim.domain.cognition.token_count import count_prompt_tokens
from econsim.ports import ModelProvider, OnText
from econsim.schemas.model_call import Call, Completion, Prompt
from econsim.schemas.scenario_cognition import RULES


class RulesProvider:
    """The provider `rules`: a deterministic policy that answers at once, without key or network."""

    name = RULES
    calls_max = 1_000_000

    def count_input(self, prompt: Prompt) -> int:
        """Return the tokens of a prompt."""
        return count_prompt_tokens(prompt)

    async def complete(self, call: Call, on_text: OnText | None = None) -> Completion:
        """Answer a call by the rules."""
        completion = rules_completion(call.prompt)
        if on_text is not None:
            on_text(completion.content)
        return completion


def configured_providers() -> Mapping[str, ModelProvider]:
    """Return the providers of this worker by name."""
    return {RULES: RulesProvider()}
