"""Progress of a run, from its events: what the first line of its file says."""

from __future__ import annotations

from typing import Any, Literal

from econsim import subjects
from econsim.domain.audit.facts import Record
from econsim.errors import InvalidMessage
from econsim.runs.run_facts import RunFacts, RunState
from econsim.runs.run_hash import RunHash


class RunProgress:
    """State of one run, event by event."""

    def __init__(self) -> None:
        """Start before the first event."""
        self._opened: Record | None = None
        self._state: RunState = "open"
        self._failure = ""
        self._ticks = self._periods = self._events = 0
        self._hash = RunHash()

    def add(self, entry: Record) -> None:
        """Add the next event."""
        self._events += 1
        self._hash.add(entry)
        match entry.type:
            case subjects.RUN_OPENED.type:
                self._opened = entry
            case subjects.TICKED.type:
                self._ticks, self._periods = entry.tick, entry.data["period"]
            case subjects.RUN_STOPPED.type:
                self._state = "stopped"
            case subjects.RUN_RESUMED.type:
                self._state = "open"
            case subjects.RUN_CLOSED.type:
                self._failure = entry.data.get("failure", "")
                self._state = "failed" if self._failure else "closed"

    def facts(self, transport: Literal["memory", "nats"], opened_at: str | None = None) -> RunFacts:
        """Return what is known; the time of the opening if it is not that of the event. Raises InvalidMessage without an opening."""
        if self._opened is None:
            message = "the log has no opening of this run; read it from its start"
            raise InvalidMessage(message)
        data: dict[str, Any] = self._opened.data
        return RunFacts(
            run=self._opened.correlation_id,
            transport=transport,
            scenario=data["scenario"],
            salt=data["salt"],
            opened_at=opened_at or self._opened.occurred_at,
            state=self._state,
            failure=self._failure,
            ticks=self._ticks,
            periods=self._periods,
            events=self._events,
            canonical_hash=self._hash.hexdigest(),
        )
