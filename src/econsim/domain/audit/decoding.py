"""Decoding of records of the log into typed events: the opposite of `envelope.AddressedEvent.json`. Pure.

Owns the table of event types.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar, cast

from pydantic import ValidationError

from econsim import subjects
from econsim.domain.audit.envelope import AddressedEvent
from econsim.errors import InvalidMessage
from econsim.schemas.admin import (
    Commanded,
    ConnectionChanged,
    LetterBuried,
    LetterDropped,
    LetterRetried,
    QuotaChanged,
    TrustChanged,
)
from econsim.schemas.admission import AdmissionRejected, AgentSuspended, Reported
from econsim.schemas.agent import CognitiveCyclesCompleted, CognitiveCyclesStarted, CycleCompleted
from econsim.schemas.base import Event
from econsim.schemas.clock import (
    PeriodClosed,
    PeriodOpened,
    RunClosed,
    RunOpened,
    RunResumed,
    RunStopped,
    Ticked,
)
from econsim.schemas.cognition import LlmInvoked
from econsim.schemas.ledger import TransferPosted, TransferRefused
from econsim.schemas.market import (
    Accepted,
    BatchOpened,
    Cancelled,
    PriceUpdated,
    Rejected,
    ResourceAllocated,
    TickCleared,
    Traded,
    TradingHalted,
)
from econsim.schemas.social_events import (
    ConsentChanged,
    MessagePosted,
    QuestionAsked,
    QuestionEnded,
    TaskAdvanced,
    TaskDelegated,
    TaskOffered,
    TaskRefused,
    TaskSettled,
)
from econsim.schemas.tool_events import BreakerClosed, BreakerOpened, ToolCompleted, ToolFailed, ToolsListed
from econsim.schemas.workspace_changes import FileDeleted, FileMoved, FileWritten

Data = TypeVar("Data")

_TYPES: Final = (
    (subjects.BATCH_OPENED, Event[BatchOpened]),
    (subjects.BID_ACCEPTED, Event[Accepted]),
    (subjects.ASK_ACCEPTED, Event[Accepted]),
    (subjects.ORDER_REJECTED, Event[Rejected]),
    (subjects.TRADE_EXECUTED, Event[Traded]),
    (subjects.ORDER_CANCELLED, Event[Cancelled]),
    (subjects.RESOURCE_ALLOCATED, Event[ResourceAllocated]),
    (subjects.TICK_CLEARED, Event[TickCleared]),
    (subjects.TRADING_HALTED, Event[TradingHalted]),
    (subjects.PRICE_UPDATED, Event[PriceUpdated]),
    (subjects.TRANSFER_POSTED, Event[TransferPosted]),
    (subjects.TRANSFER_REFUSED, Event[TransferRefused]),
    (subjects.RUN_OPENED, Event[RunOpened]),
    (subjects.RUN_CLOSED, Event[RunClosed]),
    (subjects.RUN_STOPPED, Event[RunStopped]),
    (subjects.RUN_RESUMED, Event[RunResumed]),
    (subjects.PERIOD_OPENED, Event[PeriodOpened]),
    (subjects.PERIOD_CLOSED, Event[PeriodClosed]),
    (subjects.TICKED, Event[Ticked]),
    (subjects.LLM_INVOKED, Event[LlmInvoked]),
    (subjects.TOOL_COMPLETED, Event[ToolCompleted]),
    (subjects.TOOL_FAILED, Event[ToolFailed]),
    (subjects.TOOLS_LISTED, Event[ToolsListed]),
    (subjects.BREAKER_OPENED, Event[BreakerOpened]),
    (subjects.BREAKER_CLOSED, Event[BreakerClosed]),
    (subjects.FILE_WRITTEN, Event[FileWritten]),
    (subjects.FILE_MOVED, Event[FileMoved]),
    (subjects.FILE_DELETED, Event[FileDeleted]),
    (subjects.CYCLE_COMPLETED, Event[CycleCompleted]),
    (subjects.COGNITIVE_CYCLES_STARTED, Event[CognitiveCyclesStarted]),
    (subjects.COGNITIVE_CYCLES_COMPLETED, Event[CognitiveCyclesCompleted]),
    (subjects.REPORTED, Event[Reported]),
    (subjects.ADMISSION_REJECTED, Event[AdmissionRejected]),
    (subjects.AGENT_SUSPENDED, Event[AgentSuspended]),
    (subjects.TRUST_CHANGED, Event[TrustChanged]),
    (subjects.CONNECTION_CHANGED, Event[ConnectionChanged]),
    (subjects.QUOTA_CHANGED, Event[QuotaChanged]),
    (subjects.COMMANDED, Event[Commanded]),
    (subjects.LETTER_BURIED, Event[LetterBuried]),
    (subjects.LETTER_RETRIED, Event[LetterRetried]),
    (subjects.LETTER_DROPPED, Event[LetterDropped]),
    (subjects.QUESTION_ASKED, Event[QuestionAsked]),
    (subjects.QUESTION_ENDED, Event[QuestionEnded]),
    (subjects.CONSENT_CHANGED, Event[ConsentChanged]),
    (subjects.MESSAGE_POSTED, Event[MessagePosted]),
    (subjects.TASK_DELEGATED, Event[TaskDelegated]),
    (subjects.TASK_OFFERED, Event[TaskOffered]),
    (subjects.TASK_REFUSED, Event[TaskRefused]),
    (subjects.TASK_ADVANCED, Event[TaskAdvanced]),
    (subjects.TASK_SETTLED, Event[TaskSettled]),
)

_DECODERS: Final[dict[str, Callable[[bytes], Any]]] = {
    subject.type: event.__pydantic_validator__.validate_json for subject, event in _TYPES
}
"""Parsers of events by event type."""

_REPORTED: Final = Event[Reported].__pydantic_validator__.validate_json
"""Parser of agents' reports, of which agents choose the type."""


def decode(subject: str, payload: bytes) -> AddressedEvent:
    """Return the event of a record of the log.

    Raises InvalidMessage for a type without schema, a payload that does not follow the schema, and an event of
    another run or type than its subject.
    """
    tokens = subject.split(".", 3)
    parse = _parser(tokens[0], tokens[2]) if len(tokens) == 4 else None
    if parse is None:
        message = f"there is no event type for subject {subject[:200]!r}; see `econsim catalog`"
        raise InvalidMessage(message)
    try:
        found = parse(payload)
    except ValidationError as error:
        message = f"the event on {subject!r} does not follow its schema: {error.errors()[0]['msg']}"
        raise InvalidMessage(message) from error
    if found.correlation_id != tokens[3]:
        message = f"the event on {subject!r} says it is of run {found.correlation_id!r}"
        raise InvalidMessage(message)
    if found.type != f"{tokens[0]}.{tokens[2]}":
        message = f"the event on {subject!r} says it is {found.type[:200]!r}"
        raise InvalidMessage(message)
    return AddressedEvent(subject, found)


def decode_if_valid(subject: str, payload: bytes) -> AddressedEvent | None:
    """Return the event of a record of the log; none for a record that is no event, which readers skip."""
    try:
        return decode(subject, payload)
    except InvalidMessage:
        return None


def event_of(kind: type[Data], subject: str, payload: bytes) -> Event[Data] | None:
    """Return the event of a record if its data are of this type; none for others and for a record that is no event."""
    addressed = decode_if_valid(subject, payload)
    if addressed is None or not isinstance(addressed.event.data, kind):
        return None
    return cast("Event[Data]", addressed.event)


def _parser(domain: str, action: str) -> Callable[[bytes], Any] | None:
    return _DECODERS.get(f"{domain}.{action}", _REPORTED if domain == "agent" else None)
