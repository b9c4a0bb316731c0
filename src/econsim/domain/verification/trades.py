"""Verification of trades against postings, both ways: the markets' events in the log, the ledger's journal. Pure.

Every trade must have a chain that moves its price and its units between its two parties and nothing else. Every chain
that moves an amount out of a market's clearing holder must have a trade. Every accepted order must have a reservation;
at the end the reservations must be those of the open orders. Shares no code with `settlement.py`: only the amounts
count, not the form of the chains. `log.py` decides which batches are finished.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from econsim.domain.agent.conditions import Conditions
from econsim.domain.finding import PLACE_IN_LOG, Finding
from econsim.domain.ledger.verify import JournalEntry
from econsim.schemas.ledger import CREDITS, Chain, Kind, Transfer, clearing_holder, fiscal_holder
from econsim.schemas.market import Item, OrderAccepted, OrderCancelled, TradeExecuted
from econsim.schemas.orders import Side
from econsim.schemas.scenario import Market

Finished = Callable[[str, int], bool]
"""Predicate: the market's batches of the tick are finished. An unfinished batch proves nothing."""

_MOVES: Final = frozenset({Kind.TRANSFER, Kind.POST})


@dataclass(frozen=True, slots=True)
class LoggedItem:
    """An item of a market event with its place in the log."""

    place: int
    """Place of the item's record in the log."""
    event_id: str
    """Event id of the item's record."""
    resource: str
    """Resource of the item's market."""
    tick: int
    """Tick of the item's batch."""
    item: Item
    """Item of the event."""

    def finding(self, what: str, evidence: str) -> Finding:
        """Return a finding about the item."""
        return Finding(self.place, self.event_id, what, evidence, PLACE_IN_LOG)


@dataclass(slots=True)
class _AcceptedOrder:
    logged: LoggedItem
    agent: str
    side: Side
    price: int
    quantity: int
    open: int
    tax: int
    """Tax that a bid reserves for each unit beside its price, micro-credits."""

    @property
    def asset(self) -> str:
        return CREDITS if self.side is Side.BID else self.logged.resource

    def pending_amount(self, units: int) -> int:
        """Return the amount that must be reserved for so many of the order's units."""
        return (self.price + self.tax) * units if self.side is Side.BID else units


@dataclass(slots=True)
class _PostedChain:
    sequence: int
    event_id: str
    chain: Chain

    def finding(self, what: str, evidence: str) -> Finding:
        return Finding(self.sequence, self.event_id, what, evidence)


class TradeChecks:
    """The checks of one run's trades, orders and postings."""

    def __init__(self, conditions: Conditions) -> None:
        """Compare the markets of a run under these conditions."""
        self._conditions = conditions
        self._starts: list[int] = []
        self._markets = {clearing_holder(resource): resource for resource in conditions.markets(1)}
        self._items: list[LoggedItem] = []
        self._orders: dict[str, _AcceptedOrder] = {}
        self._posted: dict[str, _PostedChain] = {}
        self._reserved: dict[str, tuple[Transfer, _PostedChain]] = {}
        self._resolved: set[str] = set()

    def open_period(self, tick: int) -> None:
        """Take note of the first tick of the next period."""
        self._starts.append(tick)

    def add(self, logged: LoggedItem) -> None:
        """Add an item; each item once."""
        self._items.append(logged)

    def findings(self, entries: Iterable[JournalEntry], finished: Finished) -> Iterator[Finding]:
        """Yield the differences between trades and postings, given the whole journal."""
        for event in entries:
            for chain in event.data.chains:
                if isinstance(chain, Chain) and self._counts(chain, event.tick, finished):
                    self._add_posting(_PostedChain(event.data.sequence, event.event_id, chain))
        trades: set[str] = set()
        for logged in self._items:
            if finished(logged.resource, logged.tick):
                yield from self._check_item(logged, trades)
        for posted in self._posted.values():
            if posted.chain.id not in trades and self._pays_out(posted.chain):
                yield posted.finding("posting_has_no_trade", posted.chain.id)
        yield from self._check_open_orders()

    def _counts(self, chain: Chain, tick: int, finished: Finished) -> bool:
        """Return whether a chain belongs to no market, or to a finished batch of one."""
        named = {holder for leg in chain.transfers for holder in (leg.debit, leg.credit)}
        return all(finished(self._markets[holder], tick) for holder in named & self._markets.keys())

    def _add_posting(self, posted: _PostedChain) -> None:
        self._posted[posted.chain.id] = posted
        for leg in posted.chain.transfers:
            if leg.kind is Kind.PENDING:
                self._reserved[leg.id] = leg, posted
            elif leg.pending_id:
                self._resolved.add(leg.pending_id)

    def _check_item(self, logged: LoggedItem, trades: set[str]) -> Iterator[Finding]:
        match logged.item:
            case OrderAccepted():
                yield from self._check_acceptance(logged, logged.item)
            case TradeExecuted():
                trades.add(logged.item.trade_id)
                yield from self._check_trade(logged, logged.item)
            case OrderCancelled():
                yield from self._check_cancellation(logged, logged.item)

    def _check_acceptance(self, logged: LoggedItem, item: OrderAccepted) -> Iterator[Finding]:
        tax = self._market(logged).reserved_tax
        order = _AcceptedOrder(logged, item.agent, item.side, item.price, item.quantity, item.quantity, tax)
        if item.order_id in self._orders:
            yield logged.finding("order_is_accepted_twice", item.order_id)
        if item.replaces:  # a cancel of that one follows, and takes it off
            old = self._orders.get(item.replaces)
            if old is None or old.agent != item.agent or not old.open:
                yield logged.finding("replacement_has_no_open_order", f"{item.replaces} of {item.agent}")
        self._orders[item.order_id] = order
        expected = (
            item.agent,
            clearing_holder(logged.resource),
            order.asset,
            order.pending_amount(item.quantity),
        )
        reserved = self._reserved.get(f"{item.order_id}.r0")
        if reserved is None:
            yield logged.finding("order_has_no_reservation", item.order_id)
        elif (found := _reservation_terms(reserved[0])) != expected:
            yield logged.finding(
                "reservation_differs_from_its_order", f"{item.order_id}: {found} instead of {expected}"
            )

    def _check_trade(self, logged: LoggedItem, trade: TradeExecuted) -> Iterator[Finding]:
        for order_id, agent in ((trade.bid_id, trade.buyer), (trade.ask_id, trade.seller)):
            order = self._orders.get(order_id)
            if order is None or order.agent != agent or order.open < trade.quantity:
                yield logged.finding("trade_has_no_open_order", f"{trade.trade_id}: {order_id} of {agent}")
            else:
                order.open -= trade.quantity
        if (posted := self._posted.get(trade.trade_id)) is None:
            yield logged.finding("trade_has_no_posting", trade.trade_id)
            return
        expected = _expected_movements(trade, self._market(logged))
        moved = _movements(posted.chain, {CREDITS, logged.resource})
        if moved != expected:
            evidence = (
                f"{trade.trade_id}: moved {_movements_text(moved)} instead of {_movements_text(expected)}"
            )
            yield logged.finding("posting_differs_from_its_trade", evidence)
        resolved = {(leg.pending_id or "").rpartition(".")[0] for leg in posted.chain.transfers} - {""}
        if resolved != {trade.bid_id, trade.ask_id}:
            yield logged.finding(
                "posting_is_of_other_orders", f"{trade.trade_id}: {', '.join(sorted(resolved))}"
            )

    def _check_cancellation(self, logged: LoggedItem, item: OrderCancelled) -> Iterator[Finding]:
        order = self._orders.get(item.order_id)
        if order is None or (order.agent, order.side, order.open) != (item.agent, item.side, item.quantity):
            yield logged.finding(
                "cancel_has_no_open_order", f"{item.order_id}: {item.quantity} of {item.agent}"
            )
        if order is not None:
            order.open = 0

    def _market(self, logged: LoggedItem) -> Market:
        """Return the market of an item as it is in the period of its batch."""
        return self._conditions.market(logged.resource, max(bisect_right(self._starts, logged.tick), 1))

    def _pays_out(self, chain: Chain) -> bool:
        return any(leg.kind in _MOVES and leg.debit in self._markets for leg in chain.transfers)

    def _check_open_orders(self) -> Iterator[Finding]:
        """Compare the reservations at the end with the open orders."""
        reserved: Counter[str] = Counter()
        newest: dict[str, _PostedChain] = {}
        for name, (leg, posted) in self._reserved.items():
            if leg.credit in self._markets and name not in self._resolved:
                order_id = name.rpartition(".")[0]
                reserved[order_id] += leg.amount
                newest[order_id] = posted
        for order_id, order in self._orders.items():
            expected = order.pending_amount(order.open)
            if reserved[order_id] != expected:
                evidence = f"{order_id}: {reserved[order_id]} {order.asset} reserved, {expected} needed"
                yield order.logged.finding("reservation_differs_from_open_order", evidence)
        for order_id in newest.keys() - self._orders.keys():
            yield newest[order_id].finding("reservation_has_no_order", order_id)


def _reservation_terms(leg: Transfer) -> tuple[str, str, str, int]:
    return leg.debit, leg.credit, leg.asset, leg.amount


def _expected_movements(trade: TradeExecuted, market: Market) -> dict[tuple[str, str], int]:
    cost, units, tax = trade.price * trade.quantity, trade.quantity, market.tax * trade.quantity
    moved: Counter[tuple[str, str]] = Counter()
    moved[trade.buyer, CREDITS] -= cost
    moved[trade.buyer, market.resource] += units
    moved[trade.seller, CREDITS] += cost
    moved[trade.seller, market.resource] -= units
    moved[trade.buyer if market.tax_side is Side.BID else trade.seller, CREDITS] -= tax
    moved[fiscal_holder(market.tax_account), CREDITS] += tax
    return {account: amount for account, amount in moved.items() if amount}


def _movements(chain: Chain, assets: set[str]) -> dict[tuple[str, str], int]:
    """Return holder and asset → amount that a chain added; amounts that cancel out are left out."""
    moved: Counter[tuple[str, str]] = Counter()
    for leg in chain.transfers:
        if leg.kind in _MOVES and leg.asset in assets:
            moved[leg.debit, leg.asset] -= leg.amount
            moved[leg.credit, leg.asset] += leg.amount
    return {account: amount for account, amount in moved.items() if amount}


def _movements_text(moved: dict[tuple[str, str], int]) -> str:
    return ", ".join(f"{holder} {amount:+} {asset}" for (holder, asset), amount in sorted(moved.items()))
