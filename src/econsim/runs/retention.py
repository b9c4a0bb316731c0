"""Retention of a run: the log keeps it for 30 days."""

from __future__ import annotations

from datetime import datetime, timedelta

from econsim.streams import AUDIT_LOG


def retention_end(stored_at: str) -> str:
    """Return the day (UTC) on which the log drops a record that was stored at an RFC 3339 time."""
    end = datetime.fromisoformat(stored_at[:19]) + timedelta(seconds=AUDIT_LOG.max_age_s)
    return f"{end:%Y-%m-%d}"
