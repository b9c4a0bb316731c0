"""A bundle: what happened in some ticks of a run, as it will be stored. No I/O here.

Many ticks share one bundle, because what bounds a run over NATS is the chain of durable writes that wait for each other, not
their number.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from econsim import subjects
from econsim.adapters.jetstream.atomic_batch import BatchMessage
from econsim.adapters.nats.connection import Outgoing, event_headers
from econsim.domain.audit.envelope import AddressedEvent
from econsim.domain.execution.coded_wire import wire_form
from econsim.domain.ledger import bucket
from econsim.ports import WRITES_MAX, Write
from econsim.schemas.subject import entity_of

MESSAGES_MAX: Final = WRITES_MAX * 3 // 5
"""Events, or journal entries, from which on a bundle is full: with those of one more tick it mostly fits in one batch."""

BYTES_MAX: Final = 4 * 2**20
"""Bytes of events from which on a bundle is full: a reader sees a run of many agents go on, and memory stays small."""


@dataclass(slots=True)
class Bundle:
    """Ticks of one run, as they will be stored."""

    run: str
    """Id of the run."""
    entries: list[Write] = field(default_factory=list)
    """Journal entries, in order."""
    events: list[BatchMessage] = field(default_factory=list)
    """All other events, in order."""
    prices: dict[str, Outgoing] = field(default_factory=dict)
    """Key of a market's price → its newest value."""
    bytes: int = 0
    """Bytes of the events."""

    @property
    def is_full(self) -> bool:
        """Tell whether the bundle is to be stored before the next tick."""
        return (
            len(self.events) >= MESSAGES_MAX or len(self.entries) >= MESSAGES_MAX or self.bytes >= BYTES_MAX
        )

    def add_entry(self, sequence: int, addressed: AddressedEvent) -> None:
        """Add a journal entry; its sequence is its key, because one worker numbers them all."""
        key = bucket.entry_key(
            self.run, str(sequence), posted=addressed.type == subjects.TRANSFER_POSTED.type
        )
        self.entries.append(Write(key, wire_form(addressed)))

    def add_event(self, addressed: AddressedEvent) -> None:
        """Add an event, and take over a new price."""
        subject, payload, id_ = addressed.subject, wire_form(addressed), addressed.event_id
        self.events.append(BatchMessage(subject, payload, event_headers(subject, payload, id_)))
        self.bytes += len(payload)
        if addressed.type == subjects.PRICE_UPDATED.type:
            key = f"$KV.market_prices.{entity_of(subject)}.{self.run}"
            self.prices[key] = Outgoing(key, payload, id_)

    def clear(self) -> None:
        """Begin the next bundle."""
        self.entries.clear()
        self.events.clear()
        self.prices.clear()
        self.bytes = 0
