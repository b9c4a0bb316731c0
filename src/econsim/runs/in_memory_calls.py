"""Calls of models in a run in memory: the same plan, payment and outcome as over NATS, one call after the other."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from typing import Final, Protocol

from econsim import subjects
from econsim.domain.audit.envelope import AddressedEvent, Envelope
from econsim.domain.cognition.outcome import agent_answer, answer_outcome, failure_outcome, without_text
from econsim.domain.cognition.payment import settlement
from econsim.domain.cognition.plan import CallPlan, plan_call, reservation_refusal
from econsim.domain.cognition.price import Cost
from econsim.domain.cognition.rules import rules_completion
from econsim.domain.cognition.token_count import count_prompt_tokens
from econsim.domain.runtime.cycle_run import CycleRun
from econsim.domain.runtime.effects import Answer
from econsim.errors import EconsimError, ProviderFailed, ScenarioError
from econsim.schemas.base import error_body
from econsim.schemas.cognition import CallOutcome, HostedCall, LlmInvoked
from econsim.schemas.ledger import Chain, Refusal
from econsim.schemas.model_call import Call, CallPosition, Completion, Prompt
from econsim.schemas.scenario_cognition import RULES, Cognition, Offer

ACTOR: Final = "cognition"
"""Actor of the events of calls."""

Post = Callable[[Sequence[Chain]], Generator[AddressedEvent, None, dict[str, Refusal]]]
"""Function that applies chains at the ledger: yields the journal's events, returns the refusals."""


class DeterministicProvider(Protocol):
    """A provider that answers at once, and the same call always alike."""

    def count_input(self, prompt: Prompt) -> int:
        """Return an upper bound of the tokens of a prompt."""

    def answer(self, call: Call) -> Completion:
        """Answer a call; raises ProviderFailed."""


class InMemoryRules:
    """The provider `rules`, without waiting."""

    def count_input(self, prompt: Prompt) -> int:
        """Return the tokens of a prompt."""
        return count_prompt_tokens(prompt)

    def answer(self, call: Call) -> Completion:
        """Answer a call by the rules."""
        return rules_completion(call.prompt)


class InMemoryCalls:
    """The calls of a run in memory."""

    def __init__(
        self, cognition: Cognition, post: Post, providers: Mapping[str, DeterministicProvider] | None = None
    ) -> None:
        """Pay through `post`; raises ScenarioError for an offer of a provider that is not deterministic."""
        self._cognition = cognition
        self._post = post
        self._providers = providers or {RULES: InMemoryRules()}
        for model in cognition.models:
            for offer in model.offers:
                if offer.provider not in self._providers:
                    message = (
                        f"model {model.name!r} is offered by {offer.provider!r}, but a run in memory asks only "
                        f"{', '.join(self._providers)}, which always answer alike; run it over NATS"
                    )
                    raise ScenarioError(message, key="offers")

    def run(self, envelope: Envelope, cycles: Mapping[str, CycleRun]) -> Iterator[AddressedEvent]:
        """Run all cycles to their ends, one after the other, and yield the events of their calls."""
        for cycle in cycles.values():
            calls = cycle.start()
            while calls:
                answers: list[Answer] = []
                for call in calls:
                    answer = yield from self._invoke(envelope, call)
                    answers.append(answer)
                calls = cycle.resume(answers)

    def _invoke(self, envelope: Envelope, hosted: HostedCall) -> Generator[AddressedEvent, None, Answer]:
        position = CallPosition(hosted.agent, hosted.cycle, hosted.ordinal)
        call = Call(position, hosted.prompt, tick=envelope.tick)
        try:
            plan = plan_call(self._cognition, call, self._count_input)
            refused = yield from self._post([plan.chain])
            if refusal := refused.get(plan.chain.id):
                raise reservation_refusal(plan, refusal, self._cognition.resource)
            outcome = self._ask(plan, call)
            yield self._event(envelope, outcome)
            cost = Cost(outcome.price, outcome.units)
            yield from self._post([settlement(position, cost, self._cognition.resource)])
            return agent_answer(outcome)
        except EconsimError as error:
            return error_body(error)

    def _ask(self, plan: CallPlan, call: Call) -> CallOutcome:
        offer = plan.model.offers[0]
        try:
            completion = self._providers[offer.provider].answer(call)
        except ProviderFailed as error:
            return failure_outcome(self._cognition, call, offer, error, plan.bound)
        return answer_outcome(self._cognition, call, offer, completion, plan.bound)

    def _count_input(self, offer: Offer, prompt: Prompt) -> int:
        return self._providers[offer.provider].count_input(prompt)

    def _event(self, envelope: Envelope, outcome: CallOutcome) -> AddressedEvent:
        kept = outcome if self._cognition.record_text else without_text(outcome)
        return envelope.event(subjects.LLM_INVOKED, ACTOR, LlmInvoked(items=(kept,)), outcome.id)
