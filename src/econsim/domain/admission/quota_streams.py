"""Streams and bucket of the quotas: counters of what agents took, and the limits an operator changed.

Three streams by how long a count must live, because counters refuse an age limit of their own. They also
refuse to drop the newest and to be work queues. Part of `streams`, which lists them with the others.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from econsim.domain.admission.quota import HOUR_S, QuotaKind, pattern
from econsim.schemas.stream import DAY_S, Stream

PREFIX: Final = "quota"
"""First token of every counter's subject: `quota.<kind>.<run>.<agent>.<window number, or total>`."""


def _subjects(window_s: int) -> tuple[str, ...]:
    return tuple(f"{PREFIX}.{pattern(kind)}" for kind in QuotaKind if kind.window_s == window_s)


_ONE_TOTAL: Final = "a counter is its newest message; the increments before it are not needed"
_COUNTER: Final = "one request adds and tells the total, however many workers add at once"

QUOTA_SECONDS: Final = Stream(
    name="quota_seconds",
    why="What each agent took in each second; a window's counter is not needed after it.",
    subjects=_subjects(1),
    storage="memory",
    max_age_s=120,
    max_msgs=500_000,
    max_msgs_per_subject=1,
    allow_msg_counter=True,
    reasons=MappingProxyType(
        {
            "storage": "35 000 increments a second instead of 4 500 on a disk that is flushed; `workers.redeclare` "
            "makes it anew when a single server has forgotten it",
            "max_age_s": "one second, room for workers whose clocks differ, and no less than message ids are remembered",
            "max_msgs": "the server's memory stays bounded; the oldest windows go first, and they have passed",
            "max_msgs_per_subject": _ONE_TOTAL,
            "allow_msg_counter": _COUNTER,
        }
    ),
)

QUOTA_HOURS: Final = Stream(
    name="quota_hours",
    why="What each agent took in each hour.",
    subjects=_subjects(HOUR_S),
    max_age_s=2 * HOUR_S,
    max_msgs_per_subject=1,
    allow_msg_counter=True,
    reasons=MappingProxyType(
        {
            "max_age_s": "the age counts from the last increment, which may be the window's first; an hour more than it",
            "max_msgs_per_subject": _ONE_TOTAL,
            "allow_msg_counter": _COUNTER,
        }
    ),
)

QUOTA_USAGE: Final = Stream(
    name="quota_usage",
    why="What each agent holds, or took since its run opened.",
    subjects=_subjects(0),
    max_age_s=30 * DAY_S,
    max_msgs_per_subject=1,
    allow_msg_counter=True,
    reasons=MappingProxyType(
        {
            "max_age_s": "as long as the log: a total that went away would let the agent take everything again",
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
            "max_msgs_per_subject": "only the limits that hold now matter; the log tells who changed them",
            "allow_direct": "anybody who may look reads one without the JetStream API",
        }
    ),
)
