"""The clock service: opens runs on an operator's request and drives each to its end."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from functools import partial

from faststream.nats import NatsRouter

from econsim import subjects
from econsim.adapters.clock import random_id
from econsim.adapters.jetstream.audit_log import last
from econsim.adapters.nats.connection import reliable_publish
from econsim.domain.agent.population import population
from econsim.domain.audit.decoding import event_of
from econsim.domain.audit.envelope import AddressedEvent, Envelope
from econsim.errors import Conflict
from econsim.schemas.base import Event
from econsim.schemas.clock import (
    CloseRun,
    OpenRun,
    Ping,
    Pong,
    RunClosed,
    RunClosedEvent,
    RunOpened,
    RunOpenedEvent,
    RunResumed,
    RunStopped,
    RunStoppedEvent,
    StopRun,
    Ticked,
)
from econsim.services.clock import run_driver
from econsim.services.context import ServiceContext
from econsim.services.handlers import TRUSTED_BYTES_MAX, caller, wire
from econsim.services.leadership import ActiveRun, Leadership, Post
from econsim.services.operator_audit import about
from econsim.services.run_events import hear_of_runs

QUEUE = "clock"
"""Queue group: one worker opens a run."""


def router(context: ServiceContext, leadership: Leadership) -> NatsRouter:
    """Return what every worker of the service listens to."""
    routes = NatsRouter()

    @routes.subscriber(subjects.OPEN_RUN.pattern(), QUEUE, decoder=wire(OpenRun, TRUSTED_BYTES_MAX))
    async def open_run(request: OpenRun) -> RunOpenedEvent:
        """Start a run, or go on with one that was stopped."""
        about(request.run)
        return await opened(context, request, caller().operator)

    @routes.subscriber(subjects.STOP_RUN.pattern(), QUEUE, decoder=wire(StopRun))
    async def stop_run(request: StopRun) -> RunStoppedEvent:
        """Stop a run where it is; its effect is `system.run.stopped`."""
        about(request.run)
        return await stopped(context, leadership.known(request.run), caller().operator)

    @routes.subscriber(subjects.CLOSE_RUN.pattern(), QUEUE, decoder=wire(CloseRun))
    async def close_run(request: CloseRun) -> RunClosedEvent:
        """End a run where it is; its effect is `system.run.closed`."""
        about(request.run)
        return await closed(context, leadership.known(request.run), caller().operator)

    @routes.subscriber(subjects.PING.pattern(), QUEUE, decoder=wire(Ping))
    async def ping(_: Ping) -> Pong:
        """Tell that runs can be opened here."""
        return Pong(process=context.holder)

    hear_of_runs(routes, leadership, "clock")

    return routes


def posts(context: ServiceContext, run: ActiveRun) -> Sequence[Post]:
    """Return the one clock of a run."""
    return (Post(f"clock.{run.name}", partial(run_driver.serve, context, run)),)


async def opened(context: ServiceContext, request: OpenRun, operator: str) -> RunOpenedEvent:
    """Publish a run's opening, once; raises Conflict if the name stands for another scenario."""
    population(request.scenario)
    subject = subjects.RUN_OPENED(run=request.run)
    stored = await last(context.client, subject)
    if stored is not None:
        found = event_of(RunOpened, stored.subject, stored.payload)
        if found and found.data.scenario == request.scenario:
            await resumed(context, found, operator)
            return found
        message = f"run {request.run!r} exists with another scenario; choose another name"
        raise Conflict(message, code="run_exists_with_different_scenario")
    data = RunOpened(scenario=request.scenario, salt=random_id())
    envelope = Envelope(request.run, data.salt, 0, context.clock.now())
    addressed = envelope.event(subjects.RUN_OPENED, operator, data)
    await reliable_publish(context.jetstream, addressed.subject, addressed.json(), f"open-{request.run}")
    return RunOpenedEvent.model_validate_json(addressed.json())


async def closed(context: ServiceContext, run: ActiveRun, operator: str) -> RunClosedEvent:
    """Publish a run's end where it is; raises Conflict if it has ended."""
    ticks, periods = await _reached(context, run.name)
    data = RunClosed(
        ticks=ticks,
        periods=periods,
        journal_sequence=0,
        interrupted=True,
    )
    envelope = Envelope(run.name, run.data.salt, data.ticks, context.clock.now())
    addressed = envelope.event(subjects.RUN_CLOSED, operator, data)
    await _told_after(context, addressed, 0)
    return RunClosedEvent.model_validate_json(addressed.json())


async def stopped(context: ServiceContext, run: ActiveRun, operator: str) -> RunStoppedEvent:
    """Publish that a run stops where it is; raises Conflict if somebody else stopped it."""
    ticks, periods = await _reached(context, run.name)
    before = await last(context.client, subjects.RUN_STOPPED(run=run.name))
    place = before.sequence if before else 0
    envelope = Envelope(run.name, run.data.salt, ticks, context.clock.now(), run.event_id)
    data = RunStopped(ticks=ticks, periods=periods)
    addressed = envelope.event(subjects.RUN_STOPPED, operator, data, place)
    await _told_after(context, addressed, place)
    return RunStoppedEvent.model_validate_json(addressed.json())


async def resumed(context: ServiceContext, opening: Event[RunOpened], operator: str) -> None:
    """Publish that a run goes on, if it was stopped."""
    run = opening.correlation_id
    stop = await last(context.client, subjects.RUN_STOPPED(run=run))
    before = await last(context.client, subjects.RUN_RESUMED(run=run))
    place = before.sequence if before else 0
    if stop is None or stop.sequence < place or await last(context.client, subjects.RUN_CLOSED(run=run)):
        return
    ticks, _ = await _reached(context, run)
    envelope = Envelope(run, opening.data.salt, ticks, context.clock.now(), opening.event_id)
    addressed = envelope.event(subjects.RUN_RESUMED, operator, RunResumed(ticks=ticks), place)
    with suppress(Conflict):  # somebody else was faster
        await _told_after(context, addressed, place)


async def _told_after(context: ServiceContext, addressed: AddressedEvent, place: int) -> None:
    """Publish an event right behind the one of its subject that lies at this place."""
    id_ = addressed.event.event_id
    await reliable_publish(
        context.jetstream, addressed.subject, addressed.json(), id_, expected_sequence=place
    )


async def _reached(context: ServiceContext, run: str) -> tuple[int, int]:
    """Return how far a run came: ticks and periods opened."""
    stored = await last(context.client, subjects.TICKED(run=run))
    ticked = event_of(Ticked, stored.subject, stored.payload) if stored else None
    return (ticked.tick, ticked.data.period) if ticked else (0, 0)
