"""Consumers of the queue of tasks as data, with the reason for each limit; the only place that declares them."""

from __future__ import annotations

from typing import Final

from econsim.schemas.stream import Consumer
from econsim.subjects import DELEGATE_TASK, TASKS

SOCIAL_INBOX: Final = "_INBOX.social"
"""Prefix of the subjects of the queue's deliveries: only the social service may subscribe there."""

ACK_WAIT_S: Final = 300
"""Seconds until an unacknowledged command is redelivered. Long, because commands wait while a period is settled; a worker
that takes a run over creates the consumer again and gets them at once."""

PENDING_MAX: Final = 1_000
"""Commands under way at once: a burst must not fill the worker's memory."""


def task_consumer(run: str, holder: str = "any") -> Consumer:
    """Return the consumer of the tasks of one run.

    `holder` is a new name for every take-over, so that a worker never receives deliveries for the worker before it.
    """
    name = f"tasks_OF_{run}"
    return Consumer(
        stream=TASKS,
        name=name,
        why="Feeds the leader of a run's tasks; one worker at a time, by lease.",
        filter_subject=DELEGATE_TASK.pattern(run=run),
        deliver_subject=f"{SOCIAL_INBOX}.{name}.{holder}",
        ack_wait_s=ACK_WAIT_S,
        max_ack_pending=PENDING_MAX,
        # A command is refused with a delivery, never given up without one.
        max_deliver=-1,
    )
