"""Calls of models in a run in memory: the same plan, payment and outcome as over NATS, the calls of a step together."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence

from econsim.domain.audit.envelope import AddressedEvent, Envelope
from econsim.domain.cognition.events import invoked_event
from econsim.domain.cognition.outcome import Ended, answer_outcome, batch_answer, failure_outcome
from econsim.domain.cognition.payment import settlement
from econsim.domain.cognition.plan import CallPlan, plan_call, reservation_refusal
from econsim.domain.cognition.recording import Recording, recorded_input_bound
from econsim.domain.cognition.rules import rules_completion
from econsim.domain.cognition.texts import logged_outcomes
from econsim.domain.cognition.token_count import count_prompt_tokens
from econsim.domain.runtime.cycle_run import CycleRun, replies_of
from econsim.domain.runtime.effects import Answer, Use, UseReply
from econsim.errors import EconsimError, ProviderFailed, ScenarioError
from econsim.schemas.cognition import CallOutcome, HostedCall
from econsim.schemas.ledger import Chain, Refusal
from econsim.schemas.model_call import Call, Prompt
from econsim.schemas.scenario_cognition import RULES, Cognition, Offer

Post = Callable[[Sequence[Chain]], Generator[AddressedEvent, None, dict[str, Refusal]]]
"""Function that applies chains at the ledger: yields the journal's events, returns the refusals."""


MakeUses = Callable[[Envelope, Sequence[Use]], Generator[AddressedEvent, None, list[UseReply]]]
"""Function that makes requests which are no thoughts: yields their events, returns their replies."""


class InMemoryCalls:
    """The calls of a run in memory."""

    def __init__(
        self, cognition: Cognition, post: Post, use: MakeUses, recording: Recording | None = None
    ) -> None:
        """Pay through `post`, and have what is no thought done by `use`; with a recording, do not ask `rules`.

        Raises ScenarioError for an offer of another provider, unless the recording answers.
        """
        self._cognition = cognition
        self._post = post
        self._use = use
        self._recording = recording
        self.texts: dict[str, bytes] = {}
        """Digest → text of the newest calls whose texts are long; kept no longer, because only the agents read them."""
        if recording is None:
            _require_rules(cognition)

    def run(self, envelope: Envelope, cycles: Mapping[str, CycleRun]) -> Iterator[AddressedEvent]:
        """Run all cycles to their ends, side by side, and yield the events of their calls."""
        waiting = [(cycle, cycle.start()) for cycle in cycles.values()]
        while waiting := [(cycle, requests) for cycle, requests in waiting if requests]:
            made = [request for _, requests in waiting for request in requests]
            calls = [each for each in made if isinstance(each, HostedCall)]
            thoughts = iter((yield from self._invoke(envelope, calls)) if calls else ())
            replies = iter(
                (yield from self._use(envelope, [each for each in made if not isinstance(each, HostedCall)]))
            )
            waiting = [
                (cycle, cycle.resume(replies_of(requests, thoughts, replies))) for cycle, requests in waiting
            ]

    def _invoke(
        self, envelope: Envelope, hosted: Sequence[HostedCall]
    ) -> Generator[AddressedEvent, None, list[Answer]]:
        """Answer calls that are made at the same time: reserved, recorded and settled together."""
        plans = [self._plan(each.call(envelope.tick)) for each in hosted]
        planned = [plan.chain for plan in plans if isinstance(plan, CallPlan)]
        refused = (yield from self._post(planned)) if planned else {}
        ends = [self._end(plan, refused) for plan in plans]
        outcomes = [end for end in ends if isinstance(end, CallOutcome)]
        if outcomes:
            logged, self.texts = logged_outcomes(outcomes, has_text=self._cognition.record_text)
            yield invoked_event(envelope, logged)
            yield from self._post([settlement(each, self._cognition.resource) for each in outcomes])
        return [batch_answer(end) for end in ends]

    def _plan(self, call: Call) -> CallPlan | EconsimError:
        try:
            return plan_call(self._cognition, call, self._count_input)
        except EconsimError as error:
            return error

    def _end(self, plan: CallPlan | EconsimError, refused: Mapping[str, Refusal]) -> Ended:
        """Return how a call ends: its outcome, or the reason why no provider is asked."""
        if isinstance(plan, EconsimError):
            return plan
        if refusal := refused.get(plan.chain.id):
            return reservation_refusal(plan, refusal, self._cognition.resource)
        return self._ask(plan)

    def _ask(self, plan: CallPlan) -> CallOutcome:
        if self._recording is not None:
            return self._recording.outcome(self._cognition, plan)
        offer = plan.model.offers[0]
        try:
            return answer_outcome(self._cognition, plan, offer, rules_completion(plan.call.prompt))
        except ProviderFailed as failed:
            return failure_outcome(self._cognition, plan, offer, failed)

    def _count_input(self, offer: Offer, prompt: Prompt) -> int:
        if self._recording is not None:
            return recorded_input_bound(offer, prompt)
        return count_prompt_tokens(prompt)


def _require_rules(cognition: Cognition) -> None:
    """Raise ScenarioError for an offer of a provider that may answer the same call differently."""
    for model in cognition.models:
        for offer in model.offers:
            if offer.provider != RULES:
                message = (
                    f"model {model.name!r} is offered by {offer.provider!r}, but a run in memory asks only {RULES!r}, "
                    "which always answers alike; run it over NATS"
                )
                raise ScenarioError(message, key="offers")
