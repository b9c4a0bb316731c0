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
from econsim.schemas.ledger import CREDITS
from econsim.schemas.market import (
    ITEMS_PER_EVENT_MAX,
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

_CANCEL_FIELDS: Final = 5
"""Fields of the row of an order that was cancelled without a replacement."""

_REJECTED: Final = tuple(each.name for each in fields(OrderRejected))
"""Names of the fields of a refusal, in their order."""


class ItemRows(Content):
    """Items of one kind of one batch, in book order; a row has the fields that differ between orders of one unit."""

    __slots__ = ("_begin", "_of")

    def __init__(self, of: Sequence[ItemRow], begin: int) -> None:
        """Take a list and the place of the event's first row in it; nobody changes the list any more."""
        self._of = of
        self._begin = begin

    @property
    def rows(self) -> Sequence[ItemRow]:
        """Rows of the event, at most ITEMS_PER_EVENT_MAX."""
        # Cut out for who reads them: to cut a list is to look at each row, out of the processor's caches in a large crowd, and again
        # when the part is let go.
        return self._of[self._begin : self._begin + ITEMS_PER_EVENT_MAX]

    def __len__(self) -> int:
        """Return the number of items."""
        return min(len(self._of) - self._begin, ITEMS_PER_EVENT_MAX)

    @staticmethod
    def number(row: ItemRow) -> int:
        """Return the number of the item of a row."""
        n: int = row[0]
        return n

    def parts(self) -> list[Json]:
        """Return the items as JSON, which takes a tenth of the time of objects and their JSON."""
        raise NotImplementedError

    def json(self) -> Json:
        """Return the data of the event as JSON."""
        return {"items": self.parts()}


class AcceptedBids(ItemRows):
    """Bids that were accepted: number, and the row of the reservation."""

    __slots__ = ()
    side = Side.BID

    def data(self) -> Message:
        """Return the data of the event."""
        side = type(self).side
        items = [
            OrderAccepted(n, id_, agent, side, LIMIT, price, 1, old)
            for n, (_, id_, agent, _, _, _, old, price) in self.rows
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
            for n, (_, id_, agent, _, _, _, old, price) in self.rows
        ]

    def texts(self) -> Iterable[FactText]:
        """Return the canonical text of each item."""
        side = type(self).side
        return [
            accepted_text(n, id_, agent, side, LIMIT, price, 1, old)
            for n, (_, id_, agent, _, _, _, old, price) in self.rows
        ]


class AcceptedAsks(AcceptedBids):
    """Asks that were accepted: number, and the row of the reservation."""

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
    """Orders that were cancelled: number, id, agent, whether it buys, reason; or the row of the order that replaced it, whose number is one less."""

    __slots__ = ()

    @staticmethod
    def number(row: ItemRow) -> int:
        """Return the number of the item of a row."""
        n: int = row[0] if len(row) == _CANCEL_FIELDS else row[0] + 1
        return n

    def cancels(self) -> list[ItemRow]:
        """Return number, id, agent, whether it buys, and reason of each cancellation."""
        return [row if len(row) == _CANCEL_FIELDS else _cancellation(*row) for row in self.rows]

    def data(self) -> Message:
        """Return the data of the event."""
        items = [
            OrderCancelled(n, id_, agent, SIDES[buys], 1, reason)
            for n, id_, agent, buys, reason in self.cancels()
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
            for n, id_, agent, buys, reason in self.cancels()
        ]

    def texts(self) -> Iterable[FactText]:
        """Return the canonical text of each item."""
        return [
            cancelled_text(n, id_, agent, SIDES[buys], 1, reason)
            for n, id_, agent, buys, reason in self.cancels()
        ]


def _cancellation(n: int, asked: ItemRow) -> ItemRow:
    """Return the cancellation of the order that another replaced, from the row of that one's acceptance."""
    _, _, agent, asset, _, _, old, _ = asked
    return (n + 1, old, agent, asset == CREDITS, "replaced_by_agent")
