"""Fields of each line of the log: those of the message being handled, or of the leader task, that writes the line."""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from typing import Final

from econsim.schemas.subject import fields
from econsim.services.handlers import handled_subject

_task: Final[ContextVar[Mapping[str, str] | None]] = ContextVar("task", default=None)


def note_task(service: str, task: str, run: str = "") -> None:
    """Have every line of the asyncio task that calls name this leader task."""
    _task.set({"service": service, "task": task} | ({"run": run} if run else {}))


def log_fields(process: str = "") -> dict[str, str]:
    """Return service, and run, agent, subject or task as far as they are known; `process` is the service of a process of its own."""
    found = {"service": process} | dict(_task.get() or {})
    service, subject = handled_subject()
    if service:
        found |= {"service": service, "subject": subject}
        if 4 <= len(subject.split(".")) <= 5 and not subject.startswith("$"):
            where = fields(subject)
            found |= {"run": where.run, "agent": where.agent}
    return {name: value for name, value in found.items() if value}
