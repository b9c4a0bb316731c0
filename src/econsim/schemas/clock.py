"""Runs, periods and ticks: how a run is opened, paced and closed."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from econsim.schemas.base import Event, Message, Request
from econsim.schemas.names import RunName
from econsim.schemas.scenario import Scenario
from econsim.schemas.types import Name


class Ping(Request):
    """Ask whether anybody opens runs."""


class Pong(Message):
    """Somebody does."""

    process: str
    """Which worker of the clock service answered."""


class OpenRun(Request):
    """An operator's request to start a run of a scenario."""

    run: RunName
    """Id of the new run; also the correlation id of everything it causes."""
    scenario: Scenario
    """What to run, complete with its seed."""


class CloseRun(Request):
    """An operator's request to end a run before it ends by itself."""

    run: Name
    """The run."""


class StopRun(Request):
    """An operator's request to stop a run where it is; `OpenRun` with its scenario goes on with it."""

    run: Name
    """The run."""


class RunOpened(Message):
    """A run began: everything a service needs to take part."""

    scenario: Scenario
    """What is run."""
    salt: str
    """Secret of the run, hex: makes derived event ids unguessable."""


class RunClosed(Message):
    """A run ended."""

    ticks: int
    """Ticks it took."""
    periods: int
    """Trading days it took."""
    journal_sequence: int
    """The ledger's last journal entry: a reader that has seen it has seen all."""
    interrupted: bool = False
    """Whether an operator ended it before its time."""
    failure: str = ""
    """Reason why the run ended early, as a sentence; empty when it ran to its end."""


class RunStopped(Message):
    """An operator stopped a run: nobody serves it until it is resumed."""

    ticks: int
    """Ticks opened when the operator asked."""
    periods: int
    """Trading days opened when the operator asked."""


class RunResumed(Message):
    """An operator went on with a run that was stopped."""

    ticks: int
    """Ticks opened so far."""


class PeriodOpened(Message):
    """Endowments were dealt; a trading day begins."""

    period: Annotated[int, Field(ge=1)]
    """Which."""


class PeriodClosed(Message):
    """Units were redeemed and costs paid; a trading day ended."""

    period: Annotated[int, Field(ge=1)]
    """Which."""


class Ticked(Message):
    """A tick opened: every agent may act once."""

    period: Annotated[int, Field(ge=1)]
    """Trading day."""
    tick_of_period: Annotated[int, Field(ge=1)]
    """Ticks since the period opened."""


RunOpenedEvent = Event[RunOpened]
RunClosedEvent = Event[RunClosed]
RunStoppedEvent = Event[RunStopped]
RunResumedEvent = Event[RunResumed]
PeriodOpenedEvent = Event[PeriodOpened]
PeriodClosedEvent = Event[PeriodClosed]
TickedEvent = Event[Ticked]
