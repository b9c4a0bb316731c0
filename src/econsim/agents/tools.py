"""The tool gateway as an agent calls it: tools of outside servers, paid from the agent's balance.

A call goes through a queue and its reply comes by itself, so that a call outlasts a lost connection. Every call has an id; the
reply, the payment and the log have one receipt for it, however often it is sent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from pydantic import ValidationError

from econsim import subjects
from econsim.adapters.clock import random_id
from econsim.adapters.nats.connection import synchronize
from econsim.adapters.nats.rpc import refusal
from econsim.agents.channel import AgentChannel
from econsim.agents.views import credits_of, to_milliseconds
from econsim.domain.mcp.outcome import result_text
from econsim.domain.mcp.request import canonical_json
from econsim.errors import EconsimError, NotFound, Refused, Unavailable
from econsim.identity.agent_account import short_pattern
from econsim.schemas.base import validated_message
from econsim.schemas.mcp import (
    TIMEOUT_MS_DEFAULT,
    CallLimits,
    CallTool,
    GetQuote,
    GetResult,
    ListTools,
    ToolList,
    ToolListing,
    ToolQuote,
    ToolReply,
    ToolResult,
)

PAYMENT_S: Final = 5.0
"""Seconds that a reply may take beyond the deadline of its call: it is recorded, told and settled."""

NO_OUTCOME: Final = "call_has_no_outcome"
"""Code of a request for the outcome of a call that has none."""

LOOK_S: Final = 2.0
"""Pause between two looks for the stored outcome of a call whose reply may be lost."""

REPEATS_MAX: Final = 10
"""Times that a call is sent again after a refusal that may pass."""


@dataclass(frozen=True, slots=True)
class ToolTerms:
    """The terms of a tool for the agent, money in credits."""

    server: str
    """Name of the server."""
    tool: str
    """Name of the tool."""
    price: Decimal
    """Price of a call, credits."""
    cached_price: Decimal
    """Price of a result from the cache, credits."""
    cached_for_s: int
    """Seconds that a result is kept for equal calls; 0 for a tool whose results are not kept."""
    description: str = ""
    """Description by the tool's server: untrusted text."""
    input_schema: Mapping[str, Any] | None = None
    """JSON Schema of the arguments; none in a quote."""
    limits: CallLimits | None = None
    """Limits of the agent's calls of this server; none in a list."""


@dataclass(frozen=True, slots=True)
class ToolAnswer:
    """The result of a tool, and what it cost."""

    text: str
    """Text parts of the result, joined by line feeds: untrusted."""
    content: tuple[Mapping[str, Any], ...]
    """Parts of the result in the protocol's own form."""
    structured: Mapping[str, Any] | None
    """Result as one object, from tools that declare an output schema."""
    is_error: bool
    """True if the tool itself reports an error; the call is paid all the same."""
    price: Decimal
    """Price paid, credits."""
    cached: bool
    """True for a result from the cache."""
    receipt: str
    """Receipt: the id of the payment at the ledger and of the call in the log."""


class ToolService:
    """One agent's access to outside tools."""

    def __init__(self, channel: AgentChannel) -> None:
        """Use an agent's channel; the first call subscribes to replies."""
        self._channel = channel
        self._subscription: Subscription | None = None
        self._waiting: dict[str, asyncio.Future[ToolReply]] = {}

    async def call(
        self,
        server: str,
        tool: str,
        params: Mapping[str, Any] | None = None,
        *,
        timeout_s: float = TIMEOUT_MS_DEFAULT / 1_000,
        call_id: str | None = None,
    ) -> ToolAnswer:
        """Call a tool and pay for it; the same `call_id` again gets the same answer and costs nothing more.

        Waits while the agent is over a rate limit, for the call's own time at most. Raises InvalidMessage for wrong arguments,
        Refused by code: too few credits (`debit_account_would_go_negative`), an unknown tool, or the failure of the call;
        Unavailable without an answer in time: call again with the same id.
        """
        command = validated_message(
            CallTool,
            msg_id=call_id or random_id(),
            server=server,
            tool=tool,
            params=dict(params or {}),
            timeout_ms=to_milliseconds(timeout_s),
        )
        canonical_json(command.params)
        await self._listen()
        return _answer(await self._reply_of(server, command, timeout_s + PAYMENT_S))

    async def quote(self, server: str, tool: str) -> ToolTerms:
        """Return the price of a call before it is made."""
        request = validated_message(GetQuote, server=server, tool=tool)
        found = await self._channel.ask(subjects.GET_QUOTE, request, ToolQuote)
        return ToolTerms(
            server,
            tool,
            credits_of(found.price),
            credits_of(found.cached_price),
            found.cached_for_s,
            limits=found.limits,
        )

    async def list(self, server: str | None = None) -> list[ToolTerms]:
        """Return the tools that the agent may call, of one server or of all."""
        return [listed_terms(each) for each in (await self._listing(server)).tools]

    async def absent_servers(self) -> tuple[str, ...]:
        """Return the servers that do not answer now; tools of one that never answered are in no list."""
        return (await self._listing(None)).absent

    async def result(self, call_id: str) -> ToolAnswer:
        """Return the answer to an earlier call, for instance after a restart; raises Refused if there is none."""
        request = validated_message(GetResult, msg_id=call_id)
        return _answer(await self._channel.ask(subjects.GET_RESULT, request, ToolReply))

    async def stop(self) -> None:
        """Stop receiving replies."""
        if self._subscription and not self._channel.client.is_closed:
            await self._subscription.unsubscribe()
        self._subscription = None

    async def _listing(self, server: str | None) -> ToolList:
        request = validated_message(ListTools, server=server)
        return await self._channel.ask(subjects.LIST_TOOLS, request, ToolList)

    async def _reply_of(self, server: str, command: CallTool, timeout_s: float) -> ToolReply:
        """Send a call until it has a reply that is not to be tried again."""
        end = asyncio.get_running_loop().time() + timeout_s
        for _ in range(REPEATS_MAX):
            reply = await self._reply(server, command, end)
            wait_s = (
                (reply.error.retry_after_ms or 0) / 1_000 if reply.error and reply.error.retryable else 0.0
            )
            if not wait_s or asyncio.get_running_loop().time() + wait_s > end:
                return reply
            await asyncio.sleep(wait_s)
        return reply

    async def _reply(self, server: str, command: CallTool, end: float) -> ToolReply:
        """Send a call once and wait for its reply, or for its stored outcome."""
        waiting: asyncio.Future[ToolReply] = asyncio.get_running_loop().create_future()
        self._waiting[command.msg_id] = waiting
        try:
            await self._channel.send(subjects.ENTER_TOOL_CALL, command, server=server)
            while (left_s := end - asyncio.get_running_loop().time()) > 0:
                await asyncio.wait({waiting}, timeout=min(LOOK_S, left_s))
                if waiting.done():
                    return waiting.result()
                if (found := await self._stored_reply(command.msg_id)) is not None:
                    return found
        finally:
            self._waiting.pop(command.msg_id, None)
        message = (
            f"no reply to call {command.msg_id!r} in time; call again with this id, which costs nothing more"
        )
        raise Unavailable(message)

    async def _stored_reply(self, call_id: str) -> ToolReply | None:
        """Return the stored outcome of a call; none while it has none, or while nobody answers."""
        try:
            request = GetResult(msg_id=call_id)
            return await self._channel.ask(subjects.GET_RESULT, request, ToolReply)
        except (Refused, Unavailable) as error:
            if error.error_code == NO_OUTCOME or isinstance(error, NotFound | Unavailable):
                return None
            raise

    async def _listen(self) -> None:
        if self._subscription is None:
            pattern = short_pattern(subjects.TOOL_REPLIED, self._channel.agent)
            self._subscription = await self._channel.client.subscribe(pattern, cb=self._receive)
            await synchronize(self._channel.client)

    async def _receive(self, message: Msg) -> None:
        with suppress(ValidationError):
            reply = ToolReply.model_validate_json(message.data)
            waiting = self._waiting.get(reply.msg_id)
            if waiting and not waiting.done():
                waiting.set_result(reply)


def listed_terms(listing: ToolListing, limits: CallLimits | None = None) -> ToolTerms:
    """Return the terms of a listed tool, money in credits."""
    return ToolTerms(
        listing.server,
        listing.tool,
        credits_of(listing.price),
        credits_of(listing.cached_price),
        listing.cached_for_s,
        listing.description,
        listing.input_schema,
        limits,
    )


def _answer(reply: ToolReply) -> ToolAnswer:
    """Return the answer in a reply; raises the error that it has instead."""
    if reply.error is not None:
        error: EconsimError = refusal(reply.error)
        if reply.receipt:
            error.details |= {"receipt": reply.receipt, "price": str(reply.price)}
        raise error
    result = reply.result or ToolResult()
    return ToolAnswer(
        result_text(result),
        result.content,
        result.structured,
        result.is_error,
        credits_of(reply.price),
        reply.cached,
        reply.receipt,
    )
