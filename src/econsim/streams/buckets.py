"""Names of the streams behind buckets, and the age of the log: for the declarations of all streams."""

from __future__ import annotations

from typing import Final

from econsim.schemas.stream import DAY_S

LOG_AGE_S: Final = 30 * DAY_S
"""Seconds that the log keeps an event."""


def bucket(name: str) -> str:
    """Return the name of the stream behind a bucket."""
    return f"KV_{name}"
