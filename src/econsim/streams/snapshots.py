"""Buckets of the snapshots of services that fold the log."""

from __future__ import annotations

from typing import Final

from econsim.schemas.stream import DAY_S, Stream
from econsim.streams.buckets import bucket


def _snapshots(role: str, whose: str) -> Stream:
    """Return the bucket of a service's snapshots, which no other service writes or reads."""
    name = f"{role}_snapshots"
    return Stream(
        name=bucket(name),
        why=f"The newest snapshot of each {whose}: a restart folds what the log has after it. Losing one costs time alone.",
        subjects=(f"$KV.{name}.>",),
        max_age_s=7 * DAY_S,
        max_msgs_per_subject=1,
        allow_direct=True,
        reasons={
            "max_age_s": "a run that rested for longer is folded from its first event",
            "max_msgs_per_subject": "a snapshot covers all that the ones before it did",
            "allow_direct": "reading a snapshot is one request, and its bytes come as they are",
        },
    )


SNAPSHOTS: Final = {
    "market": _snapshots("market", "order book"),
    "ledger": _snapshots("ledger", "ledger"),
    "agent": _snapshots("agent", "host of agents"),
}
"""Service → bucket of its snapshots."""
