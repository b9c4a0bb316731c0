"""Opening, stopping, resuming and closing runs: each is one event about the run, published once.

An event is published behind the newest one of its subject (an expected sequence), so of two operators who act at
once one raises Conflict. Opening, stopping and closing are idempotent: a repeat returns the stored event.
"""

from __future__ import annotations

from contextlib import suppress

from econsim import subjects
from econsim.adapters.clock import random_id
from econsim.adapters.jetstream.audit_log import StoredEvent, last_event
from econsim.adapters.nats.connection import reliable_publish
from econsim.domain.agent.active_run import ActiveRun
from econsim.domain.agent.conditions import check_conditions
from econsim.domain.audit.decoding import event_of
from econsim.domain.audit.envelope import AddressedEvent, Envelope
from econsim.domain.execution.eligibility import why_not_whole
from econsim.errors import Conflict, InvalidMessage
from econsim.schemas.base import Event
from econsim.schemas.clock import (
    OpenRun,
    RunClosed,
    RunClosedEvent,
    RunOpened,
    RunOpenedEvent,
    RunResumed,
    RunStopped,
    RunStoppedEvent,
    Ticked,
)
from econsim.schemas.executor import Execution
from econsim.services.context import ServiceContext


async def open_run(context: ServiceContext, request: OpenRun, operator: str) -> RunOpenedEvent:
    """Open a run, or resume it if it is stopped.

    Raises Conflict if the name stands for another scenario, or if somebody else opens it at the same time, InvalidMessage for a
    scenario that nobody can execute as requested.
    """
    check_conditions(request.scenario)
    if request.execution is Execution.WHOLE and (reason := why_not_whole(request.scenario)):
        message = f"scenario {request.scenario.name!r} {reason}, so services must share its run; open it as `shared`"
        raise InvalidMessage(message)
    stored = await last_event(context.client, subjects.RUN_OPENED(run=request.run))
    if stored is not None:
        found = event_of(RunOpened, stored.subject, stored.payload)
        if found and found.data.scenario == request.scenario:
            await resume_run(context, found, operator)
            return found
        message = f"run {request.run!r} exists with another scenario; choose another name"
        raise Conflict(message, code="run_exists_with_different_scenario")
    data = RunOpened(scenario=request.scenario, salt=random_id(), execution=request.execution)
    envelope = Envelope(request.run, data.salt, 0, context.clock.now())
    addressed = envelope.event(subjects.RUN_OPENED, operator, data)
    await _publish_after(context, addressed, 0)
    return RunOpenedEvent.model_validate_json(addressed.json())


async def close_run(context: ServiceContext, run: ActiveRun, operator: str) -> RunClosedEvent:
    """End a run where it is; idempotent. Raises Conflict if the run's clock has ended it meanwhile."""
    ticks, periods = await _progress(context, run.name)
    data = RunClosed(ticks=ticks, periods=periods, journal_sequence=0, interrupted=True)
    envelope = Envelope(run.name, run.data.salt, data.ticks, context.clock.now())
    addressed = envelope.event(subjects.RUN_CLOSED, operator, data)
    try:
        await _publish_after(context, addressed, 0)
    except Conflict:
        stored = await last_event(context.client, subjects.RUN_CLOSED(run=run.name))
        found = event_of(RunClosed, stored.subject, stored.payload) if stored else None
        if stored is None or found is None or not found.data.interrupted:
            raise
        return RunClosedEvent.model_validate_json(stored.payload)
    return RunClosedEvent.model_validate_json(addressed.json())


async def stop_run(context: ServiceContext, run: ActiveRun, operator: str) -> RunStoppedEvent:
    """Stop a run where it is, unless it is stopped; raises Conflict if somebody else stops it at the same time."""
    stop, resumption = await _newest_stop(context, run.name), await _newest_resumption(context, run.name)
    sequence = stop.sequence if stop else 0
    if stop and sequence > resumption and event_of(RunStopped, stop.subject, stop.payload):
        return RunStoppedEvent.model_validate_json(stop.payload)
    ticks, periods = await _progress(context, run.name)
    envelope = Envelope(run.name, run.data.salt, ticks, context.clock.now(), run.event_id)
    data = RunStopped(ticks=ticks, periods=periods)
    addressed = envelope.event(subjects.RUN_STOPPED, operator, data, sequence)
    await _publish_after(context, addressed, sequence)
    return RunStoppedEvent.model_validate_json(addressed.json())


async def resume_run(context: ServiceContext, opening: Event[RunOpened], operator: str) -> None:
    """Let a run go on, if it is stopped."""
    run = opening.correlation_id
    stop, sequence = await _newest_stop(context, run), await _newest_resumption(context, run)
    is_stopped = stop is not None and stop.sequence > sequence
    if not is_stopped or await last_event(context.client, subjects.RUN_CLOSED(run=run)):
        return
    ticks, _ = await _progress(context, run)
    envelope = Envelope(run, opening.data.salt, ticks, context.clock.now(), opening.event_id)
    addressed = envelope.event(subjects.RUN_RESUMED, operator, RunResumed(ticks=ticks), sequence)
    with suppress(Conflict):  # another operator was faster
        await _publish_after(context, addressed, sequence)


async def _publish_after(context: ServiceContext, addressed: AddressedEvent, sequence: int) -> None:
    """Publish an event if the newest one of its subject has this sequence; raises Conflict otherwise."""
    id_ = addressed.event.event_id
    await reliable_publish(
        context.jetstream, addressed.subject, addressed.json(), id_, expected_sequence=sequence
    )


async def _newest_stop(context: ServiceContext, run: str) -> StoredEvent | None:
    return await last_event(context.client, subjects.RUN_STOPPED(run=run))


async def _newest_resumption(context: ServiceContext, run: str) -> int:
    """Return the sequence of the run's newest resumption, 0 for none."""
    found = await last_event(context.client, subjects.RUN_RESUMED(run=run))
    return found.sequence if found else 0


async def _progress(context: ServiceContext, run: str) -> tuple[int, int]:
    """Return the number of ticks and of periods that were opened."""
    stored = await last_event(context.client, subjects.TICKED(run=run))
    ticked = event_of(Ticked, stored.subject, stored.payload) if stored else None
    return (ticked.tick, ticked.data.period) if ticked else (0, 0)
