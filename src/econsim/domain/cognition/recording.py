"""The recorded outcomes of calls, looked up by causal position, and the divergence of a call from its recording. Pure.

The position alone is the key, and the prompt's digest is checked; no outcome is ever matched by content. Two equal
prompts at two positions have two outcomes, and two prompts that changed places are two divergences. A call without an
outcome is an error that names it: a recording has no live model to ask instead. Failures are recorded like answers.
"""

from __future__ import annotations

from collections.abc import Container, Iterable
from typing import Final

from econsim import subjects
from econsim.domain.audit.decoding import as_event
from econsim.domain.audit.envelope import AddressedEvent
from econsim.domain.audit.facts import Record
from econsim.domain.cognition.call import answer_digest, call_name, prompt_digest, prompt_text
from econsim.domain.cognition.outcome import failure_outcome
from econsim.domain.cognition.plan import CallPlan
from econsim.domain.cognition.price import Cost
from econsim.domain.cognition.prompt_bound import prompt_bound
from econsim.domain.cognition.prompt_difference import prompt_difference
from econsim.domain.cognition.texts import with_text
from econsim.domain.cognition.token_count import count_prompt_tokens
from econsim.errors import CorruptLog, ProviderFailed, RecordingDiffers
from econsim.schemas.cognition import CallFailure, CallOutcome, LlmInvoked
from econsim.schemas.model_call import Call, CallPosition, Prompt
from econsim.schemas.scenario_cognition import RECORDED, RULES, Cognition, Offer

_MISSES: Final = frozenset({CallFailure.ANSWER_IS_NOT_RECORDED, CallFailure.RECORDED_PROMPT_DIFFERS})


class Recording:
    """The outcomes of the calls of one run."""

    def __init__(self, outcomes: Iterable[CallOutcome] = ()) -> None:
        """Keep the first outcome of each position."""
        self._outcomes: dict[CallPosition, CallOutcome] = {}
        for outcome in outcomes:
            self.add(outcome)

    def __len__(self) -> int:
        """Return the number of recorded calls."""
        return len(self._outcomes)

    def evolve(self, invoked: LlmInvoked) -> None:
        """Take in the outcomes of one event of the log; a repeat of a position changes nothing."""
        for outcome in invoked.items:
            self.add(outcome)

    def text_digest(self, position: CallPosition) -> str:
        """Return the digest of the stored text that a call's outcome needs; empty if it needs none."""
        found = self._outcomes.get(position)
        return found.text_digest if found else ""

    def find(self, call: Call, text: bytes | None = None) -> CallOutcome:
        """Return the recorded outcome of a call, with its `text` if that was stored by digest.

        Raises ProviderFailed for a call that is not recorded, one that was recorded with another prompt, and one whose text
        is lost.
        """
        found = self._outcomes.get(call.position)
        if found is None:
            message = f"{call_name(call.position)} is not recorded; {self._nearby(call.position)}"
            raise ProviderFailed(message, code="answer_is_not_recorded")
        if found.text_digest:
            try:
                found = with_text(found, text)
            except CorruptLog as lost:
                raise ProviderFailed(str(lost), code="answer_is_not_recorded") from lost
        asked = prompt_text(call.prompt)
        kept = asked if found.prompt is None else found.prompt
        if found.prompt_digest and not found.prompt_digest == prompt_digest(asked) == prompt_digest(kept):
            message = (
                f"{call_name(call.position)} was recorded with another prompt: {_divergence(found, asked)}"
            )
            raise ProviderFailed(message, code="recorded_prompt_differs")
        return found

    def outcome(self, cognition: Cognition, plan: CallPlan, text: bytes | None = None) -> CallOutcome:
        """Return the recorded outcome of a planned call as it was, with its `text` if that was stored by digest.

        For a divergence, return the failure that names it.
        """
        try:
            found = self.find(plan.call, text)
            if found.failure is None:
                _require_answer(found)
            _require_reserved(found, plan.worst)
        except ProviderFailed as divergence:
            return failure_outcome(cognition, plan, Offer(provider=RECORDED), divergence)
        return found

    def missing_calls(self, asked: Container[CallPosition]) -> tuple[CallPosition, ...]:
        """Return the recorded calls that are not among those asked for, in causal order: a replay that diverged lacks some."""
        missing = (position for position in self._outcomes if position not in asked)
        return tuple(sorted(missing, key=lambda position: (position.cycle, position.agent, position.ordinal)))

    def add(self, outcome: CallOutcome) -> None:
        """Take in an outcome; a repeat of a position changes nothing."""
        self._outcomes.setdefault(outcome.position, outcome)

    def _nearby(self, position: CallPosition) -> str:
        """Return a sentence about the recorded calls that are nearest to a missing one."""
        own = [each for each in self._outcomes if each.agent == position.agent]
        same = sorted(each.ordinal for each in own if each.cycle == position.cycle)
        if same:
            return f"the recording has ordinals {', '.join(map(str, same))} of this cycle"
        if own:
            cycles = [each.cycle for each in own]
            return f"the recording has calls of this agent in cycles {min(cycles)} to {max(cycles)}, none in this one"
        return f"the recording has {len(self._outcomes)} calls, none of this agent"


def recorded_input_bound(offer: Offer, prompt: Prompt) -> int:
    """Return the bound of a prompt's tokens that an offer's provider had in the recorded run: reservations are alike too."""
    return count_prompt_tokens(prompt) if offer.provider == RULES else prompt_bound(prompt)


class ReplayCheck:
    """The check of a replay, event by event; events of a run that is no replay pass."""

    def __init__(self, recording: Recording | None = None) -> None:
        """Compare with a recording; without one, as for a replay that is resumed, only look for calls it did not answer."""
        self._recording = recording
        self._asked: set[CallPosition] = set()

    def check(self, source: Record | AddressedEvent) -> None:
        """Take in an event; raises RecordingDiffers for a call that the recording did not answer."""
        if source.type != subjects.LLM_INVOKED.type:
            return
        data = as_event(source).event.data
        for item in data.items if isinstance(data, LlmInvoked) else ():
            if item.failure in _MISSES:
                raise RecordingDiffers(item.message, code=item.failure.value, receipt=item.id)
            self._asked.add(item.position)

    def result(self) -> str:
        """Return the result as a sentence, once the replay has ended; empty without a recording."""
        if self._recording is None:
            return ""
        missing = self._recording.missing_calls(self._asked)
        count = len(self._asked)
        answered = f"{count} {'call was' if count == 1 else 'calls were'} answered from the recording"
        return (
            f"{answered}; it has {len(missing)} more, first {call_name(missing[0])}" if missing else answered
        )


def _divergence(found: CallOutcome, asked: str) -> str:
    """Return the first difference of two prompts as a sentence; their digests if the recorded prompt was not kept."""
    if found.prompt is None:
        return (
            f"its digest is {prompt_digest(asked)}, recorded is {found.prompt_digest}; the text was not kept"
        )
    return (
        prompt_difference(found.prompt, asked)
        or f"the recorded digest {found.prompt_digest} is not of its text"
    )


def _require_answer(found: CallOutcome) -> None:
    """Raise ProviderFailed for an outcome whose answer is not there as it was given."""
    if found.content is None:
        message = f"{call_name(found.position)} was recorded without its text; record with record_text = true"
        raise ProviderFailed(message, code="answer_is_not_recorded")
    if answer_digest(found.content, found.tool_calls) != found.answer_digest:
        message = f"{call_name(found.position)} has a recorded answer that does not have its own digest {found.answer_digest}"
        raise ProviderFailed(message, code="answer_is_not_recorded")


def _require_reserved(found: CallOutcome, worst: Cost) -> None:
    """Raise ProviderFailed for an outcome that cost more than is reserved for it in the replay."""
    if found.price > worst.price or found.units > worst.units:
        message = (
            f"{call_name(found.position)} cost more when it was recorded than it reserves now: prices differ"
        )
        raise ProviderFailed(message, code="answer_is_not_recorded")
