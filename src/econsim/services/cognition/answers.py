"""The answers to calls: from the providers of a model in turn, or from a recording, with no model asked."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Final, Protocol

from econsim.domain.cognition.outcome import answer_outcome, failure_outcome
from econsim.domain.cognition.plan import CallPlan
from econsim.domain.cognition.recording import Recording, recorded_input_bound
from econsim.domain.cognition.route import is_next_asked
from econsim.errors import ProviderFailed, Refused
from econsim.ports import ModelProvider, OnText, TextStore
from econsim.schemas.cognition import CallFailure, CallOutcome
from econsim.schemas.model_call import Prompt
from econsim.schemas.scenario_cognition import Cognition, Offer
from econsim.services.cognition.providers import RulesProvider

MILLISECONDS: Final = 1_000
"""Milliseconds in a second."""


class Answers(Protocol):
    """A source of answers to the calls of one run."""

    def count_input(self, offer: Offer, prompt: Prompt) -> int:
        """Return an offer's upper bound of the tokens of a prompt; raises Refused for an offer of nobody here."""

    def at_once(self, plan: CallPlan, on_text: OnText | None) -> CallOutcome | None:
        """Return how a call that is paid for ends if that is known without waiting; none if it is to be asked."""

    async def ask(self, plan: CallPlan, on_text: OnText | None) -> CallOutcome:
        """Return how a call that is paid for ends; a failure is an outcome too."""


class ProviderAnswers:
    """Answers of providers."""

    def __init__(self, cognition: Cognition, providers: Mapping[str, ModelProvider]) -> None:
        """Ask these providers, by the names that the scenario offers them under."""
        self._cognition = cognition
        self._providers = providers

    def count_input(self, offer: Offer, prompt: Prompt) -> int:
        """Return the provider's upper bound of the tokens of a prompt; raises Refused if it is not configured."""
        return self._provider(offer).count_input(prompt)

    def at_once(self, plan: CallPlan, on_text: OnText | None) -> CallOutcome | None:
        """Return the answer of the model's first provider, if that is `rules`; a thousand agents that ask it need no task each."""
        offer = plan.model.offers[0]
        provider = self._provider(offer)
        if not isinstance(provider, RulesProvider):
            return None
        try:
            completion = provider.completion(plan.call.prompt, on_text)
        except ProviderFailed:  # the next provider may be asked
            return None
        return answer_outcome(self._cognition, plan, offer, completion)

    async def ask(self, plan: CallPlan, on_text: OnText | None) -> CallOutcome:
        """Ask the providers of the model in turn, until one answers, charges for its failure, or time is up."""
        failed = ProviderFailed()
        call, offer = plan.call, plan.model.offers[0]
        deadline = asyncio.get_running_loop().time() + call.deadline_ms / MILLISECONDS
        for offer in plan.model.offers:
            try:
                async with asyncio.timeout_at(deadline):
                    asked = replace(call, deadline_ms=_milliseconds_until(deadline))
                    completion = await self._provider(offer).complete(asked, on_text)
                return answer_outcome(self._cognition, plan, offer, completion)
            except TimeoutError:
                message = f"{offer.provider} did not answer within {call.deadline_ms} ms"
                failed = ProviderFailed(message, code=CallFailure.PROVIDER_TIMED_OUT.value)
                break
            except ProviderFailed as error:
                failed = error
                if not is_next_asked(error):
                    break
        return failure_outcome(self._cognition, plan, offer, failed)

    def _provider(self, offer: Offer) -> ModelProvider:
        if offer.provider not in self._providers:
            message = (
                f"no provider {offer.provider!r} is configured here; there are {', '.join(self._providers)}"
            )
            raise Refused(message, code="provider_is_not_configured")
        return self._providers[offer.provider]


class RecordedAnswers:
    """Answers of a recorded run."""

    def __init__(self, cognition: Cognition, recording: Recording, texts: TextStore) -> None:
        """Answer from a recording alone, whose long texts are in a store."""
        self._cognition = cognition
        self._recording = recording
        self._texts = texts

    def count_input(self, offer: Offer, prompt: Prompt) -> int:
        """Return the bound that the offer's provider had in the recorded run."""
        return recorded_input_bound(offer, prompt)

    def at_once(self, plan: CallPlan, on_text: OnText | None) -> CallOutcome | None:
        """Return the recorded outcome, unless its text is in the store; for a divergence, the failure that names it."""
        is_stored = bool(self._recording.text_digest(plan.call.position))
        return None if is_stored else self._outcome(plan, None, on_text)

    async def ask(self, plan: CallPlan, on_text: OnText | None) -> CallOutcome:
        """Return the recorded outcome; for a divergence, the failure that names it."""
        digest = self._recording.text_digest(plan.call.position)
        return self._outcome(plan, await self._texts.get(digest) if digest else None, on_text)

    def _outcome(self, plan: CallPlan, text: bytes | None, on_text: OnText | None) -> CallOutcome:
        outcome = self._recording.outcome(self._cognition, plan, text)
        if on_text is not None and outcome.content is not None:
            on_text(outcome.content)
        return outcome


def _milliseconds_until(deadline: float) -> int:
    """Return the milliseconds that are left for a provider, at least 1: a later one has less than the call."""
    return max(1, int((deadline - asyncio.get_running_loop().time()) * MILLISECONDS))
