"""The table of event types: which class the data of an event have. Pure.

The classes of a service are imported when the first type of it is looked up: a run has events of few services, and the messages
of all of them take as long to load as a small run takes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Final

from econsim import subjects
from econsim.schemas.base import Message
from econsim.schemas.subject import SubjectKind

Classes = Mapping[str, type[Message]]
"""Type of an event → class of its data."""

_OWNERS: Final[Mapping[str, str]] = {
    row.type: row.owner for row in subjects.TABLE if row.kind is SubjectKind.EVENT
}

EVENT_TYPES: Final = _OWNERS.keys()
"""Types of all events there are."""


def data_class(kind: str) -> type[Message]:
    """Return the class of the data of a type of EVENT_TYPES; raises KeyError for any other."""
    return _classes(_OWNERS[kind])[kind]


@cache
def _classes(owner: str) -> Classes:
    return _OF_OWNER[owner]()


def _market() -> Classes:
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

    return {
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
    }


def _ledger() -> Classes:
    from econsim.schemas.ledger import TransferPosted, TransferRefused

    return {
        subjects.TRANSFER_POSTED.type: TransferPosted,
        subjects.TRANSFER_REFUSED.type: TransferRefused,
    }


def _clock() -> Classes:
    from econsim.schemas.clock import (
        PeriodClosed,
        PeriodOpened,
        RunClosed,
        RunOpened,
        RunResumed,
        RunStopped,
        Ticked,
    )

    return {
        subjects.RUN_OPENED.type: RunOpened,
        subjects.RUN_CLOSED.type: RunClosed,
        subjects.RUN_STOPPED.type: RunStopped,
        subjects.RUN_RESUMED.type: RunResumed,
        subjects.PERIOD_OPENED.type: PeriodOpened,
        subjects.PERIOD_CLOSED.type: PeriodClosed,
        subjects.TICKED.type: Ticked,
    }


def _cognition() -> Classes:
    from econsim.schemas.cognition import LlmInvoked

    return {subjects.LLM_INVOKED.type: LlmInvoked}


def _mcp() -> Classes:
    from econsim.schemas.tool_events import (
        BreakerClosed,
        BreakerOpened,
        ToolCompleted,
        ToolFailed,
        ToolsListed,
    )

    return {
        subjects.TOOL_COMPLETED.type: ToolCompleted,
        subjects.TOOL_FAILED.type: ToolFailed,
        subjects.TOOLS_LISTED.type: ToolsListed,
        subjects.BREAKER_OPENED.type: BreakerOpened,
        subjects.BREAKER_CLOSED.type: BreakerClosed,
    }


def _workspace() -> Classes:
    from econsim.schemas.workspace_changes import FileDeleted, FileMoved, FileWritten

    return {
        subjects.FILE_WRITTEN.type: FileWritten,
        subjects.FILE_MOVED.type: FileMoved,
        subjects.FILE_DELETED.type: FileDeleted,
    }


def _agent() -> Classes:
    from econsim.schemas.agent import CognitiveCyclesCompleted, CognitiveCyclesStarted, CycleCompleted

    return {
        subjects.CYCLE_COMPLETED.type: CycleCompleted,
        subjects.COGNITIVE_CYCLES_STARTED.type: CognitiveCyclesStarted,
        subjects.COGNITIVE_CYCLES_COMPLETED.type: CognitiveCyclesCompleted,
    }


def _admission() -> Classes:
    from econsim.schemas.admission import AdmissionRejected, AgentSuspended, Reported

    return {
        subjects.REPORTED.type: Reported,
        subjects.ADMISSION_REJECTED.type: AdmissionRejected,
        subjects.AGENT_SUSPENDED.type: AgentSuspended,
    }


def _admin() -> Classes:
    from econsim.schemas.admin import (
        Commanded,
        ConnectionChanged,
        LetterBuried,
        LetterDropped,
        LetterRetried,
        QuotaChanged,
        TrustChanged,
    )

    return {
        subjects.TRUST_CHANGED.type: TrustChanged,
        subjects.CONNECTION_CHANGED.type: ConnectionChanged,
        subjects.QUOTA_CHANGED.type: QuotaChanged,
        subjects.COMMANDED.type: Commanded,
        subjects.LETTER_BURIED.type: LetterBuried,
        subjects.LETTER_RETRIED.type: LetterRetried,
        subjects.LETTER_DROPPED.type: LetterDropped,
    }


def _social() -> Classes:
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

    return {
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


_OF_OWNER: Final[Mapping[str, Callable[[], Classes]]] = {
    "market": _market,
    "ledger": _ledger,
    "clock": _clock,
    "cognition": _cognition,
    "mcp": _mcp,
    "workspace": _workspace,
    "agent": _agent,
    "admission": _admission,
    "admin": _admin,
    "social": _social,
}
