"""Limits of the social service, each with its reason, and counts within a window of time. Pure."""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from econsim.domain.social.instants import instant
from econsim.errors import QuotaExceeded


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit of one party."""

    code: str
    """Code of the refusal."""
    most: int
    """Number that is allowed."""
    what: str
    """Counted thing, for people."""
    window_s: int = 0
    """Seconds in which it is counted; 0 for those that exist at one time, or over the whole run."""


QUESTIONS_OPEN: Final = Limit("open_questions_are_exceeded", 8, "questions that wait for an answer")
"""Open questions of one asker: a person who is asked more at once answers none with care."""

QUESTIONS_PER_HOUR: Final = Limit("questions_per_hour_are_exceeded", 60, "questions an hour", 3_600)
"""Questions of one asker in an hour, requests for consent included: one a minute, so that nobody can be worn down."""

QUESTIONS_PER_RUN: Final = Limit("questions_per_run_are_exceeded", 1_000, "questions in a run")
"""Questions of one asker in a run: every one is remembered, so that no repeat asks anybody twice."""

MESSAGES_PER_MINUTE: Final = Limit(
    "messages_per_minute_are_exceeded", 30, "messages a minute to one agent", 60
)
"""Messages of one agent to another in a minute: a conversation, no flood."""

TASKS_OPEN: Final = Limit("open_tasks_are_exceeded", 32, "delegated tasks that have not ended")
"""Open tasks of one delegator."""

TASKS_OPEN_TO_ONE: Final = Limit("open_tasks_are_exceeded", 8, "open tasks to one agent")
"""Open tasks of one delegator to one taker: more offers than that are advertising."""

TASKS_PER_RUN: Final = Limit("tasks_per_run_are_exceeded", 10_000, "tasks in a run")
"""Tasks of one delegator in a run: every one is remembered, so that no repeat is paid twice."""

PROGRESS_PER_TASK: Final = Limit("progress_per_task_is_exceeded", 1_000, "reports of progress on one task")
"""Reports of progress on one task: each is an event of the log."""


def require_below(limit: Limit, count: int) -> None:
    """Raise QuotaExceeded if one more is not allowed."""
    if count >= limit.most:
        raise limit_refusal(limit)


def limit_refusal(limit: Limit, retry_after_ms: int | None = None) -> QuotaExceeded:
    """Return the refusal of one more."""
    remedy = f"try again in {retry_after_ms} ms" if retry_after_ms else "end some first"
    if limit in (QUESTIONS_PER_RUN, TASKS_PER_RUN, PROGRESS_PER_TASK):
        remedy = "do with those you have"
    message = f"at most {limit.most} {limit.what} are allowed; {remedy}"
    return QuotaExceeded(
        message, code=limit.code, retry_after_ms=retry_after_ms, quota=limit.code, limit=limit.most
    )


class SlidingCount:
    """Counts of what each key did in the newest window of a limit, from the times of events: the same after a restart.

    Bounded: a key has at most as many times as the limit allows, and a key without a recent time is dropped when it is
    looked at.
    """

    def __init__(self, limit: Limit) -> None:
        """Count for one limit."""
        self._limit = limit
        self._times: defaultdict[str, deque[str]] = defaultdict(lambda: deque(maxlen=limit.most))

    def add(self, key: str, now: str) -> None:
        """Count one at a time."""
        self._times[key].append(now)

    def require(self, key: str, now: str) -> None:
        """Raise QuotaExceeded, with the time to wait, if the key may do no more at this time."""
        times, window = self._times.get(key), timedelta(seconds=self._limit.window_s)
        if times is None:
            return
        if instant(now) - instant(times[-1]) >= window:
            del self._times[key]
            return
        left = instant(times[0]) + window - instant(now)
        if len(times) == self._limit.most and left > timedelta(0):
            raise limit_refusal(self._limit, max(1, round(left.total_seconds() * 1_000)))
