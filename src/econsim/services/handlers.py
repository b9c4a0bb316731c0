"""The surroundings of every handler: the message and its sender, strict decoding, and errors as typed replies.

FastStream lets a failing handler time its caller out; here every failure becomes a typed reply. Handlers take the
decoded body alone and read the rest from here: each injected parameter of FastStream costs a thread hop.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any, Final, TypeVar

from faststream import BaseMiddleware
from faststream.message import StreamMessage
from faststream.middlewares import ExceptionMiddleware
from nats.aio.msg import Msg
from pydantic import ValidationError

from econsim.adapters.nats.figures import figures_of
from econsim.adapters.nats.short_path import ErrorResponse
from econsim.domain.audit.decoding import decode
from econsim.errors import EconsimError, InvalidMessage, NotAllowed, NotFound, QuotaExceeded, Refused
from econsim.schemas.admission import EntryRefused, StreamError
from econsim.schemas.base import (
    Command,
    ErrorBody,
    ErrorReply,
    Event,
    Message,
    Request,
    error_body,
    validation_message,
)
from econsim.schemas.metrics import CounterName
from econsim.schemas.subject import Parsed, fields
from econsim.services.context import ServiceContext
from econsim.services.tracing import Tracing

REQUEST_BYTES_MAX: Final = 8_192
"""Size of a request, bytes: more than twice the largest valid one, an `execute_trade` of 20 actions."""

TRUSTED_BYTES_MAX: Final = 8 * 2**20
"""Size of a message of services and operators, bytes: transfers of a whole tick, a scenario of 20 000 agents."""

_STATUS: Final = (
    (QuotaExceeded, 429),
    (NotAllowed, 403),
    (NotFound, 404),
    (Refused, 400),
    (EconsimError, 503),
)
"""Class of an error → its status, as JetStream has it; the first that fits counts."""

_log = logging.getLogger(__name__)
_handling: ContextVar[tuple[StreamMessage[Any], ServiceContext]] = ContextVar("handling")

Model = TypeVar("Model", bound=Message)


class BindMessage:
    """Middleware that makes the message being handled, and its service, known to the handler."""

    def __init__(self, context: ServiceContext) -> None:
        """Bind the messages of one service."""
        self._context = context

    def __call__(self, msg: Any | None, /, *, context: Any) -> BaseMiddleware:  # noqa: ANN401 - FastStream's signature
        """Make the middleware of one message."""
        return _Binding(msg, context=context, service=self._context)


class _Binding(BaseMiddleware):
    def __init__(self, msg: Any | None, /, *, context: Any, service: ServiceContext) -> None:  # noqa: ANN401 - as above
        super().__init__(msg, context=context)
        self._service = service

    async def consume_scope(
        self, call_next: Callable[[StreamMessage[Any]], Awaitable[object]], msg: StreamMessage[Any]
    ) -> object:
        token = _handling.set((msg, self._service))
        try:
            return await call_next(msg)
        finally:
            _handling.reset(token)


class MessageSpans:
    """Middleware that traces the messages being handled: every handler passes here, so none has a line for it."""

    def __init__(self, tracing: Tracing) -> None:
        """Trace the messages of one service."""
        self._tracing = tracing

    def __call__(self, msg: Any | None, /, *, context: Any) -> BaseMiddleware:  # noqa: ANN401 - FastStream's signature
        """Make the middleware of one message."""
        return _Spanning(msg, context=context, tracing=self._tracing)


class _Spanning(BaseMiddleware):
    def __init__(self, msg: Any | None, /, *, context: Any, tracing: Tracing) -> None:  # noqa: ANN401 - as above
        super().__init__(msg, context=context)
        self._tracing = tracing

    async def consume_scope(
        self, call_next: Callable[[StreamMessage[Any]], Awaitable[object]], msg: StreamMessage[Any]
    ) -> object:
        with self._tracing.message(msg.raw_message):
            return await call_next(msg)


def handled_subject() -> tuple[str, str]:
    """Return the service and the subject of the message being handled; empty texts if none is."""
    handling = _handling.get(None)
    if handling is None:
        return "", ""
    message, context = handling
    return context.service, getattr(message.raw_message, "subject", "")


def current_message() -> Msg:
    """Return the NATS message being handled, with its acknowledgement methods."""
    found: Msg = _handling.get()[0].raw_message
    return found


def current_context() -> ServiceContext:
    """Return the context of the service that handles the message."""
    return _handling.get()[1]


def caller() -> Parsed:
    """Return the parsed subject of the message being handled: its last token is the sender."""
    return fields(current_message().subject)


def strict_decoder(
    model: type[Model], bytes_max: int = REQUEST_BYTES_MAX
) -> Callable[[StreamMessage[Any]], Awaitable[Model]]:
    """Return a decoder that validates the payload strictly, straight from its bytes.

    A payload over `bytes_max` is refused unread. The payload's `agent_id`, if any, must be the sender in the subject.
    """
    validate = model.__pydantic_validator__.validate_json
    may_name_sender = issubclass(model, Request | Command)

    async def decode_strictly(message: StreamMessage[Any]) -> Model:
        if len(message.body) > bytes_max:
            text = f"the message has {len(message.body)} bytes; at most {bytes_max} are taken"
            raise InvalidMessage(text, code="message_is_too_large")
        try:
            found: Model = validate(message.body or b"{}", strict=True)
        except ValidationError as error:
            raise InvalidMessage(validation_message(error)) from None
        named = getattr(found, "agent_id", None) if may_name_sender else None
        if named is not None and named != caller().agent:
            text = f"agent_id says {named!r}, but the subject says {caller().agent!r}; leave it out"
            raise NotAllowed(text, code="agent_id_does_not_match_subject")
        return found

    return decode_strictly


async def decode_event(message: StreamMessage[Any]) -> Event[object]:
    """Decode an event by the type that its subject has."""
    return decode(message.raw_message.subject, message.body).event


async def raw_body(message: StreamMessage[Any]) -> bytes:
    """Return the payload undecoded."""
    return message.body


def error_reply(error: Exception) -> ErrorReply:
    """Return the reply for an error; the text of an unforeseen error stays in the service's log."""
    if isinstance(error, EconsimError):
        body = error_body(error)
    else:
        _log.error("unforeseen error while answering %s", handled_subject()[1], exc_info=error)
        body = ErrorBody(
            code="service_failed", message="the service failed; its log says why", retryable=True
        )
    return ErrorReply(error=body)


def count_refusal(context: ServiceContext, code: str) -> None:
    """Count a refusal among the figures of its service."""
    figures_of(context.client).count(CounterName.REFUSALS, code=code)


def entry_refusal(error: EconsimError) -> EntryRefused:
    """Return the reply to a message of an agent that is not admitted."""
    status = next(status for kind, status in _STATUS if isinstance(error, kind))
    stream_error = StreamError(code=status, description=f"{error.error_code}: {error}")
    return EntryRefused(error=stream_error, refusal=error_reply(error).error)


def error_replies() -> ExceptionMiddleware:
    """Return the middleware that answers a failed request with an ErrorReply, header `status: error`."""
    middleware = ExceptionMiddleware()

    @middleware.add_handler(Exception, publish=True)
    async def answer(error: Exception) -> ErrorResponse:
        reply = error_reply(error)
        response = ErrorResponse(reply.model_dump_json().encode(), headers={"status": "error"})
        if isinstance(error, EconsimError):
            response.outcome = "refused"
        count_refusal(current_context(), reply.error.code)
        return response

    return middleware
