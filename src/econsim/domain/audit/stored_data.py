"""Data of the most frequent events, decoded from their text as their service wrote it. Pure.

The hash and the figures of a stored run need the fields of each fact, and the hash its text with the keys in order. So the fields of each
form stand here in the order of the canonical log: msgspec decodes an event into a form, and writes a part of it as canonical text. To find
the fields by regular expressions and to join them took three times as long (decision 0061). An event of any other form has no such data,
and is read as any JSON. `canonical_facts` writes the same texts from models; a property test holds both equal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, Generic, Literal, TypeVar

from msgspec import MsgspecError, Struct
from msgspec.json import Decoder, Encoder
from msgspec.structs import astuple

from econsim import subjects

if TYPE_CHECKING:
    from econsim.domain.audit.canonical_facts import FactText

_encode: Final = Encoder().encode
_LEFT_OUT: Final = ',"last_sequence":'


class StoredData(Struct, gc=False, forbid_unknown_fields=True):
    """Data of one type of events: exactly the fields of its form, each of exactly its type."""

    @property
    def parts(self) -> Sequence[StoredPart] | None:
        """Items or chains, each a fact; none for an event that is one fact."""
        return None

    def transfers(self) -> list[tuple[str, Iterable[tuple[Any, ...]]]]:
        """Return cause and transfers of each chain: amount, asset, credit, debit, id, kind, pending id."""
        return []

    @property
    def numbers(self) -> list[int]:
        """Numbers of the items."""
        return []

    def facts(self) -> list[FactText]:
        """Return the texts of the facts, which is one unless said otherwise."""
        return [(_encode(self).decode(), None, 0, "", None)]


class _FormPart(Struct, gc=False, forbid_unknown_fields=True):
    """A part of data."""


class StoredPart(_FormPart):
    """An item or a chain: a fact."""

    @property
    def actor(self) -> str | None:
        """Agent that acted; none if the fact names none."""
        raise NotImplementedError


class _AgentItem(StoredPart):
    """An item about an order of an agent."""

    agent: str

    @property
    def actor(self) -> str:
        """Agent that acted."""
        return self.agent


class AcceptedItem(_AgentItem):
    """An order that was accepted."""

    kind: str
    n: int
    order_id: str
    price: int
    quantity: int
    replaces: str | None
    side: str


class RejectedItem(_AgentItem):
    """An action that was refused."""

    code: str
    kind: str | None
    n: int
    order_id: str
    price: int | None
    quantity: int | None
    replaces: str | None
    verb: str | None


class CancelledItem(_AgentItem):
    """An order that was cancelled."""

    n: int
    order_id: str
    quantity: int
    reason: str
    side: str


class TradedItem(StoredPart):
    """A trade."""

    ask_id: str
    bid_id: str
    buyer: str
    n: int
    price: int
    quantity: int
    seller: str
    taker: str
    trade_id: str

    @property
    def actor(self) -> str:
        """Agent that acted: the taker."""
        return self.buyer if self.taker == "bid" else self.seller


Item = TypeVar("Item", AcceptedItem, RejectedItem, CancelledItem, TradedItem)


class StoredItems(StoredData, Generic[Item]):
    """Items of a market's event."""

    items: list[Item]

    @property
    def parts(self) -> Sequence[Item]:
        """Items, each a fact."""
        return self.items

    @property
    def numbers(self) -> list[int]:
        """Numbers of the items."""
        return [item.n for item in self.items]

    def facts(self) -> list[FactText]:
        """Return the texts of the facts, one for each item."""
        return [(_encode(item).decode(), item.actor, item.n, "", None) for item in self.items]


class StoredTransfer(_FormPart):
    """A transfer of a chain."""

    amount: int
    asset: str
    credit: str
    debit: str
    id: str
    kind: str
    pending_id: str | None


class StoredChain(StoredPart):
    """An applied chain."""

    id: str
    cause: str
    transfers: list[StoredTransfer]

    @property
    def actor(self) -> str | None:
        """Holder of the first debit."""
        return self.transfers[0].debit if self.transfers else None


class StoredChains(StoredData):
    """An entry of the ledger's journal."""

    sequence: int
    previous_hash: str
    hash: str
    chains: list[StoredChain]

    @property
    def parts(self) -> Sequence[StoredChain]:
        """Chains, each a fact."""
        return self.chains

    def transfers(self) -> list[tuple[str, Iterable[tuple[Any, ...]]]]:
        """Return cause and transfers of each chain, whose fields come in the order of the form."""
        return [(chain.cause, map(astuple, chain.transfers)) for chain in self.chains]

    def facts(self) -> list[FactText]:
        """Return the texts of the facts, one for each chain: neither the journal's numbers nor the cause stand in them."""
        return [
            (
                f'{{"id":"{chain.id}","transfers":{_encode(chain.transfers).decode()}}}',
                chain.actor,
                0,
                chain.id,
                chain.cause,
            )
            for chain in self.chains
        ]


class StoredTick(StoredData):
    """The opening of a tick."""

    period: int
    tick_of_period: int


class StoredQuote(_FormPart):
    """Best bid, best ask and last price."""

    ask: int | None
    bid: int | None
    last: int | None


class StoredShout(_FormPart):
    """A bid or an ask that all heard."""

    price: int
    side: str
    traded: bool


class StoredSummary(StoredData):
    """The end of a batch."""

    batch: int
    items: int
    orders: int
    period: int
    period_closed: bool
    quote: StoredQuote
    tape: list[StoredShout]
    trades: int
    volume: int
    last_sequence: int
    """Place in the stream of orders. No part of the canonical text, so it is the last field."""

    def facts(self) -> list[FactText]:
        """Return the text of the event, which is one fact."""
        text = _encode(self).decode()
        return [(f"{text[: text.rindex(_LEFT_OUT)]}}}", None, 0, "", None)]


class StoredPrice(StoredData):
    """A market's new price."""

    price: int | None
    quote: StoredQuote
    resource: str
    volume: int


_Data = TypeVar("_Data", bound=StoredData)


class WrittenEvent(Struct, Generic[_Data], gc=False, forbid_unknown_fields=True):
    """An event as its service wrote it."""

    event_id: str
    type: str
    schema_version: Literal[1]
    occurred_at: str
    tick: int
    actor: str
    correlation_id: str
    causation_id: str | None
    trace_id: str | None
    data: _Data


_FORMS: Final[dict[str, Any]] = {
    subjects.BID_ACCEPTED.type: StoredItems[AcceptedItem],
    subjects.ASK_ACCEPTED.type: StoredItems[AcceptedItem],
    subjects.ORDER_REJECTED.type: StoredItems[RejectedItem],
    subjects.TRADE_EXECUTED.type: StoredItems[TradedItem],
    subjects.ORDER_CANCELLED.type: StoredItems[CancelledItem],
    subjects.TRANSFER_POSTED.type: StoredChains,
    subjects.TICKED.type: StoredTick,
    subjects.TICK_CLEARED.type: StoredSummary,
    subjects.PRICE_UPDATED.type: StoredPrice,
}
"""Type of an event → form of its data."""

Read = Callable[[str], WrittenEvent[Any] | None]
"""Returns an event from its text; none for text in another form than its service writes."""


@lru_cache(64)
def reader(type_: str) -> Read | None:
    """Return the reader of a type of events, made when the first event of the type comes; none for a type without a form."""
    if type_ not in _FORMS:
        return None
    decode = Decoder(WrittenEvent[_FORMS[type_]]).decode  # type: ignore[valid-type]

    def read(text: str) -> WrittenEvent[Any] | None:
        # What JSON escapes, here or in the canonical log, is read as any JSON.
        if "\\" in text or not text.isascii():
            return None
        try:
            found = decode(text)
        except MsgspecError:
            return None
        begin = (
            f'{{"event_id":"{found.event_id}","type":"{type_}","schema_version":1,"occurred_at":"{found.occurred_at}",'
            f'"tick":{found.tick},"actor":"{found.actor}","correlation_id":"{found.correlation_id}",'
            f'"causation_id":{_name(found.causation_id)},"trace_id":{_name(found.trace_id)},"data":{{'
        )
        # One line, and its fields in their order: who shows an event as it was written need not look.
        return found if text.startswith(begin) and text.endswith("}}") and "\n" not in text else None

    return read


def _name(value: str | None) -> str:
    """Return a name without what JSON escapes as JSON."""
    return "null" if value is None else f'"{value}"'
