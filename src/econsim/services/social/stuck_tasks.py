"""Stuck tasks: commands in the queue of a run that is not open. One worker at a time turns them into dead letters.

The log says which runs are open, not this process's memory: a command becomes a dead letter only if no leader could take it.
"""

from __future__ import annotations

import time
from typing import Final

from econsim import subjects
from econsim.adapters.jetstream import direct_get, provision
from econsim.adapters.jetstream.audit_log import last_event
from econsim.adapters.jetstream.dead_letters import DeadLetterReason, store_as_dead_letter
from econsim.adapters.jetstream.task_consumers import task_consumer
from econsim.adapters.poll import Poll
from econsim.domain.agent.active_run import run_is_not_open
from econsim.domain.social.events import ACTOR
from econsim.errors import Refused
from econsim.schemas.subject import fields, is_token
from econsim.services.context import ServiceContext
from econsim.subjects import TASKS

LEASE: Final = "stuck_tasks.social"
"""Lease of the task."""

POLL_INTERVAL_S: Final = 3.0
"""Seconds between two looks at the queue."""

GRACE_S: Final = 10.0
"""Seconds a command may wait for its run to open, since it was first seen."""


async def serve(
    context: ServiceContext, grace_s: float = GRACE_S, poll_interval_s: float = POLL_INTERVAL_S
) -> None:
    """Look at the queue every POLL_INTERVAL_S until cancelled."""
    first_seen: dict[str, float] = {}
    async for _ in Poll(poll_interval_s):
        now = time.monotonic()
        counts = await provision.subject_counts(context.client, TASKS, ">")
        waiting = {subject for subject in counts if fields(subject).run not in context.runs}
        first_seen = {subject: first_seen.get(subject, now) for subject in waiting}
        for subject, since in first_seen.items():
            if now - since >= grace_s and (refusal := await _refusal(context, fields(subject).run)):
                await sweep(context, subject, refusal)


async def sweep(context: ServiceContext, subject: str, reason: Refused) -> int:
    """Turn every command on a subject into a dead letter; return how many."""
    await provision.delete_consumer(context.client, task_consumer(fields(subject).run))
    count = 0
    while found := await direct_get.get_last(context.client, TASKS, subject):
        why = DeadLetterReason(reason.error_code, str(reason), ACTOR)
        await store_as_dead_letter(context.jetstream, TASKS, found, why)
        await direct_get.delete(context.client, TASKS, found.sequence)
        count += 1
    return count


async def _refusal(context: ServiceContext, run: str) -> Refused | None:
    """Return the refusal of commands to a run; none if, by the log, it is open."""
    if not is_token(run):
        return run_is_not_open(run)
    opened = await last_event(context.client, subjects.RUN_OPENED(run=run))
    closed = await last_event(context.client, subjects.RUN_CLOSED(run=run))
    return run_is_not_open(run) if opened is None or closed is not None else None
