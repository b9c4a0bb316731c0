"""The check of requests before their handlers: the reply subject must be the sender's own, and the rate within its quota.

A FastStream middleware of every service. Trusted senders are in account `SIM` and have no rate limit: their reply
subject is an inbox of their role. A request from an agent's account has a reply subject that the server made.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

from faststream import BaseMiddleware
from faststream.message import StreamMessage

from econsim.adapters.nats.rate_gate import CROSSED
from econsim.domain.admission import quota
from econsim.errors import NotAllowed
from econsim.identity.roles import INBOX
from econsim.schemas.subject import SubjectKind, fields
from econsim.services.context import ServiceContext
from econsim.subjects import TABLE

FROM_AGENT: Final = CROSSED.decode()
"""Prefix of the reply subject of a request from another account; the server makes it."""

OWN_INBOX: Final = f"{INBOX}."
"""Prefix of the reply subject of a client in `SIM`."""

REQUEST_ACTIONS: Final = tuple(
    [fields(row.pattern()).action] for row in TABLE if row.kind is SubjectKind.REQUEST
)
"""Action tokens of requests, each as a list: a request without a reply subject has no rate limit, so it is refused."""

COMMAND_ACTIONS: Final = frozenset(
    fields(row.pattern()).action for row in TABLE if row.kind is SubjectKind.COMMAND
)
"""Action tokens of commands: a command comes from a queue, and its reply subject acknowledges it."""


class ReplySubjectCheck:
    """The checks of one service: a factory of one middleware for each message."""

    def __init__(self, context: ServiceContext) -> None:
        """Check the messages of one service."""
        self._context = context

    def __call__(self, msg: Any | None, /, *, context: Any) -> BaseMiddleware:  # noqa: ANN401 - FastStream's signature
        """Make the middleware of one message."""
        return _Checking(msg, context=context, check=self)

    async def check(self, message: StreamMessage[Any]) -> None:
        """Raise NotAllowed for a foreign reply subject, which then gets no answer, or QuotaExceeded over the rate limit."""
        reply, subject = message.reply_to, message.raw_message.subject
        if fields(subject).action in COMMAND_ACTIONS:
            return
        if reply.startswith(FROM_AGENT):
            where, meter = fields(subject), self._context.meter
            if not meter.allow(quota.QuotaKind.PUBLISH_RATE, where.run, where.agent):
                await meter.take(quota.QuotaKind.PUBLISH_RATE, where.run, where.agent)
        else:
            error = NotAllowed(
                f"the answer would go to {reply[:200]!r}; only an inbox of one's own may be named",
                code="reply_subject_is_foreign" if reply else "request_has_no_reply_subject",
            )
            message.reply_to = ""
            self._context.rejections.publish_attempt(fields(subject), subject, error)
            raise error


class _Checking(BaseMiddleware):
    def __init__(self, msg: Any | None, /, *, context: Any, check: ReplySubjectCheck) -> None:  # noqa: ANN401 - as above
        super().__init__(msg, context=context)
        self._check = check

    async def consume_scope(
        self, call_next: Callable[[StreamMessage[Any]], Awaitable[object]], msg: StreamMessage[Any]
    ) -> object:
        # The most are from services, and pass without more.
        if msg.reply_to.startswith(OWN_INBOX):
            return await call_next(msg)
        if msg.reply_to or msg.raw_message.subject.split(".")[2:3] in REQUEST_ACTIONS:
            await self._check.check(msg)
        return await call_next(msg)
