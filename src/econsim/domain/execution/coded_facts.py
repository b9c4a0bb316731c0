"""The facts of a run of coded agents, as plain records: the contents of its events. Pure.

A row takes a tenth of the time of an item, and canonical text is written from it without one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import fields
from operator import itemgetter
from typing import Any, Final

from econsim.domain.audit.canonical_facts import (
    FactText,
    Prices,
    accepted_text,
    cancelled_text,
    fact_texts,
    price_text,
    rejected_text,
    summary_text,
    tick_text,
    trade_text,
)
from econsim.domain.audit.facts import Json
from econsim.domain.market.tape import Told, shouts
from econsim.schemas.base import Message
from econsim.schemas.clock import Ticked
from econsim.schemas.market import (
    Accepted,
    Cancelled,
    OrderAccepted,
    OrderCancelled,
    OrderRejected,
    PriceUpdated,
    Quote,
    Rejected,
    Shout,
    TickCleared,
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

_NUMBER: Final = itemgetter(0)

_REJECTED: Final = tuple(each.name for each in fields(OrderRejected))
"""Names of the fields of a refusal, in their order."""


class MadeData:
    """An event whose data are made already."""

    __slots__ = ("_data",)

    def __init__(self, data: Message) -> None:
        """Take the data."""
        self._data = data

    def data(self) -> Message:
        """Return the data of the event."""
        return self._data

    def parts(self) -> None:
        """Return none: the event is one fact."""

    def json(self) -> Json:
        """Return the data of the event as JSON."""
        return self._data.model_dump(mode="json")

    def texts(self) -> Iterable[FactText] | None:
        """Return the canonical texts of the data; none for a type whose text is taken from its JSON."""
        return fact_texts(self._data)


class TickOpened:
    """The opening of a tick."""

    __slots__ = ("period", "tick_of_period")

    def __init__(self, period: int, tick_of_period: int) -> None:
        """Take the place of the tick."""
        self.period = period
        self.tick_of_period = tick_of_period

    def data(self) -> Ticked:
        """Return the data of the event."""
        return Ticked(period=self.period, tick_of_period=self.tick_of_period)

    def parts(self) -> None:
        """Return none: the event is one fact."""

    def json(self) -> Json:
        """Return the data of the event as JSON."""
        return {"period": self.period, "tick_of_period": self.tick_of_period}

    def texts(self) -> Iterable[FactText]:
        """Return the canonical text."""
        return (tick_text(self.period, self.tick_of_period),)


class ItemRows:
    """Items of one kind of one batch, in book order; a row has the fields that differ between orders of one unit."""

    __slots__ = ("rows",)

    def __init__(self, rows: Sequence[ItemRow]) -> None:
        """Take the rows of an event, at most ITEMS_PER_EVENT_MAX."""
        self.rows = rows

    def data(self) -> Message:
        """Return the data of the event."""
        raise NotImplementedError

    def parts(self) -> list[Json]:
        """Return the items as JSON, which takes a tenth of the time of objects and their JSON."""
        raise NotImplementedError

    def json(self) -> Json:
        """Return the data of the event as JSON."""
        return {"items": self.parts()}

    def texts(self) -> Iterable[FactText]:
        """Return the canonical text of each item."""
        raise NotImplementedError


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


class Cleared:
    """The end of a batch; its tape is put together of the batch's orders and trades."""

    __slots__ = ("accepted", "batch", "closed", "items", "orders", "period", "quote", "trades")

    def __init__(  # noqa: PLR0913, PLR0917 - a summary has these parts
        self,
        batch: int,
        period: int,
        items: int,
        orders: int,
        accepted: tuple[Sequence[ItemRow], Sequence[ItemRow]],
        trades: Sequence[ItemRow],
        quote: Prices,
        closed: bool,  # noqa: FBT001 - a field like the others
    ) -> None:
        """Take the figures of a batch, the rows of its accepted bids and asks, and those of its trades."""
        self.batch = batch
        self.period = period
        self.items = items
        self.orders = orders
        self.accepted = accepted
        self.trades = trades
        self.quote = quote
        self.closed = closed

    def tape(self) -> list[tuple[Side, int, bool]]:
        """Return the quotes and trades in order: side, price, and whether it traded."""
        return tape_rows(*self.accepted, self.trades)

    def data(self) -> TickCleared:
        """Return the data of the event."""
        return TickCleared.model_construct(
            batch=self.batch,
            period=self.period,
            items=self.items,
            orders=self.orders,
            trades=len(self.trades),
            volume=len(self.trades),
            quote=Quote(*self.quote),
            tape=tuple([Shout(*row) for row in self.tape()]),
            period_closed=self.closed,
            last_sequence=0,
        )

    def parts(self) -> None:
        """Return none: the event is one fact."""

    def json(self) -> Json:
        """Return the data of the event as JSON."""
        return {
            "batch": self.batch,
            "period": self.period,
            "items": self.items,
            "orders": self.orders,
            "trades": len(self.trades),
            "volume": len(self.trades),
            "quote": _quote_json(self.quote),
            "tape": [
                {"side": side.value, "price": price, "traded": traded} for side, price, traded in self.tape()
            ],
            "period_closed": self.closed,
            "last_sequence": 0,
        }

    def texts(self) -> Iterable[FactText]:
        """Return the canonical text."""
        trades = len(self.trades)
        text = summary_text(
            self.batch,
            self.period,
            self.items,
            self.orders,
            trades,
            trades,
            self.quote,
            self.tape(),
            self.closed,
        )
        return (text,)


def tape_rows(
    bids: Sequence[ItemRow], asks: Sequence[ItemRow], trades: Sequence[ItemRow]
) -> list[tuple[Side, int, bool]]:
    """Return the tape of a batch's rows in order: side, price, and whether it traded."""
    told: list[Told] = [(row[0], row[1], "", Side.BID, row[3]) for row in bids]
    told += [(row[0], row[1], "", Side.ASK, row[3]) for row in asks]
    told += [(row[0], row[5], row[6], SIDES[row[7]], row[2]) for row in trades]
    told.sort(key=_NUMBER)
    return shouts(told)


class PriceChange:
    """A market's new price."""

    __slots__ = ("quote", "resource", "volume")

    def __init__(self, resource: str, quote: Prices, volume: int) -> None:
        """Take the best prices and the last one, and the units traded in the batch."""
        self.resource = resource
        self.quote = quote
        self.volume = volume

    def data(self) -> PriceUpdated:
        """Return the data of the event."""
        quote = Quote(*self.quote)
        return PriceUpdated(resource=self.resource, price=quote.last, quote=quote, volume=self.volume)

    def parts(self) -> None:
        """Return none: the event is one fact."""

    def json(self) -> Json:
        """Return the data of the event as JSON."""
        quote = _quote_json(self.quote)
        return {
            "resource": self.resource,
            "price": quote["last"],
            "quote": quote,
            "volume": self.volume,
        }

    def texts(self) -> Iterable[FactText]:
        """Return the canonical text."""
        return (price_text(self.resource, self.quote[2], self.quote, self.volume),)


def _quote_json(quote: Prices) -> Json:
    bid, ask, last = quote
    return {"bid": bid, "ask": ask, "last": last}
