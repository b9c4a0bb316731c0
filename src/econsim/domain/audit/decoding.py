"""Decoding of records of the log into typed events: the opposite of `envelope.AddressedEvent.json`. Pure.

Owns the table of event types.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
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
from econsim.schemas.base import Event, Message
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

TYPES_MAX: Final = 1_024
"""Types of events whose parsers are kept: more than there are, with room for the actions that agents choose for their reports."""

EVENT_DATA: Final[dict[str, type[Message]]] = {
    subjects.BATCH_OPENED.type: BatchOpened,
    subjects.BID_ACCEPTED.type: Accepted,
    subjects.ASK_ACCEPTED.type: Accepted,
    subjects.ORDER_REJECTED.type: Rejected,
    subjects.TRADE_EXECUTED.type: Traded,
    subjects.ORDER_CANCELLED.type: Cancelled,
    subjects.RESOURCE_ALLOCATED.type: ResourceAllocated,
    subjects.TICK_CLEARED.type: TickCleared,
    subjects.TRADING_HALTED.type: TradingHalted,
    subjects.PRICE_UPDATED.type: PriceUpdated,
    subjects.TRANSFER_POSTED.type: TransferPosted,
    subjects.TRANSFER_REFUSED.type: TransferRefused,
    subjects.RUN_OPENED.type: RunOpened,
    subjects.RUN_CLOSED.type: RunClosed,
    subjects.RUN_STOPPED.type: RunStopped,
    subjects.RUN_RESUMED.type: RunResumed,
    subjects.PERIOD_OPENED.type: PeriodOpened,
    subjects.PERIOD_CLOSED.type: PeriodClosed,
    subjects.TICKED.type: Ticked,
    subjects.LLM_INVOKED.type: LlmInvoked,
    subjects.TOOL_COMPLETED.type: ToolCompleted,
    subjects.TOOL_FAILED.type: ToolFailed,
    subjects.TOOLS_LISTED.type: ToolsListed,
    subjects.BREAKER_OPENED.type: BreakerOpened,
    subjects.BREAKER_CLOSED.type: BreakerClosed,
    subjects.FILE_WRITTEN.type: FileWritten,
    subjects.FILE_MOVED.type: FileMoved,
    subjects.FILE_DELETED.type: FileDeleted,
    subjects.CYCLE_COMPLETED.type: CycleCompleted,
    subjects.COGNITIVE_CYCLES_STARTED.type: CognitiveCyclesStarted,
    subjects.COGNITIVE_CYCLES_COMPLETED.type: CognitiveCyclesCompleted,
    subjects.REPORTED.type: Reported,
    subjects.ADMISSION_REJECTED.type: AdmissionRejected,
    subjects.AGENT_SUSPENDED.type: AgentSuspended,
    subjects.TRUST_CHANGED.type: TrustChanged,
    subjects.CONNECTION_CHANGED.type: ConnectionChanged,
    subjects.QUOTA_CHANGED.type: QuotaChanged,
    subjects.COMMANDED.type: Commanded,
    subjects.LETTER_BURIED.type: LetterBuried,
    subjects.LETTER_RETRIED.type: LetterRetried,
    subjects.LETTER_DROPPED.type: LetterDropped,
    subjects.QUESTION_ASKED.type: QuestionAsked,
    subjects.QUESTION_ENDED.type: QuestionEnded,
    subjects.CONSENT_CHANGED.type: ConsentChanged,
    subjects.MESSAGE_POSTED.type: MessagePosted,
    subjects.TASK_DELEGATED.type: TaskDelegated,
    subjects.TASK_OFFERED.type: TaskOffered,
    subjects.TASK_REFUSED.type: TaskRefused,
    subjects.TASK_ADVANCED.type: TaskAdvanced,
    subjects.TASK_SETTLED.type: TaskSettled,
}
"""Type of an event → class of its data."""


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


@lru_cache(TYPES_MAX)
def _parser(domain: str, action: str) -> Callable[[bytes], Any] | None:
    """Return the parser of a type of events, built when the first event of the type comes."""
    # Agents choose the types of their reports.
    data = EVENT_DATA.get(f"{domain}.{action}", Reported if domain == "agent" else None)
    return None if data is None else Event[data].__pydantic_validator__.validate_json  # type: ignore[valid-type]
