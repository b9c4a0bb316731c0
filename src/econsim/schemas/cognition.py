"""Calls of language models: the requests of agents, their answers, and the events about both.

A call has a causal position: agent, cycle and ordinal within the cycle. The position is the call's idempotency key and
the key of its record; two calls with equal prompts at two positions are two calls (decision 0027).
"""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field

from econsim.schemas.base import CONFIG, Command, ErrorBody, Message, Request, Word
from econsim.schemas.immutable import immutable
from econsim.schemas.model_call import Call, CallPosition, FinishReason, Ordinal, Prompt, TokenUsage, ToolCall
from econsim.schemas.model_limits import DEADLINE_MS_MAX, ModelName
from econsim.schemas.types import Amount, Identifier, Name, Tick

PROMPT_BYTES_MAX: Final = 256 * 1024
"""Bytes of one request of an agent: a prompt of about 64 000 tokens. An external agent's message is smaller still
(`identity/agent_account.py`)."""

CALLS_PER_BATCH_MAX: Final = 500
"""Calls in one batch of a host, and items in one event: with prompts of 4 kB they stay below 8 MiB."""


def _is_empty(value: str) -> bool:
    return not value


class InvokeLlm(Prompt, Request):
    """An agent's request for a completion by a language model, paid from its own balance."""

    cycle: Tick | None = None
    """Cycle of the call; none for the newest tick."""
    ordinal: Ordinal | None = None
    """Place of the call in its cycle, the key of a safe repeat; none for the next free place: a repeat is then a new call."""
    deadline_ms: Annotated[int, Field(strict=True, ge=1, le=DEADLINE_MS_MAX)] = DEADLINE_MS_MAX
    """Milliseconds until the call ends with `provider_timed_out`."""
    partial: bool = False
    """True to receive the text as it grows, on `llm.partial`."""

    @property
    def prompt(self) -> Prompt:
        """Return the part of the request that decides the answer."""
        return Prompt.model_construct(**{name: getattr(self, name) for name in Prompt.model_fields})


@immutable
class HostedCall:
    """One call in a host's batch."""

    __pydantic_config__ = CONFIG

    agent: Name
    """Agent that asks and pays."""
    cycle: Tick
    """Cycle of the call."""
    ordinal: Ordinal
    """Place of the call in its cycle."""
    prompt: Prompt
    """Prompt of the call."""
    deadline_ms: Annotated[int, Field(strict=True, ge=1, le=DEADLINE_MS_MAX)] = DEADLINE_MS_MAX
    """Milliseconds until the call ends with `provider_timed_out`."""

    def call(self, tick: int, causation_id: str | None = None) -> Call:
        """Return the call, made at a tick for a cause."""
        position = CallPosition(self.agent, self.cycle, self.ordinal)
        return Call(position, self.prompt, self.deadline_ms, tick, causation_id)


class InvokeLlms(Command):
    """A trusted host's batch: calls of its agents, answered together."""

    tick: Tick
    """Tick that the agents answer."""
    calls: Annotated[tuple[HostedCall, ...], Field(min_length=1, max_length=CALLS_PER_BATCH_MAX)]
    """Calls, at most one a position."""


class LlmAnswer(Message):
    """The answer to a call: the completion and its receipt."""

    receipt: Identifier
    """Receipt: the id of the reservation at the ledger and of the item in the log."""
    cycle: Tick
    """Cycle of the call."""
    ordinal: Ordinal
    """Place of the call in its cycle."""
    model: ModelName
    """Model that was asked for."""
    provider: Name
    """Provider that answered."""
    content: str = ""
    """Text of the answer."""
    tool_calls: tuple[ToolCall, ...] = ()
    """Tool calls of the answer."""
    finish_reason: FinishReason = FinishReason.STOP
    """Reason for the end of the answer."""
    usage: TokenUsage
    """Tokens that were charged for."""
    price: Amount
    """Price paid, micro-credits."""
    units: Amount = 0
    """Units of the scenario's token resource used up."""


class LlmAnswers(Message):
    """The answers to a host's batch, in the order of its calls."""

    answers: tuple[Annotated[LlmAnswer | ErrorBody, Field(union_mode="left_to_right")], ...]
    """Answer of each call, or the reason why it has none."""


class CallFailure(Word):
    """The reason why a call that was paid for in advance has no answer; also the code of the refusal."""

    PROVIDER_TIMED_OUT = "provider_timed_out"
    """No answer within the deadline."""
    PROVIDER_REFUSED = "provider_refused"
    """The provider refused the request as the caller's fault."""
    PROVIDER_IS_BUSY = "provider_is_busy"
    """The provider's own rate limit (429), or no free place within the deadline."""
    PROVIDER_FAILED = "provider_failed"
    """The provider failed (500), closed the connection, or cannot be reached."""
    ANSWER_IS_MALFORMED = "answer_is_malformed"
    """The answer does not follow the protocol or the asked schema."""
    ANSWER_IS_INCOMPLETE = "answer_is_incomplete"
    """The answer broke off."""
    ANSWER_IS_TOO_LARGE = "answer_is_too_large"
    """The answer has more bytes than an answer may have."""
    ANSWER_IS_NOT_RECORDED = "answer_is_not_recorded"
    """The recording has no answer at this position."""
    RECORDED_PROMPT_DIFFERS = "recorded_prompt_differs"
    """The recording has another prompt at this position."""
    OUTCOME_IS_UNKNOWN = "outcome_is_unknown"
    """The service ended during the call, and nobody asked again before the deadline."""


@immutable
class CallOutcome:
    """The outcome of one call: an answer, or a failure; the first that the log has of a call counts."""

    __pydantic_config__ = CONFIG

    id: Identifier
    """Receipt of the call."""
    agent: Name
    """Agent that asked and paid."""
    cycle: Tick
    """Cycle of the call."""
    ordinal: Ordinal
    """Place of the call in its cycle."""
    model: ModelName
    """Model that was asked for."""
    provider: str
    """Provider that answered, or the last one that failed; empty if none was asked."""
    usage: TokenUsage
    """Tokens that were charged for."""
    price: Amount
    """Price paid, micro-credits; 0 for a call that no provider answered."""
    units: Amount
    """Units of the scenario's token resource used up."""
    prompt_digest: str
    """Digest of the prompt, 32 hex digits."""
    answer_digest: str = ""
    """Digest of the answer's text and tool calls, 32 hex digits; empty for a failure."""
    finish_reason: FinishReason | None = None
    """Reason for the end of the answer; none for a failure."""
    failure: CallFailure | None = None
    """Reason of the failure; none for an answer."""
    message: str = ""
    """Reason of the failure as a sentence."""
    is_usage_doubted: bool = False
    """True if the provider's count contradicted the text, so that the charge was bounded by the reservation."""
    prompt: str | None = None
    """Prompt of the call as JSON text, exactly as its digest covers it; none if the scenario says `record_text = false`, or
    if `text_digest` stands for it."""
    content: str | None = None
    """Text of the answer; none like `prompt`, and for a failure."""
    tool_calls: tuple[ToolCall, ...] = ()
    """Tool calls of the answer; none like `prompt`."""
    text_digest: Annotated[str, Field(exclude_if=_is_empty)] = ""
    """SHA-256 of the call's texts in bucket `llm_texts`, 64 hex digits; left out if they stand here."""

    @property
    def position(self) -> CallPosition:
        """Return the causal position of the call."""
        return CallPosition(self.agent, self.cycle, self.ordinal)


class LlmInvoked(Message):
    """Calls of models ended: each has an answer or failed, and is paid for accordingly."""

    items: Annotated[tuple[CallOutcome, ...], Field(min_length=1)]
    """Outcomes of the calls."""


class LlmPartial(Message):
    """The text of an answer as far as it has come; for display alone, the reply has the whole text."""

    receipt: Identifier
    """Receipt of the call."""
    content: str
    """Text so far."""
