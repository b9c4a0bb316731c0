"""The clock service: operators open, stop and close runs; one worker drives each run to its end."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from econsim import subjects
from econsim.domain.agent.active_run import ActiveRun
from econsim.schemas.clock import (
    CloseRun,
    OpenRun,
    Ping,
    Pong,
    RunClosedEvent,
    RunOpenedEvent,
    RunStoppedEvent,
    StopRun,
)
from econsim.services.clock import run_driver, run_lifecycle
from econsim.services.context import ServiceContext
from econsim.services.definition import ServiceDefinition
from econsim.services.handlers import TRUSTED_BYTES_MAX, caller, current_context
from econsim.services.leadership import LeaderTask
from econsim.services.operator_audit import note_command_run

service = ServiceDefinition("clock")
"""The clock service."""


@service.request(subjects.OPEN_RUN, bytes_max=TRUSTED_BYTES_MAX)
async def open_run(request: OpenRun) -> RunOpenedEvent:
    """Start a run, or resume one that is stopped."""
    note_command_run(request.run)
    return await run_lifecycle.open_run(current_context(), request, caller().operator)


@service.request(subjects.STOP_RUN)
async def stop_run(request: StopRun) -> RunStoppedEvent:
    """Stop a run where it is; its effect is `system.run.stopped`."""
    note_command_run(request.run)
    context = current_context()
    return await run_lifecycle.stop_run(context, await context.require_run(request.run), caller().operator)


@service.request(subjects.CLOSE_RUN)
async def close_run(request: CloseRun) -> RunClosedEvent:
    """End a run where it is; its effect is `system.run.closed`."""
    note_command_run(request.run)
    context = current_context()
    return await run_lifecycle.close_run(context, await context.require_run(request.run), caller().operator)


@service.request(subjects.PING)
async def ping(_: Ping) -> Pong:
    """Answer that runs can be opened."""
    return Pong(process=current_context().holder)


@service.tasks_of_run
def driver(context: ServiceContext, run: ActiveRun) -> Sequence[LeaderTask]:
    """Return the one task of a run: to drive it, unless an executor does."""
    if run.is_whole:
        return ()
    return (LeaderTask(f"clock.{run.name}", partial(run_driver.serve, context, run)),)
