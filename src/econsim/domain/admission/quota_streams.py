"""Streams of the quota counters, and the bucket of limits that an operator changed.

Counters live in three streams, one per lifetime, because a counter stream refuses age limits of single messages. It
also refuses `discard: new` and work-queue retention. `streams.py` lists these streams with all others.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from econsim.domain.admission.quota import HOUR_S, QuotaKind, pattern
from econsim.schemas.stream import DAY_S, Stream

PREFIX: Final = "quota"
"""First token of the subject of every counter: `quota.<kind>.<run>.<agent>.<window number, or total>`."""


def _subjects(window_s: int) -> tuple[str, ...]:
    return tuple(f"{PREFIX}.{pattern(kind)}" for kind in QuotaKind if kind.window_s == window_s)


_ONE_TOTAL: Final = "a counter is the newest message of its subject; earlier increments are not needed"
_COUNTER: Final = "one request adds and returns the total, however many workers add at once"

QUOTA_SECONDS: Final = Stream(
    name="quota_seconds",
    why="Amounts that each agent took in each second; a counter is not needed after its window.",
    subjects=_subjects(1),
    storage="memory",
    max_age_s=120,
    max_msgs=500_000,
    max_msgs_per_subject=1,
    allow_msg_counter=True,
    reasons=MappingProxyType(
        {
            "storage": "35 000 increments a second instead of 4 500 on a disk that is flushed; "
            "`services/admin/memory_streams.py` creates it again after a single server restarted",
            "max_age_s": "one second, room for workers whose clocks differ, and no less than message ids are remembered",
            "max_msgs": "the server's memory stays bounded; the oldest windows go first, and they have passed",
            "max_msgs_per_subject": _ONE_TOTAL,
            "allow_msg_counter": _COUNTER,
        }
    ),
)

QUOTA_HOURS: Final = Stream(
    name="quota_hours",
    why="Amounts that each agent took in each hour.",
    subjects=_subjects(HOUR_S),
    max_age_s=2 * HOUR_S,
    max_msgs_per_subject=1,
    allow_msg_counter=True,
    reasons=MappingProxyType(
        {
            "max_age_s": "the age counts from the last increment, which may be the window's first; one hour longer than a window",
            "max_msgs_per_subject": _ONE_TOTAL,
            "allow_msg_counter": _COUNTER,
        }
    ),
)

QUOTA_USAGE: Final = Stream(
    name="quota_usage",
    why="Amounts that each agent uses now, or took since its run opened.",
    subjects=_subjects(0),
    max_age_s=30 * DAY_S,
    max_msgs_per_subject=1,
    allow_msg_counter=True,
    reasons=MappingProxyType(
        {
            "max_age_s": "as long as the log: without its total an agent could take everything again",
            "max_msgs_per_subject": _ONE_TOTAL,
            "allow_msg_counter": _COUNTER,
        }
    ),
)

QUOTAS: Final = Stream(
    name="KV_quotas",
    why="Limits that differ from the defaults: of a run, key `<run>.default`, or of one agent, `<run>.<agent>`.",
    subjects=("$KV.quotas.>",),
    max_msgs_per_subject=1,
    allow_direct=True,
    reasons=MappingProxyType(
        {
            "max_msgs_per_subject": "only the limits in force matter; the log records who changed them",
            "allow_direct": "roles that may read limits do so without the JetStream API",
        }
    ),
)
