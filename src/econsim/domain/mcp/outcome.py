"""The outcome of a call of a tool, its reply and its events. Pure.

Charging rule: an answer of the server costs the price of the tool, also one in which the tool reports an error and one
that cannot be taken; a result from the cache costs the price of a hit; a server that never answered is paid nothing.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Final

from pydantic import TypeAdapter

from econsim import subjects
from econsim.domain.audit.envelope import AddressedEvent, Envelope
from econsim.domain.mcp.request import AskedCall, canonical_json
from econsim.errors import EconsimError, ToolCallFailed
from econsim.schemas.base import ErrorBody, blank, error_body
from econsim.schemas.mcp import (
    EVENT_RESULT_BYTES_MAX,
    ToolFailure,
    ToolOutcome,
    ToolReply,
    ToolResult,
)
from econsim.schemas.money import format_credits
from econsim.schemas.tool_events import ToolCompleted, ToolFailed

ACTOR: Final = "mcp"
"""Actor of the gateway's events, and sender of the payments of calls."""

ANSWERED: Final = frozenset(
    {ToolFailure.RESULT_IS_TOO_LARGE, ToolFailure.RESULT_IS_MALFORMED, ToolFailure.TOOL_REFUSED}
)
"""Failures in which the server answered, so that it is paid."""

_RESULT: Final = TypeAdapter(ToolResult)

# What goes into their copies here was checked before.
_OUTCOME: Final = blank(ToolOutcome)
_REPLY: Final = blank(ToolReply)
_COMPLETED: Final = blank(ToolCompleted)


def answered_outcome(call: AskedCall, price: int, result: ToolResult, attempts: int = 0) -> ToolOutcome:
    """Return the outcome of a call that its server answered at the last of its attempts."""
    return _outcome(call, price, price, result=result, attempts=attempts)


def cached_outcome(call: AskedCall, hit_price: int, reserved: int, result: ToolResult) -> ToolOutcome:
    """Return the outcome of a call with a result from the cache."""
    return _outcome(call, hit_price, reserved, result=result, cached=True)


def failed_outcome(call: AskedCall, reserved: int, error: ToolCallFailed, attempts: int = 0) -> ToolOutcome:
    """Return the outcome of a failed call, which costs what was reserved if the server answered."""
    failure = ToolFailure(error.error_code)
    price = reserved if failure in ANSWERED else 0
    return _outcome(call, price, reserved, failure=failure, message=str(error), attempts=attempts)


def tool_reply(run: str, outcome: ToolOutcome) -> ToolReply:
    """Return the reply to the agent that called."""
    return _REPLY.model_copy(
        update={
            "msg_id": outcome.msg_id,
            "server": outcome.server,
            "tool": outcome.tool,
            "correlation_id": run,
            "receipt": outcome.id,
            "result": outcome.result,
            "error": _failure_body(outcome) if outcome.failure else None,
            "price": outcome.price,
            "cached": outcome.cached,
        }
    )


def refused_reply(run: str, server: str, error: EconsimError, msg_id: str = "", tool: str = "") -> ToolReply:
    """Return the reply to a command that was refused before anything was paid."""
    return ToolReply(msg_id=msg_id, server=server, tool=tool, correlation_id=run, error=error_body(error))


def outcome_event(run: str, salt: str, outcome: ToolOutcome) -> AddressedEvent:
    """Return the event of an outcome; to the byte the same for every repeat, because all of it is in the outcome."""
    envelope = Envelope(run, salt, outcome.tick, outcome.ended_at, outcome.causation_id)
    row = subjects.TOOL_FAILED if outcome.failure else subjects.TOOL_COMPLETED
    data = _failure(outcome) if outcome.failure else _completion(outcome)
    return envelope.event(row, ACTOR, data, outcome.id, server=outcome.server)


def result_text(result: ToolResult) -> str:
    """Return the text parts of a result, joined by line feeds."""
    return "\n".join(str(part.get("text", "")) for part in result.content if part.get("type") == "text")


def result_json(result: ToolResult) -> bytes:
    """Return a result in its wire form."""
    return _RESULT.dump_json(result)


def result_of(payload: bytes) -> ToolResult:
    """Return the result of a wire form; raises ValidationError for another one."""
    return _RESULT.validate_json(payload)


def _outcome(call: AskedCall, price: int, reserved: int, **ending: object) -> ToolOutcome:
    asked = {
        "id": call.id,
        "msg_id": call.command.msg_id,
        "agent": call.agent,
        "server": call.server,
        "tool": call.command.tool,
        "request_digest": call.digest,
        "params": call.command.params,
        "price": price,
        "reserved": reserved,
        "causation_id": call.command.causation_id,
    }
    return _OUTCOME.model_copy(update=asked | ending)


def _failure_body(outcome: ToolOutcome) -> ErrorBody:
    assert outcome.failure is not None
    return ErrorBody(
        code=outcome.failure.value,
        message=f"{outcome.message}; {format_credits(outcome.price)} credits were charged",
    )


def _completion(outcome: ToolOutcome) -> ToolCompleted:
    assert outcome.result is not None
    text = result_json(outcome.result)
    return _COMPLETED.model_copy(
        update={
            "id": outcome.id,
            "msg_id": outcome.msg_id,
            "agent": outcome.agent,
            "tool": outcome.tool,
            "params": _bounded_params(outcome),
            "request_digest": outcome.request_digest,
            "result": outcome.result if len(text) <= EVENT_RESULT_BYTES_MAX else None,
            "result_digest": blake2b(text, digest_size=16).hexdigest(),
            "is_error": outcome.result.is_error,
            "price": outcome.price,
            "cached": outcome.cached,
            "attempts": outcome.attempts,
            "took_ms": outcome.took_ms,
        }
    )


def _failure(outcome: ToolOutcome) -> ToolFailed:
    assert outcome.failure is not None
    return ToolFailed.model_construct(
        id=outcome.id,
        msg_id=outcome.msg_id,
        agent=outcome.agent,
        tool=outcome.tool,
        params=_bounded_params(outcome),
        request_digest=outcome.request_digest,
        failure=outcome.failure,
        message=outcome.message,
        price=outcome.price,
        attempts=outcome.attempts,
        took_ms=outcome.took_ms,
    )


def _bounded_params(outcome: ToolOutcome) -> dict[str, object] | None:
    is_short = len(canonical_json(outcome.params)) <= EVENT_RESULT_BYTES_MAX
    return outcome.params if is_short else None
