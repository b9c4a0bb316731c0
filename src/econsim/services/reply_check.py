"""What stands between an agent and a service that answers it: where the answer goes, and how much it may ask.

A FastStream middleware of every service that owns requests. Trusted callers live in account `SIM` and are not
counted: their inboxes are their role's. What comes from an agent's account bears the server's own reply
subject.
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
"""What a reply subject begins with when the request crossed from another account: the server makes it."""

OWN: Final = f"{INBOX}."
"""What the reply subject of a client in `SIM` begins with."""


ASKED: Final = tuple([fields(row.pattern()).action] for row in TABLE if row.kind is SubjectKind.REQUEST)
"""Requests: what bears no reply subject asks nothing, is counted by nobody, and is not done."""

QUEUED: Final = frozenset(fields(row.pattern()).action for row in TABLE if row.kind is SubjectKind.COMMAND)
"""Commands come from a queue: their reply subject is the server's own, for acknowledging them."""


class ReplySubjectCheck:
    """The checks of one service; makes a middleware for each message."""

    def __init__(self, context: ServiceContext) -> None:
        """Check the messages of one service."""
        self._context = context

    def __call__(self, msg: Any | None, /, *, context: Any) -> BaseMiddleware:  # noqa: ANN401 - FastStream's signature
        """Make the middleware of one message."""
        return _Checking(msg, context=context, check=self)

    async def check(self, message: StreamMessage[Any]) -> None:
        """Raise NotAllowed for a foreign reply subject, which is then not answered; QuotaExceeded over the rate."""
        reply, subject = message.reply_to, message.raw_message.subject
        if fields(subject).action in QUEUED:
            return
        if reply.startswith(FROM_AGENT):
            where, meter = fields(subject), self._context.meter
            if not meter.allow(quota.QuotaKind.PUBLISH_RATE, where.run, where.agent):
                await meter.take(quota.QuotaKind.PUBLISH_RATE, where.run, where.agent)
        elif not reply.startswith(OWN):
            error = NotAllowed(
                f"the answer would go to {reply[:200]!r}; only an inbox of one's own may be named",
                code="reply_subject_is_foreign" if reply else "request_has_no_reply_subject",
            )
            message.reply_to = ""
            self._context.rejections.about(fields(subject), subject, error)
            raise error


class _Checking(BaseMiddleware):
    def __init__(self, msg: Any | None, /, *, context: Any, check: ReplySubjectCheck) -> None:  # noqa: ANN401 - as above
        super().__init__(msg, context=context)
        self._check = check

    async def consume_scope(
        self, call_next: Callable[[StreamMessage[Any]], Awaitable[object]], msg: StreamMessage[Any]
    ) -> object:
        if msg.reply_to or msg.raw_message.subject.split(".")[2:3] in ASKED:
            await self._check.check(msg)
        return await call_next(msg)
