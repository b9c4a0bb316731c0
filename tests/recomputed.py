"""What a run's log says, computed again from its facts alone: what does not add up, as sentences."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from nats.aio.client import Client

from econsim.adapters.jetstream.audit_log import read
from econsim.domain.agent.population import Agent
from econsim.domain.audit.decoding import decode_if_valid
from econsim.domain.audit.envelope import AddressedEvent
from econsim.domain.clock.period import gain
from econsim.domain.ledger.verify import verify_journal
from econsim.domain.market.book import MarketBook
from econsim.schemas.clock import RunOpened
from econsim.schemas.cognition import LlmInvoked
from econsim.schemas.ledger import TransferPosted, TransferRefused
from econsim.schemas.market import (
    Accepted,
    BatchOpened,
    Cancelled,
    OrderAccepted,
    OrderCancelled,
    Rejected,
    TickCleared,
    Traded,
    TradeExecuted,
)


def realised_surplus(agents: Iterable[Agent], trades: Iterable[tuple[str, TradeExecuted]]) -> int:
    """Return values of units bought minus costs of units sold, in micro-credits, from a period's trades.

    `trades` are (resource, trade). Independent of the ledger: prices do not enter.
    """
    net: Counter[tuple[str, str]] = Counter()
    for resource, trade in trades:
        net[trade.buyer, resource] += trade.quantity
        net[trade.seller, resource] -= trade.quantity
    return sum(gain(role, net[agent.id, role.resource]) for agent in agents for role in agent.roles)


def discrepancies(events: Iterable[AddressedEvent]) -> list[str]:
    """Return what does not add up in a run's events, given in log order."""
    events = list({addressed.event.event_id: addressed for addressed in events}.values())
    [opened] = [s.event.data for s in events if isinstance(s.event.data, RunOpened)]
    journal = [s.event for s in events if isinstance(s.event.data, TransferPosted | TransferRefused)]
    found = list(verify_journal(journal).findings)
    settled = Counter(
        chain.id
        for entry in journal
        if isinstance(entry.data, TransferPosted)
        for chain in entry.data.chains
        if chain.id == chain.cause
    )
    trades: Counter[str] = Counter()
    calls = {item.id for s in events if isinstance(s.event.data, LlmInvoked) for item in s.event.data.items}
    for market in opened.scenario.markets:
        book = _Book(MarketBook(market, opened.scenario.seed))
        mine = [s for s in events if s.subject.startswith(f"market.{market.resource}.")]
        found += [f"{market.resource}: {what}" for what in book.read(mine)]
        trades += book.trades
    due = {*trades, *calls}
    found += [f"trade or call {id_} is paid {settled[id_]} times" for id_ in due if settled[id_] != 1]
    found += [f"posting {id_} has no trade and no call" for id_ in settled if id_ not in due]
    return found


async def log_of(client: Client, run: str) -> list[AddressedEvent]:
    """Return the events a run's log holds now."""
    found = [decode_if_valid(stored.subject, stored.payload) async for stored in read(client, run)]
    return [addressed for addressed in found if addressed]


class _Book:
    """One market, folded again batch by batch."""

    def __init__(self, book: MarketBook) -> None:
        self.trades: Counter[str] = Counter()
        self._book = book
        self._left: Counter[str] = Counter()

    def read(self, events: Iterable[AddressedEvent]) -> Iterator[str]:
        """Yield what does not add up."""
        waiting, last, batches, reach = [], 0, 0, None
        for addressed in events:
            match addressed.event.data:
                case (
                    Accepted(items=items)
                    | Rejected(items=items)
                    | Traded(items=items)
                    | Cancelled(items=items)
                ):
                    waiting += items
                case BatchOpened(batch=batch, last_sequence=sequence):
                    reach = batch, sequence
                case TickCleared() as cleared:
                    waiting.sort(key=lambda item: item.n)
                    numbers = [item.n for item in waiting]
                    if numbers != list(range(last + 1, last + 1 + cleared.items)):
                        yield f"batch {cleared.batch} has items {numbers} after {last}"
                    if cleared.batch != batches + 1:
                        yield f"batch {cleared.batch} follows {batches}"
                    if reach and reach != (cleared.batch, cleared.last_sequence):
                        yield f"batch {cleared.batch} reached {cleared.last_sequence}, opened was {reach}"
                    batches, last = cleared.batch, last + cleared.items
                    yield from self._clear(waiting, cleared)
                    waiting = []
        resting = sum(level.quantity for side in self._book.depth(1_000_000) for level in side)
        if self._left.total() != resting or min(self._left.values(), default=0) < 0:
            yield f"{resting} units rest on the book, its orders have {self._left}"

    def _clear(self, items, cleared) -> Iterator[str]:
        for item in items:
            match item:
                case OrderAccepted(order_id=order, quantity=units):
                    self._left[order] += units
                case OrderCancelled(order_id=order, quantity=units):
                    self._left[order] -= units
                case TradeExecuted(trade_id=trade, bid_id=bid, ask_id=ask, quantity=units):
                    self.trades[trade] += 1
                    self._left.subtract({bid: units, ask: units})
        self._book.collect(items)
        self._book.replay(cleared)
        bids, asks = self._book.depth(1)
        best = tuple(levels[0].price if levels else None for levels in (bids, asks))
        if best != (cleared.quote.bid, cleared.quote.ask):
            yield f"batch {cleared.batch} published {cleared.quote}, its items make {best}"
