"""The cognition service as an agent calls it: completions by language models, paid from the agent's balance."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from nats.aio.msg import Msg

from econsim import subjects
from econsim.agents.channel import AgentChannel
from econsim.agents.views import credits_of, to_milliseconds
from econsim.errors import Conflict, Refused
from econsim.identity.agent_account import short_name
from econsim.schemas.base import validated_message
from econsim.schemas.cognition import InvokeLlm, LlmAnswer, LlmPartial
from econsim.schemas.model_call import (
    CALLS_PER_CYCLE_MAX,
    ChatMessage,
    FinishReason,
    TokenUsage,
    ToolCall,
    ToolDefinition,
)
from econsim.schemas.model_limits import DEADLINE_MS_MAX, DEFAULT_MODEL

PAYMENT_S: Final = 5.0
"""Seconds that a call may take beyond its deadline: it is reserved, recorded and settled."""

OnText = Callable[[str], None]
"""Callback that gets the text of an answer as far as it has come."""


@dataclass(frozen=True, slots=True)
class Thought:
    """An answer of a model, and what it cost."""

    content: str
    """Text of the answer."""
    tool_calls: tuple[ToolCall, ...]
    """Tool calls of the answer."""
    finish_reason: FinishReason
    """Reason for the end of the answer."""
    usage: TokenUsage
    """Tokens that were charged for."""
    price: Decimal
    """Price paid, credits."""
    units: int
    """Units of the scenario's token resource used up."""
    model: str
    """Model that was asked for."""
    provider: str
    """Provider that answered."""
    receipt: str
    """Receipt: the id of the payment at the ledger and of the call in the log."""


class CognitionService:
    """One agent's access to language models.

    A call has a position, the cycle and the ordinal within it, which makes its repeats idempotent: an agent that was killed
    and repeats its cycle gets the answers it paid for. `AgentSession.ticks` begins a cycle at each tick.
    """

    def __init__(self, channel: AgentChannel) -> None:
        """Use an agent's channel; the first cycle is 0, before the first tick."""
        self._channel = channel
        self._cycle = self._ordinal = 0

    def begin_cycle(self, cycle: int) -> None:
        """Begin a cycle: its calls count from 1 again."""
        self._cycle, self._ordinal = cycle, 0

    async def invoke(  # noqa: PLR0913 - the parts of a call, all but two with defaults
        self,
        messages: Sequence[ChatMessage | Mapping[str, Any]],
        max_tokens: int,
        *,
        model: str = DEFAULT_MODEL,
        tools: Sequence[ToolDefinition | Mapping[str, Any]] = (),
        response_schema: Mapping[str, Any] | None = None,
        temperature: float = 0.0,
        deadline_s: float = DEADLINE_MS_MAX / 1_000,
        on_text: OnText | None = None,
    ) -> Thought:
        """Ask a model and pay for its answer.

        The worst case, the prompt's tokens and `max_tokens`, must be in the balance; what was not used is released.
        Raises InvalidMessage for a malformed argument before anything is sent, Refused by code: too few credits
        (`debit_account_would_go_negative`), an unknown model, or the failure of the provider; Unavailable without an
        answer in time: the same call again costs nothing more.
        """
        fields = {
            "messages": [_plain(message) for message in messages],
            "max_tokens": max_tokens,
            "model": model,
            "tools": [_plain(tool) for tool in tools],
            "response_schema": response_schema,
            "temperature": temperature,
            "deadline_ms": to_milliseconds(deadline_s),
            "partial": on_text is not None,
        }
        async with self._listening(on_text):
            return await self._at_next_position(fields, deadline_s + PAYMENT_S)

    async def _at_next_position(self, fields: dict[str, Any], timeout_s: float) -> Thought:
        """Ask at the next ordinal of the cycle; skip those that an earlier life of the agent used otherwise."""
        while True:
            self._ordinal += 1
            request = validated_message(InvokeLlm, **fields, cycle=self._cycle, ordinal=self._ordinal)
            try:
                answer = await self._channel.ask(subjects.INVOKE_LLM, request, LlmAnswer, timeout_s=timeout_s)
            except Refused as error:
                if error.error_code != Conflict.code or self._ordinal >= CALLS_PER_CYCLE_MAX:
                    raise
            else:
                return _thought(answer)

    @asynccontextmanager
    async def _listening(self, on_text: OnText | None) -> AsyncIterator[None]:
        """Pass the growing text on for the time of the context, if the caller wants it."""
        if on_text is None:
            yield
            return

        async def receive(message: Msg) -> None:
            on_text(LlmPartial.model_validate_json(message.data).content)

        name = short_name(subjects.LLM_PARTIAL, self._channel.agent)
        subscription = await self._channel.client.subscribe(name, cb=receive)
        try:
            yield
        finally:
            if not self._channel.client.is_closed:
                await subscription.unsubscribe()


def _plain(part: object) -> object:
    return dict(part) if isinstance(part, Mapping) else part


def _thought(answer: LlmAnswer) -> Thought:
    return Thought(
        answer.content,
        answer.tool_calls,
        answer.finish_reason,
        answer.usage,
        credits_of(answer.price),
        answer.units,
        answer.model,
        answer.provider,
        answer.receipt,
    )
