"""The audit log read back: records as they lie in it, and the single facts they carry.

A record is one event with the subject it was published on (the envelope alone does not name the
market). A fact is one thing that happened: market events carry many `items`, journal entries many
`chains`, and reading back wants each on its own. Pure; `causality` and `canonical` build on it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from econsim.domain.audit.envelope import AddressedEvent
from econsim.errors import InvalidMessage
from econsim.schemas.base import Event
from econsim.schemas.subject import fields

Json = dict[str, Any]
"""A decoded JSON object."""

_CARRIERS: Final = ("items", "chains")
"""Fields of an event's data that hold a list of facts."""


@dataclass(frozen=True, slots=True)
class Record:
    """One event as the log holds it."""

    subject: str
    """Where it was published."""
    event_id: str
    """Unique id."""
    type: str
    """`<domain>.<action>`."""
    occurred_at: str
    """RFC 3339 time, UTC."""
    tick: int
    """Logical time."""
    actor: str
    """Who caused it, as the envelope says."""
    correlation_id: str
    """The run."""
    causation_id: str | None
    """What led to it, as the envelope says."""
    trace_id: str | None
    """W3C trace id."""
    data: Json
    """Decoded JSON of the event's data."""

    @property
    def entity(self) -> str:
        """Return the subject's second token: the resource of a market event, the agent of an agent's."""
        return fields(self.subject).entity


def record(subject: str, event: Event[Any] | Mapping[str, Any] | bytes | str) -> Record:
    """Take an event in any form (model, decoded or raw JSON) as a record; raises InvalidMessage."""
    body: Any = event
    if isinstance(event, Event):
        body = event.__pydantic_serializer__.to_python(event, mode="json")
    elif isinstance(event, bytes | str):
        try:
            body = json.loads(event)
        except ValueError:
            message = f"the record on {subject} is not JSON"
            raise InvalidMessage(message, subject=subject) from None
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
        message = f"the record on {subject} is not an event: its envelope is not whole"
        raise InvalidMessage(message, subject=subject) from None


def addressed_record(addressed: AddressedEvent) -> Record:
    """Take an event that was made in this process as a record."""
    return record(addressed.subject, addressed.event)


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that happened."""

    event_id: str
    """`<event>.<index>` for an item of a batch, else the event's own id."""
    type: str
    """`<domain>.<action>`."""
    subject: str
    """Where it was published."""
    tick: int
    """Logical time."""
    actor: str
    """Whose deed: the item's agent, a trade's taker, a chain's first debit holder, else the event's actor."""
    correlation_id: str
    """The run."""
    causation_id: str | None
    """What led to it, as the envelope says; `causality` finds nearer causes."""
    occurred_at: str
    """RFC 3339 time, UTC."""
    data: Json
    """The item, the chain, or the event's whole data."""

    @property
    def entity(self) -> str:
        """Return the subject's second token: the resource of a market fact."""
        return fields(self.subject).entity

    def concerns(self, agent: str) -> bool:
        """Tell whether an agent did it or took part in it."""
        data = self.data
        if agent in (
            self.actor,
            data.get("agent"),
            data.get("buyer"),
            data.get("seller"),
            data.get("holder"),
        ):
            return True
        return any(agent in (t["debit"], t["credit"]) for t in data.get("transfers", ()))


def facts(source: Record | AddressedEvent) -> Iterator[Fact]:
    """Yield the facts one record carries: one for each item or chain, or the event itself."""
    entry = addressed_record(source) if isinstance(source, AddressedEvent) else source
    for carrier in _CARRIERS:
        parts = entry.data.get(carrier)
        if isinstance(parts, list) and parts:
            for index, part in enumerate(parts):
                yield _fact(entry, f"{entry.event_id}.{index}", part, _actor(part))
            return
    yield _fact(entry, entry.event_id, entry.data)


def _fact(entry: Record, event_id: str, data: Json, actor: str | None = None) -> Fact:
    return Fact(
        event_id,
        entry.type,
        entry.subject,
        entry.tick,
        actor or entry.actor,
        entry.correlation_id,
        entry.causation_id,
        entry.occurred_at,
        data,
    )


def _actor(data: Json) -> str | None:
    """Return whose deed a part of a batch is; an event that is no batch names its actor itself."""
    if "trade_id" in data:
        return str(data["buyer"] if data["taker"] == "bid" else data["seller"])
    if "agent" in data or "holder" in data:
        return str(data.get("agent") or data["holder"])
    if data.get("transfers"):
        return str(data["transfers"][0]["debit"])
    return None
