"""Records and facts of the audit log. Pure; `causality` and `canonical_log` build on it.

A record is one event with its subject (the envelope alone does not name the market). A fact is one thing that happened:
market events have many `items`, journal entries many `chains`, and a reader needs each on its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel
from pydantic_core import from_json

from econsim.domain.audit.envelope import AddressedEvent
from econsim.errors import InvalidMessage
from econsim.schemas.base import Event
from econsim.schemas.immutable import immutable
from econsim.schemas.subject import entity_of

if TYPE_CHECKING:
    from econsim.domain.audit.stored_data import Read, StoredData, WrittenEvent

Json = dict[str, Any]
"""A decoded JSON object."""

_CARRIERS: Final = ("items", "chains")
"""Fields of an event's data with a list of facts."""


_ROLES: Final = ("asker", "asked", "answered_by", "sender", "recipient", "delegator", "taker")
"""Fields of the data of questions, messages and tasks that name an agent."""


@dataclass(slots=True)
class Record:
    """One event as a record of the log. Its data are decoded, or made of a model, when they are first asked for."""

    subject: str
    """Subject of the event."""
    event_id: str
    """Unique id of the event."""
    type: str
    """Type of the event, `<domain>.<action>`."""
    occurred_at: str
    """Time of the event, RFC 3339, UTC."""
    tick: int
    """Logical time of the event."""
    actor: str
    """Actor of the event, from the envelope."""
    correlation_id: str
    """Run of the event."""
    causation_id: str | None
    """Id of the cause, from the envelope."""
    trace_id: str | None
    """W3C trace id of the event."""
    content: Json | str | BaseModel
    """Data of the event; until they are asked for, the whole event as its service wrote it, JSON on one line, or their model."""
    text: str = field(default="", init=False, compare=False, repr=False)
    """Whole event as its service wrote it, if its data were decoded of that; a copy with other fields has none."""
    stored: StoredData | None = field(default=None, compare=False, repr=False)
    """Data of a frequent event that is known as its service wrote it, in the form of its type."""

    def __repr__(self) -> str:
        """Return the event in a line, without its data."""
        return f"<event {self.type} at tick {self.tick}: {self.subject}>"

    @property
    def data(self) -> Json:
        """Return the data of the event, decoded JSON; raises InvalidMessage."""
        if isinstance(self.content, str):
            self.text = self.content
            try:
                # Keys repeat, values hardly: to look each of these up as well took a fifth of the reading.
                self.content = from_json(self.content, cache_strings="keys")["data"]
            except ValueError:
                raise _not_json(self.subject) from None
        elif isinstance(self.content, BaseModel):
            self.content = self.content.__pydantic_serializer__.to_python(self.content, mode="json")
        return self.content  # type: ignore[return-value]  # decoded now

    def with_data(self, data: Json) -> Record:
        """Return the same event with other data."""
        return replace(self, content=data, stored=None)

    def forget(self) -> None:
        """Let go of data that were decoded of the event's text: who asks for them once more decodes them again.

        What keeps a record for the few that are shown in the end need not keep its data, which take six times as much as the text.
        """
        if self.text:
            self.content, self.text = self.text, ""

    @property
    def items(self) -> list[Json]:
        """Return the items of a batch; none for another event, whose data are not decoded to tell."""
        content = self.content
        if isinstance(content, str) and _ITEMS not in content:
            return []
        if isinstance(content, BaseModel) and not hasattr(content, "items"):
            return []
        found = self.data.get("items")
        return found if isinstance(found, list) else []

    @property
    def numbers(self) -> list[int]:
        """Return the numbers of the items of a batch, 0 for an item that has none; none for another event."""
        if self.stored is not None:
            return self.stored.numbers
        return [item.get("n", 0) for item in self.items]

    @property
    def parts(self) -> list[Json] | None:
        """Return the items or chains that a record carries, each a fact of its own; none for a record that is one itself."""
        data = self.data
        for carrier in _CARRIERS:
            parts = data.get(carrier)
            if isinstance(parts, list):
                return parts
        return None

    def field(self, name: str) -> Any:  # noqa: ANN401 - any JSON
        """Return one field of the data; raises KeyError if they have none of this name."""
        return self.data[name]

    @property
    def entity(self) -> str:
        """Return the subject's second token: the resource of a market event, the agent of an agent's report."""
        return entity_of(self.subject)


_ITEMS: Final = '"items":[{'
_WRITTEN: Final = (
    r'\{"event_id":"([^"\\]+)","type":"([^"\\]+)","schema_version":1,"occurred_at":"([^"\\]+)","tick":(\d+),'
    r'"actor":"([^"\\]+)","correlation_id":"([^"\\]+)","causation_id":(?:null|"([^"\\]+)"),'
    r'"trace_id":(?:null|"([^"\\]+)"),"data":\{.*\}\}'
)
_ENVELOPE: Final = re.compile(_WRITTEN)
"""An event as `AddressedEvent.json` writes it: read so, it takes a third of the time of its decoding."""
_PLAIN_ENVELOPE: Final = re.compile(_WRITTEN.replace("\\\\", ""))
"""The same where no character is escaped: that only one character ends a text makes it a third faster."""


def record(subject: str, event: Event[Any] | Mapping[str, Any] | bytes | str) -> Record:
    """Return an event in any form (model, decoded or raw JSON) as a record; raises InvalidMessage."""
    if isinstance(event, (bytes, str)):
        return _read(subject, event)
    if isinstance(event, Event):
        return _of_event(subject, event)
    return _of_object(subject, event)


def _read(subject: str, payload: bytes | str) -> Record:
    try:
        text = payload if isinstance(payload, str) else payload.decode()
        if (read := _reader(subject)) and (event := read(text)):
            return _in_envelope(subject, event, text, event.data)
        if found := (_ENVELOPE if "\\" in text else _PLAIN_ENVELOPE).fullmatch(text):
            event_id, kind, time, tick, actor, run, cause, trace = found.groups()
            return Record(subject, event_id, kind, time, int(tick), actor, run, cause, trace, text)
        return _of_object(subject, from_json(text))
    except ValueError:
        raise _not_json(subject) from None


@lru_cache(1024)
def _reader(subject: str) -> Read | None:
    """Return the reader of the events of a subject; none where they may be of any form."""
    # Few processes read the log, and msgspec takes 5 ms to load.
    from econsim.domain.audit.stored_data import reader  # noqa: PLC0415

    domain, _, action, _ = (*subject.split(".", 3), "", "", "")[:4]
    return reader(f"{domain}.{action}")


def _of_event(subject: str, event: Event[Any]) -> Record:
    data = event.data
    if not isinstance(data, BaseModel):
        return _of_object(subject, event.__pydantic_serializer__.to_python(event, mode="json"))
    return _in_envelope(subject, event, data)


def _in_envelope(
    subject: str,
    event: Event[Any] | WrittenEvent[Any],
    content: str | BaseModel,
    stored: StoredData | None = None,
) -> Record:
    return Record(
        subject,
        event.event_id,
        event.type,
        event.occurred_at,
        event.tick,
        event.actor,
        event.correlation_id,
        event.causation_id,
        event.trace_id,
        content,
        stored,
    )


def _of_object(subject: str, body: Any) -> Record:  # noqa: ANN401 - any JSON
    try:
        return Record(
            subject,
            body["event_id"],
            body["type"],
            body["occurred_at"],
            body["tick"],
            body["actor"],
            body["correlation_id"],
            body.get("causation_id"),
            body.get("trace_id"),
            body["data"],
        )
    except (KeyError, TypeError, AttributeError):
        message = f"the record on {subject} is not an event: its envelope is incomplete"
        raise InvalidMessage(message, subject=subject) from None


def _not_json(subject: str) -> InvalidMessage:
    return InvalidMessage(f"the record on {subject} is not JSON", subject=subject)


def as_record(source: Record | AddressedEvent) -> Record:
    """Return an event with its subject as a record; a record stays as it is."""
    return record(source.subject, source.event) if isinstance(source, AddressedEvent) else source


@immutable
class Fact:
    """One thing that happened."""

    event_id: str
    """Id of the fact: `<event>.<index>` for an item of a batch, else the event's id."""
    type: str
    """Type of the event, `<domain>.<action>`."""
    subject: str
    """Subject of the event."""
    tick: int
    """Logical time of the event."""
    actor: str
    """Actor of the fact: the item's agent, a trade's taker, a chain's first debit holder, else the event's actor."""
    correlation_id: str
    """Run of the event."""
    causation_id: str | None
    """Id of the cause, from the envelope; `causality` finds nearer causes."""
    occurred_at: str
    """Time of the event, RFC 3339, UTC."""
    data: Json
    """Data of the fact: the item, the chain, or the event's whole data."""

    @property
    def entity(self) -> str:
        """Return the subject's second token: the resource of a market fact."""
        return entity_of(self.subject)

    def concerns(self, agent: str) -> bool:
        """Return whether an agent is the fact's actor or takes part in it."""
        data = self.data
        if agent in (
            self.actor,
            data.get("agent"),
            data.get("buyer"),
            data.get("seller"),
            data.get("holder"),
            *(data.get(role) for role in _ROLES),
        ):
            return True
        return any(agent in (t["debit"], t["credit"]) for t in data.get("transfers", ()))


def facts(source: Record | AddressedEvent) -> Iterator[Fact]:
    """Yield the facts of one record: one for each item or chain, which may be none, or the event itself."""
    entry = as_record(source)
    for place, actor, data in contents(entry):
        yield Fact(
            entry.event_id + place,
            entry.type,
            entry.subject,
            entry.tick,
            actor,
            entry.correlation_id,
            entry.causation_id,
            entry.occurred_at,
            data,
        )


def contents(entry: Record) -> Iterator[tuple[str, str, Json]]:
    """Yield what differs between the facts of a record: the end of their id, their actor, their data."""
    parts = entry.parts
    if parts is None:
        yield "", entry.actor, entry.data
        return
    for index, part in enumerate(parts):
        yield f".{index}", actor_of(entry, part), part


def actor_of(entry: Record, part: Json) -> str:
    """Return the actor of an item or chain of a record: the one it names, else the event's."""
    return _actor(part) or entry.actor


def _actor(data: Json) -> str | None:
    """Return the actor of an item or chain; none if it names none, then the event's actor counts."""
    if "trade_id" in data:
        return str(data["buyer"] if data["taker"] == "bid" else data["seller"])
    if "agent" in data or "holder" in data:
        return str(data.get("agent") or data["holder"])
    if data.get("transfers"):
        return str(data["transfers"][0]["debit"])
    return None
