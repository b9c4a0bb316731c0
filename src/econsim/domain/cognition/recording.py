"""The recorded outcomes of calls, looked up by causal position, and the divergence of a call from its recording. Pure.

The position alone is the key, and the prompt's digest is checked; no outcome is ever matched by content. Two equal
prompts at two positions have two outcomes, and two prompts that changed places are two divergences. A call without an
outcome is an error that names it: a recording has no live model to ask instead. Failures are recorded like answers.
"""

from __future__ import annotations

from collections.abc import Container, Iterable
from typing import Final

from econsim.domain.cognition.call import answer_digest, prompt_digest, prompt_text
from econsim.domain.cognition.prompt_bound import prompt_bound
from econsim.domain.cognition.prompt_difference import prompt_difference
from econsim.domain.cognition.token_count import count_prompt_tokens
from econsim.errors import CorruptLog, ProviderFailed
from econsim.schemas.cognition import CallOutcome, LlmInvoked
from econsim.schemas.model_call import Call, CallPosition, Completion, FinishReason, Prompt
from econsim.schemas.scenario_cognition import RULES

RECORDED: Final = "recorded"
"""Name of the provider that answers from a recording, whichever provider answered then."""


class Recording:
    """The outcomes of the calls of one run."""

    def __init__(self, outcomes: Iterable[CallOutcome] = ()) -> None:
        """Keep the first outcome of each position."""
        self._outcomes: dict[CallPosition, CallOutcome] = {}
        for outcome in outcomes:
            self._add(outcome)

    def __len__(self) -> int:
        """Return the number of recorded calls."""
        return len(self._outcomes)

    def evolve(self, invoked: LlmInvoked) -> None:
        """Take in the outcomes of one event of the log; a repeat of a position changes nothing."""
        for outcome in invoked.items:
            self._add(outcome)

    def find(self, call: Call) -> CallOutcome:
        """Return the recorded outcome of a call.

        Raises ProviderFailed for a call that is not recorded, and for one that was recorded with another prompt.
        """
        found = self._outcomes.get(call.position)
        if found is None:
            message = f"{_name(call.position)} is not recorded; {self._nearby(call.position)}"
            raise ProviderFailed(message, code="answer_is_not_recorded")
        asked = prompt_text(call.prompt)
        if found.prompt_digest and found.prompt_digest != prompt_digest(asked):
            message = f"{_name(call.position)} was recorded with another prompt: {_divergence(found, asked)}"
            raise ProviderFailed(message, code="recorded_prompt_differs")
        return found

    def missing_calls(self, asked: Container[CallPosition]) -> tuple[CallPosition, ...]:
        """Return the recorded calls that are not among those asked for, in causal order: a replay that diverged lacks some."""
        missing = (position for position in self._outcomes if position not in asked)
        return tuple(sorted(missing, key=lambda position: (position.cycle, position.agent, position.ordinal)))

    def _add(self, outcome: CallOutcome) -> None:
        position = CallPosition(outcome.agent, outcome.cycle, outcome.ordinal)
        self._outcomes.setdefault(position, outcome)

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


class RecordedProvider:
    """One provider of a recorded run, in whose place the recording answers; it has neither key nor network."""

    def __init__(self, recording: Recording, name: str = RECORDED) -> None:
        """Answer as the provider of this name did; as whichever answered, for `recorded`."""
        self.name = name
        self._recording = recording

    def count_input(self, prompt: Prompt) -> int:
        """Return the bound of a prompt's tokens that the provider had in the recorded run: reservations are alike too."""
        return count_prompt_tokens(prompt) if self.name == RULES else prompt_bound(prompt)

    def answer(self, call: Call) -> Completion:
        """Return the recorded answer to a call.

        A provider that failed before another one answered fails again, so that the other is asked. Raises ProviderFailed
        for this, for a recorded failure with its tokens, and as `Recording.find` does; CorruptLog for an answer that does
        not have its own digest.
        """
        found = self._recording.find(call)
        if found.provider and self.name not in (RECORDED, found.provider):
            message = f"{_name(call.position)} ended with provider {found.provider!r}, not with {self.name!r}"
            raise ProviderFailed(message, code="provider_failed")
        if found.failure is not None:
            code, usage = found.failure.value, found.usage
            raise ProviderFailed(
                found.message, code=code, input_tokens=usage.input_tokens, output_tokens=usage.output_tokens
            )
        return _completion(found)


def _name(position: CallPosition) -> str:
    return f"the call of agent {position.agent!r}, cycle {position.cycle}, ordinal {position.ordinal}"


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


def _completion(found: CallOutcome) -> Completion:
    position = CallPosition(found.agent, found.cycle, found.ordinal)
    if found.content is None:
        message = f"{_name(position)} was recorded without its text; record with record_text = true"
        raise ProviderFailed(message, code="answer_is_not_recorded")
    if answer_digest(found.content, found.tool_calls) != found.answer_digest:
        message = (
            f"{_name(position)} has a recorded answer that does not have its own digest {found.answer_digest}"
        )
        raise CorruptLog(message)
    reason = found.finish_reason or FinishReason.STOP
    return Completion(found.content, found.usage, found.tool_calls, reason)
