"""Verification of trades against postings, both ways: what markets told the log, and what the ledger moved.

Every trade has a chain that moves its price and its units between its two parties and nothing else; every chain
that moves something out of a market's clearing holder has a trade; every order that was accepted was reserved
for; at the end exactly the open orders are. Written apart from `settlement.py`: only the amounts count, not how
the chains are built. `log.py` says which batches were finished. Pure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from econsim.domain.finding import PLACE_IN_LOG, Finding
from econsim.domain.ledger.verify import JournalEntry
from econsim.schemas.ledger import CREDITS, Chain, Kind, Transfer, clearing_holder
from econsim.schemas.market import Item, OrderAccepted, OrderCancelled, TradeExecuted
from econsim.schemas.orders import Side

Finished = Callable[[str, int], bool]
"""Whether a market's batches of a tick were finished: what is under way proves nothing."""

_MOVES: Final = frozenset({Kind.TRANSFER, Kind.POST})


@dataclass(frozen=True, slots=True)
class LoggedItem:
    """An item with where it stands in the log."""

    place: int
    """Place of its record in the log."""
    event_id: str
    """Its record."""
    resource: str
    """Its market."""
    tick: int
    """Its batch's tick."""
    item: Item
    """What happened."""

    def finding(self, what: str, evidence: str) -> Finding:
        """Return what is wrong with it."""
        return Finding(self.place, self.event_id, what, evidence, PLACE_IN_LOG)


@dataclass(slots=True)
class _AcceptedOrder:
    told: LoggedItem
    agent: str
    side: Side
    price: int
    quantity: int
    open: int

    @property
    def asset(self) -> str:
        return CREDITS if self.side is Side.BID else self.told.resource

    def pending_amount(self, units: int) -> int:
        """Return what so many of its units need."""
        return self.price * units if self.side is Side.BID else units


@dataclass(slots=True)
class _PostedChain:
    sequence: int
    event_id: str
    chain: Chain

    def finding(self, what: str, evidence: str) -> Finding:
        return Finding(self.sequence, self.event_id, what, evidence)


class TradeChecks:
    """The trades, orders and postings of one run."""

    def __init__(self, resources: Iterable[str]) -> None:
        """Compare the markets of these resources."""
        self._markets = {clearing_holder(resource): resource for resource in resources}
        self._told: list[LoggedItem] = []
        self._orders: dict[str, _AcceptedOrder] = {}
        self._posted: dict[str, _PostedChain] = {}
        self._reserved: dict[str, tuple[Transfer, _PostedChain]] = {}
        self._resolved: set[str] = set()

    def add(self, told: LoggedItem) -> None:
        """Take in an item; each once."""
        self._told.append(told)

    def findings(self, entries: Iterable[JournalEntry], finished: Finished) -> Iterator[Finding]:
        """Yield what trades and postings disagree in, given the whole journal."""
        for event in entries:
            for chain in event.data.chains:
                if isinstance(chain, Chain) and self._counts(chain, event.tick, finished):
                    self._post(_PostedChain(event.data.sequence, event.event_id, chain))
        trades: set[str] = set()
        for told in self._told:
            if finished(told.resource, told.tick):
                yield from self._item(told, trades)
        for posted in self._posted.values():
            if posted.chain.id not in trades and self._pays_out(posted.chain):
                yield posted.finding("posting_has_no_trade", posted.chain.id)
        yield from self._open_orders()

    def _counts(self, chain: Chain, tick: int, finished: Finished) -> bool:
        """Tell whether a chain is of no market, or of a finished batch of one."""
        named = {holder for leg in chain.transfers for holder in (leg.debit, leg.credit)}
        return all(finished(self._markets[holder], tick) for holder in named & self._markets.keys())

    def _post(self, posted: _PostedChain) -> None:
        self._posted[posted.chain.id] = posted
        for leg in posted.chain.transfers:
            if leg.kind is Kind.PENDING:
                self._reserved[leg.id] = leg, posted
            elif leg.pending_id:
                self._resolved.add(leg.pending_id)

    def _item(self, told: LoggedItem, trades: set[str]) -> Iterator[Finding]:
        match told.item:
            case OrderAccepted():
                yield from self._accepted(told, told.item)
            case TradeExecuted():
                trades.add(told.item.trade_id)
                yield from self._trade(told, told.item)
            case OrderCancelled():
                yield from self._cancelled(told, told.item)

    def _accepted(self, told: LoggedItem, item: OrderAccepted) -> Iterator[Finding]:
        order = _AcceptedOrder(told, item.agent, item.side, item.price, item.quantity, item.quantity)
        if item.order_id in self._orders:
            yield told.finding("order_is_accepted_twice", item.order_id)
        if item.replaces:  # a cancel of that one follows, and takes it off
            old = self._orders.get(item.replaces)
            if old is None or old.agent != item.agent or not old.open:
                yield told.finding("replacement_has_no_open_order", f"{item.replaces} of {item.agent}")
        self._orders[item.order_id] = order
        wanted = (
            item.agent,
            clearing_holder(told.resource),
            order.asset,
            order.pending_amount(item.quantity),
        )
        reserved = self._reserved.get(f"{item.order_id}.r0")
        if reserved is None:
            yield told.finding("order_has_no_reservation", item.order_id)
        elif (found := _terms(reserved[0])) != wanted:
            yield told.finding(
                "reservation_differs_from_its_order", f"{item.order_id}: {found} instead of {wanted}"
            )

    def _trade(self, told: LoggedItem, trade: TradeExecuted) -> Iterator[Finding]:
        for order_id, agent in ((trade.bid_id, trade.buyer), (trade.ask_id, trade.seller)):
            order = self._orders.get(order_id)
            if order is None or order.agent != agent or order.open < trade.quantity:
                yield told.finding("trade_has_no_open_order", f"{trade.trade_id}: {order_id} of {agent}")
            else:
                order.open -= trade.quantity
        if (posted := self._posted.get(trade.trade_id)) is None:
            yield told.finding("trade_has_no_posting", trade.trade_id)
            return
        wanted = _wanted(trade, told.resource)
        moved = _moved(posted.chain, {CREDITS, told.resource})
        if moved != wanted:
            evidence = f"{trade.trade_id}: moved {_said(moved)} instead of {_said(wanted)}"
            yield told.finding("posting_differs_from_its_trade", evidence)
        resolved = {(leg.pending_id or "").rpartition(".")[0] for leg in posted.chain.transfers} - {""}
        if resolved != {trade.bid_id, trade.ask_id}:
            yield told.finding(
                "posting_is_of_other_orders", f"{trade.trade_id}: {', '.join(sorted(resolved))}"
            )

    def _cancelled(self, told: LoggedItem, item: OrderCancelled) -> Iterator[Finding]:
        order = self._orders.get(item.order_id)
        if order is None or (order.agent, order.side, order.open) != (item.agent, item.side, item.quantity):
            yield told.finding(
                "cancel_has_no_open_order", f"{item.order_id}: {item.quantity} of {item.agent}"
            )
        if order is not None:
            order.open = 0

    def _pays_out(self, chain: Chain) -> bool:
        return any(leg.kind in _MOVES and leg.debit in self._markets for leg in chain.transfers)

    def _open_orders(self) -> Iterator[Finding]:
        """Compare what is reserved at the end with what is open."""
        held: Counter[str] = Counter()
        newest: dict[str, _PostedChain] = {}
        for name, (leg, posted) in self._reserved.items():
            if leg.credit in self._markets and name not in self._resolved:
                order_id = name.rpartition(".")[0]
                held[order_id] += leg.amount
                newest[order_id] = posted
        for order_id, order in self._orders.items():
            wanted = order.pending_amount(order.open)
            if held[order_id] != wanted:
                evidence = f"{order_id}: {held[order_id]} {order.asset} reserved, {wanted} needed"
                yield order.told.finding("reservation_differs_from_open_order", evidence)
        for order_id in newest.keys() - self._orders.keys():
            yield newest[order_id].finding("reservation_has_no_order", order_id)


def _terms(leg: Transfer) -> tuple[str, str, str, int]:
    return leg.debit, leg.credit, leg.asset, leg.amount


def _wanted(trade: TradeExecuted, resource: str) -> dict[tuple[str, str], int]:
    cost, units = trade.price * trade.quantity, trade.quantity
    return {
        (trade.buyer, CREDITS): -cost,
        (trade.buyer, resource): units,
        (trade.seller, CREDITS): cost,
        (trade.seller, resource): -units,
    }


def _moved(chain: Chain, assets: set[str]) -> dict[tuple[str, str], int]:
    """Return holder and asset → what a chain added; what comes to nothing is left out."""
    moved: Counter[tuple[str, str]] = Counter()
    for leg in chain.transfers:
        if leg.kind in _MOVES and leg.asset in assets:
            moved[leg.debit, leg.asset] -= leg.amount
            moved[leg.credit, leg.asset] += leg.amount
    return {account: amount for account, amount in moved.items() if amount}


def _said(moved: dict[tuple[str, str], int]) -> str:
    return ", ".join(f"{holder} {amount:+} {asset}" for (holder, asset), amount in sorted(moved.items()))
