"""Subjects of the clock service."""

from __future__ import annotations

from typing import Final

from econsim.schemas.subject import Subject
from econsim.schemas.subject_rows import event, operator, request

__all__ = [
    "CLOSE_RUN",
    "OF_RUNS",
    "OPEN_RUN",
    "PERIOD_CLOSED",
    "PERIOD_OPENED",
    "PING",
    "RUN_CLOSED",
    "RUN_OPENED",
    "RUN_RESUMED",
    "RUN_STOPPED",
    "STOP_RUN",
    "TICKED",
]


def _event(name: str, message: str, description: str, short: str = "") -> Subject:
    """Return an event of domain `system`."""
    return event("clock", f"system.{name}", message, description, short)


PING: Final = request(
    "clock", "system.clock.ping", "Ping", "Pong", "Question whether runs can be opened; for operators."
)
RUN_OPENED: Final = _event("run.opened", "RunOpened", "A run opened.")
RUN_CLOSED: Final = _event("run.closed", "RunClosed", "A run closed.", "run.closed")
RUN_STOPPED: Final = _event("run.stopped", "RunStopped", "A run was stopped where it is.")
RUN_RESUMED: Final = _event("run.resumed", "RunResumed", "A stopped run was resumed.")
PERIOD_OPENED: Final = _event(
    "clock.period_opened", "PeriodOpened", "A period opened: endowments are dealt.", "clock.period_opened"
)
PERIOD_CLOSED: Final = _event(
    "clock.period_closed",
    "PeriodClosed",
    "A period closed: units are redeemed and costs paid.",
    "clock.period_closed",
)
TICKED: Final = _event("clock.ticked", "Ticked", "A tick opened: every agent may act once.", "clock.ticked")
OPEN_RUN: Final = operator(
    "clock",
    "run.open",
    "OpenRun",
    "RunOpenedEvent",
    "Start of a run, or resumption of a stopped one; its effect is `system.run.opened` or `system.run.resumed`.",
)
STOP_RUN: Final = operator(
    "clock", "run.stop", "StopRun", "RunStoppedEvent", "Stop of a run; its effect is `system.run.stopped`."
)
CLOSE_RUN: Final = operator(
    "clock",
    "run.close",
    "CloseRun",
    "RunClosedEvent",
    "Early end of a run; its effect is `system.run.closed`.",
)

OF_RUNS: Final = ".".join((*RUN_OPENED.template.split(".")[:2], "*", "*"))
"""Pattern of every event about runs as such: opened, closed, stopped, resumed."""

REQUESTS: Final = (PING,)
"""Requests, in the order of the table."""

EVENTS: Final = (RUN_OPENED, RUN_CLOSED, RUN_STOPPED, RUN_RESUMED, PERIOD_OPENED, PERIOD_CLOSED, TICKED)
"""Events, in the order of the table."""

OPERATOR_REQUESTS: Final = (OPEN_RUN, STOP_RUN, CLOSE_RUN)
"""Operators' requests, in the order of the table."""
