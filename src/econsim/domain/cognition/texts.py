"""The texts of calls in the log: short ones inline, long ones by digest, with the text itself in a store. Pure.

One rule for runs over NATS and in memory, so that both have the same log. A text is stored before the event that names it,
and its digest is verified whenever it is read back.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any, Final

from pydantic import TypeAdapter

from econsim.domain.audit.envelope import AddressedEvent
from econsim.domain.cognition.call import call_name
from econsim.errors import CorruptLog
from econsim.schemas.cognition import CallOutcome, LlmInvoked
from econsim.schemas.model_call import ToolCall

TEXT_INLINE_MAX: Final = 32_768
"""Characters of prompt and answer that an event has inline, about 8 000 tokens: a prompt of the shipped policies is a tenth
of it. Every host reads the outcomes of all agents, and few need a text, so a long one would be sent to many in vain."""


@dataclass(frozen=True, slots=True)
class CallTexts:
    """The texts of one call, as the store has them."""

    prompt: str | None
    """Prompt of the call as JSON text."""
    content: str | None
    """Text of the answer; none for a failure."""
    tool_calls: tuple[ToolCall, ...]
    """Tool calls of the answer."""


_TEXTS: Final = TypeAdapter(CallTexts)
_OUTCOME: Final = TypeAdapter(CallOutcome)


def text_length(outcome: CallOutcome) -> int:
    """Return the characters of a call's texts together."""
    arguments = sum(len(call.arguments) for call in outcome.tool_calls)
    return len(outcome.prompt or "") + len(outcome.content or "") + arguments


def without_text(outcome: CallOutcome) -> CallOutcome:
    """Return an outcome without the texts of its prompt and answer; the digests stay."""
    return replace(outcome, prompt=None, content=None, tool_calls=())


def logged_outcomes(
    outcomes: Iterable[CallOutcome], *, has_text: bool
) -> tuple[list[CallOutcome], dict[str, bytes]]:
    """Return outcomes as the log has them, and digest → text of those whose texts are long.

    Without any text if the scenario keeps none.
    """
    logged: list[CallOutcome] = []
    texts: dict[str, bytes] = {}
    for outcome in outcomes:
        if not has_text:
            logged.append(without_text(outcome))
        elif text_length(outcome) <= TEXT_INLINE_MAX:
            logged.append(outcome)
        else:
            text = _TEXTS.dump_json(CallTexts(outcome.prompt, outcome.content, outcome.tool_calls))
            digest = text_digest(text)
            texts[digest] = text
            logged.append(replace(without_text(outcome), text_digest=digest))
    return logged, texts


def text_digest(text: bytes) -> str:
    """Return the digest by which a text is stored, 64 hex digits: its SHA-256."""
    return sha256(text).hexdigest()


def with_text(outcome: CallOutcome, text: bytes | None) -> CallOutcome:
    """Return an outcome that the log has by digest as it was before, with its text inline.

    Raises CorruptLog, which names the call, if there is no such text, or another one.
    """
    if text is not None and text_digest(text) == outcome.text_digest:
        found = _TEXTS.validate_json(text)
        return replace(
            outcome,
            text_digest="",
            prompt=found.prompt,
            content=found.content,
            tool_calls=found.tool_calls,
        )
    fault = "is not stored any more" if text is None else "is stored with other content"
    message = (
        f"the text of {call_name(outcome.position)} {fault} (digest {outcome.text_digest}): "
        "its prompt and answer are lost, its outcome and price stand"
    )
    raise CorruptLog(message, code="call_text_is_lost", receipt=outcome.id)


def data_with_text(data: dict[str, Any], text: bytes | None) -> dict[str, Any]:
    """Return an item of a record that has its text by digest with the text inline; raises CorruptLog as `with_text`."""
    whole = with_text(_OUTCOME.validate_json(json.dumps(data)), text)
    found: dict[str, Any] = _OUTCOME.dump_python(whole, mode="json")
    return found


def with_texts(addressed: AddressedEvent, texts: Mapping[str, bytes | None]) -> AddressedEvent:
    """Return an event with the texts of those calls inline whose digests are given; raises CorruptLog as `with_text`."""
    data = addressed.event.data
    if not texts or not isinstance(data, LlmInvoked):
        return addressed
    items = tuple(
        with_text(item, texts[item.text_digest]) if item.text_digest in texts else item for item in data.items
    )
    event = addressed.event.model_copy(update={"data": LlmInvoked.model_construct(items=items)})
    return replace(addressed, event=event)
