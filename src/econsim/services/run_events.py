"""What every service hears of runs: one opened, closed, was stopped, or goes on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

from faststream.nats import NatsRouter

from econsim import subjects
from econsim.schemas.clock import RunClosedEvent, RunOpenedEvent, RunResumedEvent, RunStoppedEvent
from econsim.schemas.subject import Subject
from econsim.services.handlers import event
from econsim.services.leadership import Leadership

Forget = Callable[[str], None]
"""Told of a run that is served no more."""


def hear_of_runs(
    routes: NatsRouter, leadership: Leadership, service: str, forget: Forget = lambda _: None
) -> None:
    """Have a service's posts follow what is told of runs."""

    async def opened(told: RunOpenedEvent) -> None:
        leadership.opened(told)

    async def closed(told: RunClosedEvent) -> None:
        leadership.closed(told.correlation_id)
        forget(told.correlation_id)

    async def stopped(told: RunStoppedEvent) -> None:
        leadership.closed(told.correlation_id)
        forget(told.correlation_id)

    async def resumed(_: RunResumedEvent) -> None:
        leadership.look()

    handlers: Final[tuple[tuple[Subject, Callable[[Any], Awaitable[None]]], ...]] = (
        (subjects.RUN_OPENED, opened),
        (subjects.RUN_CLOSED, closed),
        (subjects.RUN_STOPPED, stopped),
        (subjects.RUN_RESUMED, resumed),
    )
    for subject, handler in handlers:
        # The catalog knows a handler by its name, and all services may share a process.
        handler.__name__ = f"{service}_run_{handler.__name__}"
        routes.subscriber(subject.pattern(), decoder=event, no_reply=True)(handler)
