"""The audit of operators: every command of a person becomes an event with the operator and the outcome.

A FastStream middleware of every service; it acts on subjects of kind OPERATOR alone. The server's permissions allow
an operator only its own name in the subject. The event is stored before the answer leaves: an operator that gets
`done` finds the command in the log.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Final

from faststream import BaseMiddleware
from faststream.message import StreamMessage

from econsim import subjects
from econsim.adapters.clock import random_id
from econsim.adapters.nats.connection import reliable_publish
from econsim.errors import EconsimError
from econsim.schemas.admin import Commanded, run_or_none
from econsim.schemas.base import Event
from econsim.schemas.names import NO_RUN
from econsim.schemas.subject import fields
from econsim.services.context import ServiceContext

DONE: Final = "done"
"""Code of a command that succeeded."""

FAILED: Final = "service_failed"
"""Code of a command that met an unforeseen error; its reply has the same."""

SUMMARY_LENGTH_MAX: Final = 200
"""Number of characters of a command that its event holds."""

DEADLINE_S: Final = 3.0
"""Longest to try to store the event: the operator waits five seconds for the answer."""

_DOMAIN: Final = "admin"
"""First token of the subjects of operators, and of no other (the grammar of subjects checks it)."""


@dataclass(slots=True)
class _HandledCommand:
    """The command being handled."""

    event_id: str
    run: str = NO_RUN


_command: ContextVar[_HandledCommand] = ContextVar("command")


def note_command_run(run: str) -> str | None:
    """Set the run of the command being handled; return the id of the command's event, the cause of its effects.

    Return None if no command is being handled.
    """
    command = _command.get(None)
    if command is None:
        return None
    command.run = run_or_none(run)
    return command.event_id


class OperatorAudit:
    """The audit of one service: a factory of one middleware for each message."""

    def __init__(self, context: ServiceContext) -> None:
        """Audit the commands to one service."""
        self._context = context

    def __call__(self, msg: Any | None, /, *, context: Any) -> BaseMiddleware:  # noqa: ANN401 - FastStream's signature
        """Make the middleware of one message."""
        return _Auditing(msg, context=context, audit=self)

    async def publish_command(
        self, subject: str, payload: bytes, code: str, command: _HandledCommand
    ) -> None:
        """Publish a command and its outcome; raises Unavailable if the log does not store it.

        The id is new for each command that arrives and independent of its content: an id that the sender could
        choose would hide a second command behind the first. A command sent twice is two events.
        """
        context = self._context
        where = fields(subject)
        data = Commanded(
            operator=where.operator,
            command=f"{where.entity}.{where.action}",
            code=code,
            summary=summary(payload),
        )
        event = Event[Commanded](
            event_id=command.event_id,
            type=subjects.COMMANDED.type,
            occurred_at=context.clock.now(),
            tick=0,
            actor=context.service,
            correlation_id=command.run,
            data=data,
        )
        await reliable_publish(
            context.jetstream,
            subjects.COMMANDED(run=command.run),
            event.model_dump_json().encode(),
            event.event_id,
            DEADLINE_S,
        )


class _Auditing(BaseMiddleware):
    def __init__(self, msg: Any | None, /, *, context: Any, audit: OperatorAudit) -> None:  # noqa: ANN401 - as above
        super().__init__(msg, context=context)
        self._audit = audit

    async def consume_scope(
        self, call_next: Callable[[StreamMessage[Any]], Awaitable[object]], msg: StreamMessage[Any]
    ) -> object:
        subject: str = getattr(msg.raw_message, "subject", "")
        if subject.partition(".")[0] != _DOMAIN:
            return await call_next(msg)
        command, code = _HandledCommand(random_id()), FAILED
        token = _command.set(command)
        try:
            result = await call_next(msg)
            code = DONE
        except EconsimError as error:
            code = error.error_code
            raise
        finally:
            _command.reset(token)
            await self._audit.publish_command(subject, msg.body, code, command)
        return result


def summary(payload: bytes) -> str:
    """Return any payload as one shortened line of printable text."""
    # The beginning is enough: a character has at most four bytes, a scenario has megabytes.
    text = payload[: 4 * SUMMARY_LENGTH_MAX].decode(errors="replace")
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
    cut = len(payload) > 4 * SUMMARY_LENGTH_MAX or len(line) > SUMMARY_LENGTH_MAX
    return f"{line[: SUMMARY_LENGTH_MAX - 1]}…" if cut else line
