"""The event of calls that ended, as the cognition service and a run in memory publish it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from econsim import subjects
from econsim.domain.audit.envelope import AddressedEvent, Envelope
from econsim.schemas.cognition import CallOutcome, LlmInvoked

ACTOR: Final = "cognition"
"""Actor of the event, and sender of the payments of calls."""


def invoked_event(envelope: Envelope, outcomes: Sequence[CallOutcome]) -> AddressedEvent:
    """Return the event of some outcomes, one at least, each as `logged_outcomes` made it."""
    data = LlmInvoked.model_construct(items=tuple(outcomes))
    return envelope.event(subjects.LLM_INVOKED, ACTOR, data, outcomes[0].id, len(outcomes))
