"""Times as events have them: RFC 3339, UTC, with nine digits, so that their order as text is their order in time. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


def instant(text: str) -> datetime:
    """Return the time that a text stands for, to the microsecond."""
    return datetime.fromisoformat(text[:26].removesuffix("Z")).replace(tzinfo=UTC)


def later(text: str, milliseconds: int) -> str:
    """Return the time so many milliseconds after another."""
    found = instant(text) + timedelta(milliseconds=milliseconds)
    return f"{found:%Y-%m-%dT%H:%M:%S.%f}000Z"
