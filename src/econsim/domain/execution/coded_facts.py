"""The facts of a run of coded agents beside its items, as plain records: the contents of its events. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from operator import itemgetter
from typing import Any, Final

from econsim.domain.audit.canonical_facts import (
    FactText,
    Prices,
    fact_texts,
    price_text,
    summary_text,
    tick_text,
)
from econsim.domain.audit.facts import Json
from econsim.domain.audit.late_event import Content
from econsim.domain.execution.coded_items import SIDES, ItemRow
from econsim.domain.market.tape import Told, shouts
from econsim.schemas.base import Message
from econsim.schemas.clock import Ticked
from econsim.schemas.market import (
    PriceUpdated,
    Quote,
    Shout,
    TickCleared,
)
from econsim.schemas.orders import Side

_NUMBER: Final = itemgetter(0)


class MadeData(Content):
    """An event whose data are made already."""

    __slots__ = ("_data",)

    def __init__(self, data: Message) -> None:
        """Take the data."""
        self._data = data

    def data(self) -> Message:
        """Return the data of the event."""
        return self._data

    def json(self) -> Json:
        """Return the data of the event as JSON."""
        return self._data.model_dump(mode="json")

    def texts(self) -> Iterable[FactText] | None:
        """Return the canonical texts of the data; none for a type whose text is taken from its JSON."""
        return fact_texts(self._data)


class TickOpened(Content):
    """The opening of a tick."""

    __slots__ = ("period", "tick_of_period")

    def __init__(self, period: int, tick_of_period: int) -> None:
        """Take the place of the tick."""
        self.period = period
        self.tick_of_period = tick_of_period

    def data(self) -> Ticked:
        """Return the data of the event."""
        return Ticked(period=self.period, tick_of_period=self.tick_of_period)

    def json(self) -> Json:
        """Return the data of the event as JSON."""
        return {"period": self.period, "tick_of_period": self.tick_of_period}

    def texts(self) -> Iterable[FactText]:
        """Return the canonical text."""
        return (tick_text(self.period, self.tick_of_period),)


class Cleared(Content):
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

    def field(self, name: str) -> Any:  # noqa: ANN401 - any JSON
        """Return one field of the data as JSON; the tape, which is put together, is for who asks for it."""
        match name:
            case "quote":
                return _quote_json(self.quote)
            case "period_closed":
                return self.closed
            case "trades" | "volume":
                return len(self.trades)
            case "batch" | "period" | "items" | "orders":
                return getattr(self, name)
        return super().field(name)

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
    told: list[Told] = [(n, asked[1], "", Side.BID, asked[7]) for n, asked in bids]
    told += [(n, asked[1], "", Side.ASK, asked[7]) for n, asked in asks]
    told += [(row[0], row[5], row[6], SIDES[row[7]], row[2]) for row in trades]
    told.sort(key=_NUMBER)
    return shouts(told)


class PriceChange(Content):
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
