"""The forms every message takes: envelope of events, head of commands, error of replies.

Owns architecture D1 (envelope) and D2 (replies). The words' own messages live in their own files.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field, GetCoreSchemaHandler, ValidationError
from pydantic_core import CoreSchema
from pydantic_core.core_schema import simple_ser_schema

from econsim.schemas.types import Identifier, Name, Tick

SCHEMA_VERSION: Final = 1
"""Version written into every message; readers refuse any other."""

CONFIG: Final = ConfigDict(
    frozen=True, extra="forbid", strict=True, use_attribute_docstrings=True, allow_inf_nan=False
)
"""Frozen, no unknown fields, no coercion: `"5"`, `5.0` and `NaN` are not integers."""

Version = Annotated[int, Field(strict=True, ge=SCHEMA_VERSION, le=SCHEMA_VERSION)]
"""The version: a bounded integer, because a literal takes `true` for 1."""

Data = TypeVar("Data")


class Word(StrEnum):
    """A word out of a fixed list: a string in Python and on the wire."""

    @classmethod
    def __get_pydantic_core_schema__(cls, source: type, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Write the word as the string it is: asking each member for its value costs more than writing it."""
        schema = handler(source)
        schema["serialization"] = simple_ser_schema("str")  # type: ignore[index]  # every schema takes one
        return schema


class Message(BaseModel):
    """Anything that travels on a subject: frozen, unknown fields refused."""

    model_config = CONFIG


class Event(Message, Generic[Data]):
    """Something that happened, in the past tense; one envelope for all (architecture D1)."""

    event_id: Identifier
    """Unique id; also the `Nats-Msg-Id`. Derived from the run, tick and subject in lock-step."""
    type: str
    """`<domain>.<action>`, for instance `market.trade_executed`."""
    schema_version: Version = SCHEMA_VERSION
    """Version of `data`'s schema."""
    occurred_at: str
    """RFC 3339 time with nanoseconds, UTC."""
    tick: Tick
    """Logical time."""
    actor: Name
    """Who caused it: an agent, a host or a service."""
    correlation_id: Name
    """The run everything belongs to."""
    causation_id: Identifier | None = None
    """The event or command that led to this one."""
    trace_id: str | None = None
    """W3C trace id, 32 hex digits."""
    data: Data
    """What happened."""


# Each `Event[...]` has the descriptions of this class; to look for its own source took a third of a service's start.
Event.model_config["use_attribute_docstrings"] = False


class Command(Message):
    """A wish addressed to one service, in the imperative."""

    command_id: Identifier
    """Client-made id of the message, also its `Nats-Msg-Id`: sent twice it counts once, with other content it is refused."""
    schema_version: Version = SCHEMA_VERSION
    """Version of this message's schema."""
    agent_id: Name | None = None
    """Optional; must agree with the subject's last token, which alone identifies the sender."""
    causation_id: Identifier | None = None
    """The event that made the sender act."""


class Request(Message):
    """A question answered at once; carries no effect."""

    schema_version: Version = SCHEMA_VERSION
    """Version of this message's schema."""
    agent_id: Name | None = None
    """Optional; must agree with the subject's last token."""


class ErrorBody(Message):
    """Why a request was refused, and what to do next (architecture D2)."""

    code: str
    """The refusal as a sentence in snake case: `debit_account_would_go_negative`."""
    message: str
    """What was wrong and what would be right, for people."""
    retryable: bool = False
    """Whether the same request may succeed later."""
    retry_after_ms: Annotated[int, Field(ge=0)] | None = None
    """Milliseconds to wait before trying again."""
    details: dict[str, str] = Field(default_factory=dict)
    """Parts of the error: the field, the value, the limit."""


class ErrorReply(Message):
    """The reply that stands in for a value when a request is refused."""

    error: ErrorBody
    """The refusal."""


def validation_message(error: ValidationError) -> str:
    """Return a sentence that names the first wrong field, its fault, and the number of further faults."""
    first, more = error.errors()[0], error.error_count() - 1
    where = ".".join(map(str, first["loc"])) or "the message"
    rest = f" (and {more} more)" if more else ""
    return f"{where}: {first['msg']}, got {str(first['input'])[:80]!r}{rest}"
