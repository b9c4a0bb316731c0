"""Decoding of records of the log into typed events: the opposite of `envelope.AddressedEvent.json`. Pure."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final, TypeVar, cast

from pydantic import ValidationError
from pydantic_core import to_json

from econsim import subjects
from econsim.domain.audit.envelope import AddressedEvent
from econsim.domain.audit.event_data import EVENT_TYPES, data_class
from econsim.domain.audit.facts import Record
from econsim.errors import InvalidMessage
from econsim.schemas.base import Event

Data = TypeVar("Data")

TYPES_MAX: Final = 1_024
"""Types of events whose parsers are kept: more than there are, with room for the actions that agents choose for their reports."""


def decode(subject: str, payload: bytes | str) -> AddressedEvent:
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


def as_event(source: Record | AddressedEvent) -> AddressedEvent:
    """Return a record as a typed event, the opposite of `facts.as_record`; an event stays as it is. Raises InvalidMessage as `decode`."""
    if not isinstance(source, Record):
        return source
    text = source.text or source.content
    if isinstance(text, str):
        return decode(source.subject, text)
    fields = {name: getattr(source, name) for name in Event.model_fields if name != "schema_version"}
    return decode(source.subject, to_json(fields))


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
def _parser(domain: str, action: str) -> Callable[[bytes | str], Any] | None:
    """Return the parser of a type of events, built when the first event of the type comes."""
    kind = f"{domain}.{action}"
    if kind not in EVENT_TYPES:
        # Agents choose the types of their reports.
        if domain != "agent":
            return None
        kind = subjects.REPORTED.type
    data = data_class(kind)
    return Event[data].__pydantic_validator__.validate_json  # type: ignore[valid-type]
