"""The event of calls that ended, as the cognition service and a run in memory publish it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from econsim import subjects
from econsim.domain.audit.envelope import AddressedEvent, Envelope
from econsim.domain.cognition.outcome import without_text
from econsim.schemas.cognition import CallOutcome, LlmInvoked

ACTOR: Final = "cognition"
"""Actor of the event, and sender of the payments of calls."""


def invoked_event(envelope: Envelope, outcomes: Sequence[CallOutcome], *, has_text: bool) -> AddressedEvent:
    """Return the event of some outcomes, one at least; without their texts if the scenario keeps none."""
    kept = outcomes if has_text else map(without_text, outcomes)
    data = LlmInvoked.model_construct(items=tuple(kept))
    return envelope.event(subjects.LLM_INVOKED, ACTOR, data, outcomes[0].id, len(outcomes))
