"""Messages about runs, periods and ticks."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from econsim.schemas.base import Event, Message, Request
from econsim.schemas.executor import Execution
from econsim.schemas.names import RunName
from econsim.schemas.scenario import Scenario
from econsim.schemas.types import Name


class Ping(Request):
    """Ask whether a clock service is running."""


class Pong(Message):
    """Answer of a clock service: runs can be opened."""

    process: str
    """Name of the clock service's worker that answered."""


class OpenRun(Request):
    """An operator's request to start a run of a scenario."""

    run: RunName
    """Id of the new run; also the correlation id of everything it causes."""
    scenario: Scenario
    """Scenario of the run, complete with its seed."""
    execution: Execution = Execution.SHARED
    """Execution of the run; `whole` for a scenario in lock-step whose agents all run on one host, by code."""


class CloseRun(Request):
    """An operator's request to end a run before it ends by itself."""

    run: Name
    """Id of the run."""


class StopRun(Request):
    """An operator's request to stop a run where it is; `OpenRun` with the same scenario resumes it."""

    run: Name
    """Id of the run."""


class RunOpened(Message):
    """A run began: everything a service needs to take part."""

    scenario: Scenario
    """Scenario of the run."""
    salt: str
    """Secret of the run, hex; it makes derived event ids unguessable."""
    execution: Execution = Execution.SHARED
    """Execution of the run, the same at every resumption."""


class RunClosed(Message):
    """A run ended."""

    ticks: int
    """Number of ticks of the run."""
    periods: int
    """Number of periods of the run."""
    journal_sequence: int
    """Sequence of the ledger's last journal entry: a reader that has read it has read all entries."""
    interrupted: bool = False
    """True if an operator ended the run early."""
    failure: str = ""
    """Reason why the run ended early, as a sentence; empty when it ran to its end."""


class RunStopped(Message):
    """An operator stopped a run; no service works on it until it is resumed."""

    ticks: int
    """Number of ticks opened before the stop."""
    periods: int
    """Number of periods opened before the stop."""


class RunResumed(Message):
    """An operator resumed a stopped run."""

    ticks: int
    """Number of ticks opened so far."""


class PeriodOpened(Message):
    """Endowments were dealt; a trading day begins."""

    period: Annotated[int, Field(ge=1)]
    """Number of the period, from 1."""


class PeriodClosed(Message):
    """Units were redeemed and costs paid; a trading day ended."""

    period: Annotated[int, Field(ge=1)]
    """Number of the period, from 1."""


class Ticked(Message):
    """A tick opened: every agent may act once."""

    period: Annotated[int, Field(ge=1)]
    """Number of the period, from 1."""
    tick_of_period: Annotated[int, Field(ge=1)]
    """Number of the tick in its period, from 1."""


RunOpenedEvent = Event[RunOpened]
RunClosedEvent = Event[RunClosed]
RunStoppedEvent = Event[RunStopped]
RunResumedEvent = Event[RunResumed]
TickedEvent = Event[Ticked]
