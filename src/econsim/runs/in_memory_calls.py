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
from econsim.domain.cognition.recording import Recording, recorded_input_bound
from econsim.domain.cognition.route import is_next_asked
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
        self,
        cognition: Cognition,
        post: Post,
        providers: Mapping[str, DeterministicProvider] | None = None,
        recording: Recording | None = None,
    ) -> None:
        """Pay through `post`; with a recording, ask no provider.

        Raises ScenarioError for an offer of a provider that is not deterministic, unless the recording answers.
        """
        self._cognition = cognition
        self._post = post
        self._providers = providers or {RULES: InMemoryRules()}
        self._recording = recording
        if recording is None:
            self._require_deterministic()

    def run(self, envelope: Envelope, cycles: Mapping[str, CycleRun]) -> Iterator[AddressedEvent]:
        """Run all cycles to their ends, side by side, and yield the events of their calls."""
        waiting = [(cycle, cycle.start()) for cycle in cycles.values()]
        while waiting := [(cycle, calls) for cycle, calls in waiting if calls]:
            answers = yield from self._invoke(envelope, [call for _, calls in waiting for call in calls])
            found = iter(answers)
            waiting = [(cycle, cycle.resume([next(found) for _ in calls])) for cycle, calls in waiting]

    def _require_deterministic(self) -> None:
        for model in self._cognition.models:
            for offer in model.offers:
                if offer.provider not in self._providers:
                    message = (
                        f"model {model.name!r} is offered by {offer.provider!r}, but a run in memory asks only "
                        f"{', '.join(self._providers)}, which always answer alike; run it over NATS"
                    )
                    raise ScenarioError(message, key="offers")

    def _invoke(
        self, envelope: Envelope, hosted: Sequence[HostedCall]
    ) -> Generator[AddressedEvent, None, list[Answer]]:
        """Answer calls that are made at the same time: reserved, recorded and settled together."""
        calls = [
            Call(CallPosition(each.agent, each.cycle, each.ordinal), each.prompt, tick=envelope.tick)
            for each in hosted
        ]
        plans = [self._plan(call) for call in calls]
        planned = [plan.chain for plan in plans if isinstance(plan, CallPlan)]
        refused = (yield from self._post(planned)) if planned else {}
        ends = [self._end(plan, refused) for plan in plans]
        outcomes = [end for end in ends if isinstance(end, CallOutcome)]
        if outcomes:
            yield self._event(envelope, outcomes)
            yield from self._post([self._settlement(outcome) for outcome in outcomes])
        return [_answer(end) for end in ends]

    def _plan(self, call: Call) -> CallPlan | EconsimError:
        try:
            return plan_call(self._cognition, call, self._count_input)
        except EconsimError as error:
            return error

    def _end(
        self, plan: CallPlan | EconsimError, refused: Mapping[str, Refusal]
    ) -> CallOutcome | EconsimError:
        """Return how a call ends: its outcome, or the reason why no provider is asked."""
        if isinstance(plan, EconsimError):
            return plan
        if refusal := refused.get(plan.chain.id):
            return reservation_refusal(plan, refusal, self._cognition.resource)
        return self._ask(plan)

    def _settlement(self, outcome: CallOutcome) -> Chain:
        position = CallPosition(outcome.agent, outcome.cycle, outcome.ordinal)
        return settlement(position, Cost(outcome.price, outcome.units), self._cognition.resource)

    def _ask(self, plan: CallPlan) -> CallOutcome:
        if self._recording is not None:
            return self._recording.outcome(self._cognition, plan)
        failed, offer = ProviderFailed(), plan.model.offers[0]
        for offer in plan.model.offers:
            try:
                completion = self._providers[offer.provider].answer(plan.call)
                return answer_outcome(self._cognition, plan, offer, completion)
            except ProviderFailed as error:
                failed = error
                if not is_next_asked(error):
                    break
        return failure_outcome(self._cognition, plan, offer, failed)

    def _count_input(self, offer: Offer, prompt: Prompt) -> int:
        if self._recording is not None:
            return recorded_input_bound(offer, prompt)
        return self._providers[offer.provider].count_input(prompt)

    def _event(self, envelope: Envelope, outcomes: Sequence[CallOutcome]) -> AddressedEvent:
        kept = outcomes if self._cognition.record_text else map(without_text, outcomes)
        data = LlmInvoked.model_construct(items=tuple(kept))
        return envelope.event(subjects.LLM_INVOKED, ACTOR, data, outcomes[0].id)


def _answer(end: CallOutcome | EconsimError) -> Answer:
    try:
        return error_body(end) if isinstance(end, EconsimError) else agent_answer(end)
    except EconsimError as error:
        return error_body(error)
