"""Items of the markets of a run of coded agents, as plain records: the orders and trades of their events. Pure.

A row takes a tenth of the time of an item; canonical text and JSON are written from it without one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import fields
from typing import Any, Final

from econsim.domain.audit.canonical_facts import (
    FactText,
    accepted_text,
    cancelled_text,
    rejected_text,
    trade_text,
)
from econsim.domain.audit.facts import Json
from econsim.domain.audit.late_event import Content
from econsim.schemas.base import Message
from econsim.schemas.market import (
    Accepted,
    Cancelled,
    OrderAccepted,
    OrderCancelled,
    OrderRejected,
    Rejected,
    Traded,
    TradeExecuted,
)
from econsim.schemas.orders import OrderKind, Side, Verb

ItemRow = tuple[Any, ...]
"""The fields of an item that differ between orders of one unit; the first is its number. Nothing but texts and numbers, as in
`coded_chains`."""

SIDES: Final = (Side.ASK, Side.BID)
"""Side by whether it buys."""

LIMIT: Final = OrderKind.LIMIT

_REJECTED: Final = tuple(each.name for each in fields(OrderRejected))
"""Names of the fields of a refusal, in their order."""


class ItemRows(Content):
    """Items of one kind of one batch, in book order; a row has the fields that differ between orders of one unit."""

    __slots__ = ("rows",)

    def __init__(self, rows: Sequence[ItemRow]) -> None:
        """Take the rows of an event, at most ITEMS_PER_EVENT_MAX."""
        self.rows = rows

    def __len__(self) -> int:
        """Return the number of items."""
        return len(self.rows)

    def parts(self) -> list[Json]:
        """Return the items as JSON, which takes a tenth of the time of objects and their JSON."""
        raise NotImplementedError

    def json(self) -> Json:
        """Return the data of the event as JSON."""
        return {"items": self.parts()}


class AcceptedBids(ItemRows):
    """Bids that were accepted: number, id, agent, price, order that it replaces."""

    __slots__ = ()
    side = Side.BID

    def data(self) -> Message:
        """Return the data of the event."""
        side = type(self).side
        items = [
            OrderAccepted(n, id_, agent, side, LIMIT, price, 1, old)
            for n, id_, agent, price, old in self.rows
        ]
        return Accepted.model_construct(items=tuple(items))

    def parts(self) -> list[Json]:
        """Return the items as JSON."""
        side = type(self).side.value
        return [
            {
                "n": n,
                "order_id": id_,
                "agent": agent,
                "side": side,
                "kind": "limit",
                "price": price,
                "quantity": 1,
                "replaces": old,
            }
            for n, id_, agent, price, old in self.rows
        ]

    def texts(self) -> Iterable[FactText]:
        """Return the canonical text of each item."""
        side = type(self).side
        return [
            accepted_text(n, id_, agent, side, LIMIT, price, 1, old)
            for n, id_, agent, price, old in self.rows
        ]


class AcceptedAsks(AcceptedBids):
    """Asks that were accepted: number, id, agent, price, order that it replaces."""

    __slots__ = ()
    side = Side.ASK


class RejectedRows(ItemRows):
    """Orders that were refused: number, id, agent, code, whether it buys, price, order that it was to replace."""

    __slots__ = ()

    def _fields(self) -> list[tuple[int, str, str, str, Verb, int, int, OrderKind | None, str | None]]:
        return [
            (n, id_, agent, code, Verb.REPLACE, price, 1, None, old)
            if old
            else (n, id_, agent, code, Verb.BID if buys else Verb.ASK, price, 1, LIMIT, None)
            for n, id_, agent, code, buys, price, old in self.rows
        ]

    def data(self) -> Message:
        """Return the data of the event."""
        return Rejected.model_construct(items=tuple([OrderRejected(*each) for each in self._fields()]))

    def parts(self) -> list[Json]:
        """Return the items as JSON."""
        return [dict(zip(_REJECTED, each, strict=True)) for each in self._fields()]

    def texts(self) -> Iterable[FactText]:
        """Return the canonical text of each item."""
        return [rejected_text(*each) for each in self._fields()]


class TradeRows(ItemRows):
    """Trades: number, id, price, buyer, seller, ids of bid and ask, whether the bid came later."""

    __slots__ = ()

    def data(self) -> Message:
        """Return the data of the event."""
        items = [
            TradeExecuted(n, id_, price, 1, buyer, seller, bid, ask, SIDES[bought])
            for n, id_, price, buyer, seller, bid, ask, bought in self.rows
        ]
        return Traded.model_construct(items=tuple(items))

    def parts(self) -> list[Json]:
        """Return the items as JSON."""
        return [
            {
                "n": n,
                "trade_id": id_,
                "price": price,
                "quantity": 1,
                "buyer": buyer,
                "seller": seller,
                "bid_id": bid,
                "ask_id": ask,
                "taker": "bid" if bought else "ask",
            }
            for n, id_, price, buyer, seller, bid, ask, bought in self.rows
        ]

    def texts(self) -> Iterable[FactText]:
        """Return the canonical text of each item."""
        return [
            trade_text(n, id_, price, 1, buyer, seller, bid, ask, SIDES[bought])
            for n, id_, price, buyer, seller, bid, ask, bought in self.rows
        ]


class CancelledRows(ItemRows):
    """Orders that were cancelled: number, id, agent, whether it buys, reason."""

    __slots__ = ()

    def data(self) -> Message:
        """Return the data of the event."""
        items = [
            OrderCancelled(n, id_, agent, SIDES[buys], 1, reason) for n, id_, agent, buys, reason in self.rows
        ]
        return Cancelled.model_construct(items=tuple(items))

    def parts(self) -> list[Json]:
        """Return the items as JSON."""
        return [
            {
                "n": n,
                "order_id": id_,
                "agent": agent,
                "side": "bid" if buys else "ask",
                "quantity": 1,
                "reason": reason,
            }
            for n, id_, agent, buys, reason in self.rows
        ]

    def texts(self) -> Iterable[FactText]:
        """Return the canonical text of each item."""
        return [
            cancelled_text(n, id_, agent, SIDES[buys], 1, reason) for n, id_, agent, buys, reason in self.rows
        ]
