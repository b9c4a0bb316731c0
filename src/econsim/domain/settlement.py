"""From market items to ledger chains: reserve on placing, post on a fill, void on a cancel.

Every id derives from the order or the trade, so settling twice is settling once. Credits and units
pass through the market's clearing holder, which is empty again at the end of every chain.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from econsim.schemas.ledger import CREDITS, Chain, Kind, Transfer
from econsim.schemas.market import Item, OrderAccepted, OrderCancelled, TradeExecuted
from econsim.schemas.orders import Side


def clearing(resource: str) -> str:
    """Return the holder a market's fills pass through."""
    return f"clearing_{resource}"


@dataclass(slots=True)
class Reservation:
    """What an open order holds at the ledger."""

    order_id: str
    """The order."""
    agent: str
    """Whose."""
    side: Side
    """A bid holds credits, an ask holds units."""
    price: int
    """Limit, micro-credits a unit."""
    open: int
    """Units still reserved for."""
    fills: int = 0
    """Partial fills so far: each replaced the reservation by a smaller one."""

    @property
    def id(self) -> str:
        """Id of the pending transfer that holds it now."""
        return f"{self.order_id}.r{self.fills}"

    def amount(self) -> int:
        """Return the micro-credits (bid) or units (ask) held."""
        return self.price * self.open if self.side is Side.BID else self.open


class Settlement:
    """The reservations of one book's open orders, and the chains its items call for."""

    def __init__(self, resource: str) -> None:
        """Start with no reservations."""
        self._resource = resource
        self._clearing = clearing(resource)
        self._held: dict[str, Reservation] = {}

    def reserve(self, order_id: str, agent: str, side: Side, price: int, quantity: int) -> Chain:
        """Return the chain that reserves an order's worst case."""
        held = self._held[order_id] = Reservation(order_id, agent, side, price, quantity)
        return Chain(held.id, order_id, (self._pending(held),))

    def hold(self, item: OrderAccepted) -> list[Chain]:
        """Return the chain that reserves an order that entered without a reservation; none if it has one."""
        if item.order_id in self._held:
            return []
        return [self.reserve(item.order_id, item.agent, item.side, item.price, item.quantity)]

    def forget(self, order_id: str) -> None:
        """Drop an order whose reservation the ledger refused."""
        del self._held[order_id]

    def release(self, order_id: str) -> tuple[Chain, ...]:
        """Return the chain that voids an order's reservation; none if it holds nothing."""
        held = self._held.pop(order_id, None)
        if held is None:
            return ()
        void = self._move(f"{order_id}.v", Kind.VOID, held, 0, held.id)
        return (Chain(void.id, order_id, (void,)),)

    def of(self, item: Item) -> Sequence[Chain]:
        """Return the chains an item calls for."""
        match item:
            case TradeExecuted():
                return (self.fill(item),)
            case OrderCancelled():
                return self.release(item.order_id)
            case OrderAccepted():
                return self.hold(item)
            case _:
                return ()

    def fill(self, trade: TradeExecuted) -> Chain:
        """Return the chain that posts a trade and reserves again what is left of partial fills."""
        bid, ask = self._held[trade.bid_id], self._held[trade.ask_id]
        cost, units, stem = trade.price * trade.quantity, trade.quantity, trade.trade_id
        legs = [
            self._move(f"{stem}.1", Kind.POST, bid, cost, bid.id),
            Transfer(f"{stem}.2", Kind.TRANSFER, self._clearing, trade.seller, CREDITS, cost),
            self._move(f"{stem}.3", Kind.POST, ask, units, ask.id),
            Transfer(f"{stem}.4", Kind.TRANSFER, self._clearing, trade.buyer, self._resource, units),
        ]
        legs += [self._pending(held) for held in (bid, ask) if self._shrink(held, units)]
        return Chain(stem, stem, tuple(legs))

    def evolve(self, item: Item) -> None:
        """Apply one item of the past."""
        if isinstance(item, OrderAccepted):
            self._held[item.order_id] = Reservation(
                item.order_id, item.agent, item.side, item.price, item.quantity
            )
        elif isinstance(item, TradeExecuted):
            for order_id in (item.bid_id, item.ask_id):
                self._shrink(self._held[order_id], item.quantity)
        elif isinstance(item, OrderCancelled):
            self._held.pop(item.order_id, None)

    def _shrink(self, held: Reservation, units: int) -> bool:
        """Take a fill off a reservation; false, and gone, if nothing is left."""
        held.open -= units
        held.fills += 1
        if held.open == 0:
            del self._held[held.order_id]
        return held.open > 0

    def _pending(self, held: Reservation) -> Transfer:
        return self._move(held.id, Kind.PENDING, held, held.amount())

    def _move(
        self, id_: str, kind: Kind, held: Reservation, amount: int, pending_id: str | None = None
    ) -> Transfer:
        asset = CREDITS if held.side is Side.BID else self._resource
        return Transfer(id_, kind, held.agent, self._clearing, asset, amount, pending_id)
