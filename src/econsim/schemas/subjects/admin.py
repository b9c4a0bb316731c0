"""Subjects of the admin service."""

from __future__ import annotations

from typing import Final

from econsim.schemas.subject import Subject
from econsim.schemas.subject_rows import event, operator

__all__ = [
    "COMMANDED",
    "CONNECTION_CHANGED",
    "DROP_LETTER",
    "LETTER_BURIED",
    "LETTER_DROPPED",
    "LETTER_RETRIED",
    "QUOTA_CHANGED",
    "RECORD_CONNECTION",
    "RETRY_LETTER",
    "SET_QUOTA",
    "TELL_TRUST",
    "TRUST_CHANGED",
]


def _event(name: str, message: str, description: str) -> Subject:
    """Return an event of domain `system`."""
    return event("admin", f"system.{name}", message, description)


QUOTA_CHANGED: Final = _event("quota.changed", "QuotaChanged", "An operator changed quotas of agents.")
TRUST_CHANGED: Final = _event(
    "operator.trust_changed",
    "TrustChanged",
    "The holder of the keys admitted or removed an agent, granted a role, or replaced all keys.",
)
CONNECTION_CHANGED: Final = _event(
    "agent.connection_changed", "ConnectionChanged", "An external agent connected or disconnected."
)
COMMANDED: Final = _event(
    "operator.commanded",
    "Commanded",
    "An operator sent a command: operator, command and outcome. The run is `none` for commands about no run.",
)
LETTER_BURIED: Final = _event(
    "dead_letter.buried", "LetterBuried", "A message no handler could finish became a dead letter."
)
LETTER_RETRIED: Final = _event(
    "dead_letter.retried", "LetterRetried", "A dead letter was put back into its queue."
)
LETTER_DROPPED: Final = _event("dead_letter.dropped", "LetterDropped", "A dead letter was given up for good.")
SET_QUOTA: Final = operator(
    "admin",
    "quota.set",
    "SetQuota",
    "Quotas",
    "Change of the quotas of an agent, or of every agent of a run; its effect is `system.quota.changed`.",
)
TELL_TRUST: Final = operator(
    "admin",
    "trust.tell",
    "TellTrust",
    "TrustChangedEvent",
    "Record of a change of the keys; its effect is `system.operator.trust_changed`.",
)
RECORD_CONNECTION: Final = operator(
    "admin",
    "connection.record",
    "RecordConnection",
    "ConnectionChangedEvent",
    "Record of an external agent's connection; its effect is `system.agent.connection_changed`.",
)
RETRY_LETTER: Final = operator(
    "admin", "dead_letter.retry", "RetryLetter", "LetterDone", "Return of a dead letter to its queue."
)
DROP_LETTER: Final = operator(
    "admin", "dead_letter.drop", "DropLetter", "LetterDone", "Final removal of a dead letter."
)

EVENTS: Final = (
    QUOTA_CHANGED,
    TRUST_CHANGED,
    CONNECTION_CHANGED,
    COMMANDED,
    LETTER_BURIED,
    LETTER_RETRIED,
    LETTER_DROPPED,
)
"""Events, in the order of the table."""

OPERATOR_REQUESTS: Final = (SET_QUOTA, TELL_TRUST, RECORD_CONNECTION, RETRY_LETTER, DROP_LETTER)
"""Operators' requests, in the order of the table."""
