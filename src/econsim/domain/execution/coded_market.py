"""One market of a run of coded agents: its seats, its book, and the events of its batches. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Final

from econsim import subjects
from econsim.domain.agent.population import Agent
from econsim.domain.audit.canonical_facts import Prices
from econsim.domain.audit.late_event import Address, LateEvent, Moment
from econsim.domain.execution.coded_agents import MakeQuoter, Seats
from econsim.domain.execution.coded_book import CodedBatch, CodedBook
from econsim.domain.execution.coded_facts import Cleared, PriceChange, tape_rows
from econsim.domain.execution.coded_items import (
    AcceptedAsks,
    AcceptedBids,
    CancelledRows,
    ItemRow,
    ItemRows,
    RejectedRows,
    TradeRows,
)
from econsim.domain.ledger.accounts import Accounts
from econsim.domain.market.book import BatchEnd
from econsim.domain.market.events import ACTOR
from econsim.schemas.market import ITEMS_PER_EVENT_MAX, Shout
from econsim.schemas.scenario import Market, PolicyName
from econsim.schemas.subject import Subject

ITEM_SUBJECTS: Final[Mapping[type[ItemRows], Subject]] = {
    AcceptedBids: subjects.BID_ACCEPTED,
    AcceptedAsks: subjects.ASK_ACCEPTED,
    RejectedRows: subjects.ORDER_REJECTED,
    TradeRows: subjects.TRADE_EXECUTED,
    CancelledRows: subjects.ORDER_CANCELLED,
}
"""Kind of a batch's items → subject of their events, in publishing order."""


class CodedMarket:
    """One market of a run."""

    seats_class: ClassVar[type[Seats]] = Seats
    """Class of the seats."""

    def __init__(  # noqa: PLR0913, PLR0917 - a market has these parts
        self,
        market: Market,
        seed: int,
        agents: Sequence[Agent],
        accounts: Accounts,
        run: str,
        others: Mapping[str, MakeQuoter],
    ) -> None:
        """Seat the agents before the first period; `others` make the traders of some."""
        self.resource = resource = market.resource
        self.seats = self.seats_class(
            market, (agent for agent in agents if agent.policy is not PolicyName.EXTERNAL), seed, others
        )
        self.book = CodedBook(market, seed, self.seats, accounts)
        self.clearing = self.book.clearing
        self._price = Address(subjects.PRICE_UPDATED, ACTOR, run, resource=resource)
        self._cleared = Address(subjects.TICK_CLEARED, ACTOR, run, resource=resource)
        self._items = {
            kind: Address(subject, ACTOR, run, resource=resource) for kind, subject in ITEM_SUBJECTS.items()
        }
        self._told: Prices = (None, None, None)
        """Quote that was told last."""

    @property
    def quote(self) -> Prices:
        """Best bid, best ask and last price."""
        return self.book.orders.prices()

    def add_events(self, events: list[LateEvent], moment: Moment, batch: CodedBatch, end: BatchEnd) -> None:
        """Add the events of a batch in publishing order, and let the traders learn from it."""
        items = batch.next_n - batch.first_n
        if items:
            before, self._told = self._told, self.quote
            if self._told != before:
                change = PriceChange(self.resource, self._told, len(batch.trades))
                events.append(LateEvent(self._price, moment, change, end.tick))
            every = batch.bids, batch.asks, batch.rejected, batch.trades, batch.cancelled
            for kind, rows in zip(ITEM_SUBJECTS, every, strict=True):
                if rows:
                    events += self.item_events(moment, kind, rows)
        self.teach(batch, end)
        events.append(self.end_event(moment, batch, end))

    def end_event(self, moment: Moment, batch: CodedBatch, end: BatchEnd) -> LateEvent:
        """Return the event of a batch's end."""
        summary = Cleared(
            end.tick,
            end.period,
            batch.next_n - batch.first_n,
            self.book.orders_taken,
            (batch.bids, batch.asks),
            batch.trades,
            self._told,
            end.ends_period,
        )
        return LateEvent(self._cleared, moment, summary, end.tick)

    def teach(self, batch: CodedBatch, end: BatchEnd) -> None:
        """Let the traders learn from the tape of a batch."""
        if self.seats.learns:
            rows = tape_rows(batch.bids, batch.asks, batch.trades)
            self.seats.learn([Shout(*row) for row in rows], end.tick)

    def item_events(self, moment: Moment, kind: type[ItemRows], rows: Sequence[ItemRow]) -> list[LateEvent]:
        """Return the events of the rows of one kind, of which the first row's number and their count are the key."""
        address, count, most = self._items[kind], len(rows), ITEMS_PER_EVENT_MAX
        if count <= most:
            return [LateEvent(address, moment, kind(rows, 0), kind.number(rows[0]), count)]
        return [
            LateEvent(address, moment, kind(rows, begin), kind.number(rows[begin]), min(count - begin, most))
            for begin in range(0, count, most)
        ]
