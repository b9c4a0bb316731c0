"""The providers of a cognition worker: `rules`, and those that the operator configured."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from econsim.adapters.models.limits import LimitedProvider
from econsim.adapters.models.provider_file import read_providers
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
        return self.completion(call.prompt, on_text)

    def completion(self, prompt: Prompt, on_text: OnText | None = None) -> Completion:
        """Return the answer to a prompt; raises ProviderFailed for a schema that the rules have no answer to."""
        completion = rules_completion(prompt)
        if on_text is not None:
            on_text(completion.content)
        return completion


def configured_providers(file: Path | None, environment: Mapping[str, str]) -> Mapping[str, ModelProvider]:
    """Return the providers of this worker by name; raises SetupError for a file that cannot be used."""
    rules = RulesProvider()
    return {RULES: rules} if file is None else {RULES: rules, **read_providers(file, environment)}


async def close_providers(providers: Mapping[str, ModelProvider]) -> None:
    """Close the connections of the providers that have any."""
    for provider in providers.values():
        if isinstance(provider, LimitedProvider):
            await provider.close()
