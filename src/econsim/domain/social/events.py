"""The events of the social service: which subject each change is published on. Pure."""

from __future__ import annotations

from typing import Final

from econsim import subjects
from econsim.domain.audit.envelope import AddressedEvent, Envelope
from econsim.schemas.social_events import (
    ConsentChanged,
    MessagePosted,
    QuestionAsked,
    QuestionEnded,
    SocialChange,
    TaskAdvanced,
    TaskDelegated,
    TaskOffered,
    TaskRefused,
    TaskSettled,
)

ACTOR: Final = "social"
"""Actor of the events, and sender of the payments of tasks."""

_ROWS: Final = {
    QuestionAsked: subjects.QUESTION_ASKED,
    QuestionEnded: subjects.QUESTION_ENDED,
    ConsentChanged: subjects.CONSENT_CHANGED,
    MessagePosted: subjects.MESSAGE_POSTED,
    TaskDelegated: subjects.TASK_DELEGATED,
    TaskOffered: subjects.TASK_OFFERED,
    TaskRefused: subjects.TASK_REFUSED,
    TaskAdvanced: subjects.TASK_ADVANCED,
    TaskSettled: subjects.TASK_SETTLED,
}
"""Class of a change → its row in the table of subjects."""


def social_event(envelope: Envelope, change: SocialChange, after: int) -> AddressedEvent:
    """Return the event of a change; `after` is the sequence of the service's event before it, which makes the id unique."""
    return envelope.event(_ROWS[type(change)], ACTOR, change, after)


def is_social(data: object) -> bool:
    """Return whether the data of an event are a change of the social service."""
    return type(data) in _ROWS
