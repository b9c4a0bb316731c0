"""The clock service: opens runs on an operator's request and drives each to its end."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from faststream.nats import NatsRouter

from econsim import subjects
from econsim.adapters.audit_log import last
from econsim.adapters.clock import random_id
from econsim.adapters.connection import reliable_publish
from econsim.domain.decode import event_of
from econsim.domain.envelope import Stamp
from econsim.domain.population import population
from econsim.errors import Conflict
from econsim.link import Link
from econsim.middlewares import TRUSTED_BYTES_MAX, caller, event, wire
from econsim.operator_audit import about
from econsim.schemas.clock import (
    CloseRun,
    Ping,
    Pong,
    RunClosed,
    RunClosedEvent,
    RunOpened,
    RunOpenedEvent,
    Ticked,
)
from econsim.schemas.clock import OpenRun as OpenRunRequest
from econsim.tenancy import OpenRun, Post, Tenancy
from econsim.workers import conductor

QUEUE = "clock"
"""Queue group: one worker opens a run."""


def router(link: Link, tenancy: Tenancy) -> NatsRouter:
    """Return what every worker of the service listens to."""
    routes = NatsRouter()

    @routes.subscriber(subjects.OPEN_RUN.pattern(), QUEUE, decoder=wire(OpenRunRequest, TRUSTED_BYTES_MAX))
    async def open_run(request: OpenRunRequest) -> RunOpenedEvent:
        """Start a run; its effect is `system.run.opened`."""
        about(request.run)
        return await opened(link, request, caller().operator)

    @routes.subscriber(subjects.CLOSE_RUN.pattern(), QUEUE, decoder=wire(CloseRun))
    async def close_run(request: CloseRun) -> RunClosedEvent:
        """End a run where it is; its effect is `system.run.closed`."""
        about(request.run)
        return await closed(link, tenancy.known(request.run), caller().operator)

    @routes.subscriber(subjects.PING.pattern(), QUEUE, decoder=wire(Ping))
    async def ping(_: Ping) -> Pong:
        """Tell that runs can be opened here."""
        return Pong(process=link.holder)

    @routes.subscriber(subjects.RUN_OPENED.pattern(), decoder=event, no_reply=True)
    async def clock_run_opened(told: RunOpenedEvent) -> None:
        tenancy.opened(told)

    @routes.subscriber(subjects.RUN_CLOSED.pattern(), decoder=event, no_reply=True)
    async def clock_run_closed(told: RunClosedEvent) -> None:
        tenancy.closed(told.correlation_id)

    return routes


def posts(link: Link, run: OpenRun) -> Sequence[Post]:
    """Return the one clock of a run."""
    return (Post(f"clock.{run.name}", partial(conductor.serve, link, run)),)


async def opened(link: Link, request: OpenRunRequest, operator: str) -> RunOpenedEvent:
    """Publish a run's opening, once; raises Conflict if the name stands for another scenario."""
    population(request.scenario)
    subject = subjects.RUN_OPENED(run=request.run)
    stored = await last(link.client, subject)
    if stored is not None:
        found = event_of(RunOpened, stored.subject, stored.payload)
        if found and found.data.scenario == request.scenario:
            return found
        message = f"run {request.run!r} exists with another scenario; choose another name"
        raise Conflict(message, code="run_exists_with_different_scenario")
    data = RunOpened(scenario=request.scenario, salt=random_id())
    stamp = Stamp(request.run, data.salt, 0, link.clock.now())
    sealed = stamp.event(subjects.RUN_OPENED, operator, data)
    await reliable_publish(link.jetstream, sealed.subject, sealed.json(), f"open-{request.run}")
    return RunOpenedEvent.model_validate_json(sealed.json())


async def closed(link: Link, run: OpenRun, operator: str) -> RunClosedEvent:
    """Publish a run's end where it is; raises Conflict if it has ended."""
    stored = await last(link.client, subjects.TICKED(run=run.name))
    ticked = event_of(Ticked, stored.subject, stored.payload) if stored else None
    data = RunClosed(
        ticks=ticked.tick if ticked else 0,
        periods=ticked.data.period if ticked else 0,
        journal_sequence=0,
        interrupted=True,
    )
    stamp = Stamp(run.name, run.data.salt, data.ticks, link.clock.now())
    sealed = stamp.event(subjects.RUN_CLOSED, operator, data)
    await reliable_publish(
        link.jetstream, sealed.subject, sealed.json(), sealed.event.event_id, expected_sequence=0
    )
    return RunClosedEvent.model_validate_json(sealed.json())
