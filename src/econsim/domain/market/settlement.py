"""From market items to ledger chains: reserve on placing, post on a fill, void on a cancel.

Every id derives from the order or the trade, so settling twice is settling once. Credits and units
pass through the market's clearing holder, which is empty again at the end of every chain. What open orders hold
changes only by `evolve`, so folding the items of the past gives the same reservations.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from econsim.domain.market.order_terms import required_amount
from econsim.schemas.ledger import CREDITS, Chain, Kind, Transfer, clearing_holder
from econsim.schemas.market import Item, OrderAccepted, OrderCancelled, TradeExecuted, TradingHalted
from econsim.schemas.orders import Side


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
        return required_amount(self.side, self.price, self.open)


class Settlement:
    """The reservations of one book's open orders, and the chains its items call for."""

    def __init__(self, resource: str) -> None:
        """Start with no reservations."""
        self._resource = resource
        self._clearing = clearing_holder(resource)
        self._held: dict[str, Reservation] = {}
        self._asked: dict[str, Transfer] = {}

    def reserve(self, order_id: str, agent: str, side: Side, amount: int) -> Chain:
        """Return the chain that reserves all that an order needs, and claims its id for this market."""
        return self._ask(f"{order_id}.r0", order_id, agent, side, amount)

    def top_up(self, order_id: str, agent: str, side: Side, amount: int) -> Chain:
        """Return the chain that reserves what a replacement needs beyond what its order holds.

        That may be nothing: the chain's id claims the order's, so that no other market settles under it.
        """
        return self._ask(f"{order_id}.t", order_id, agent, side, amount)

    def forget(self, order_id: str) -> None:
        """Drop an order whose reservation the ledger refused."""
        del self._asked[order_id]

    def settle(self, items: Iterable[Item]) -> list[Chain]:
        """Return the chains a batch's items call for, then those that void what was reserved for nothing.

        Raises KeyError for an order that enters or trades without its reservation: no mechanism makes such an item.
        """
        chains = [chain for item in items if (chain := self._chain(item)) is not None]
        for order_id, pending in self._asked.items():
            chains.append(Chain(f"{order_id}.v", order_id, (_void(f"{order_id}.v", pending),)))
        self._asked.clear()
        return chains

    def evolve(self, item: Item) -> None:
        """Apply one item: an order takes over its reservation, a fill takes from two, a cancel ends one."""
        if isinstance(item, OrderAccepted):
            if item.replaces:
                self._held.pop(item.replaces, None)
            self._held[item.order_id] = Reservation(
                item.order_id, item.agent, item.side, item.price, item.quantity
            )
        elif isinstance(item, TradeExecuted):
            for order_id in (item.bid_id, item.ask_id):
                self._shrink(self._held[order_id], item.quantity)
        elif isinstance(item, OrderCancelled):
            self._held.pop(item.order_id, None)

    def __eq__(self, other: object) -> bool:
        """Return whether both hold the same for the same orders."""
        return self._held == other._held if isinstance(other, Settlement) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # reservations change

    def _ask(self, id_: str, order_id: str, agent: str, side: Side, amount: int) -> Chain:
        pending = self._asked[order_id] = self._transfer(id_, Kind.PENDING, agent, side, amount)
        return Chain(f"{order_id}.r0", order_id, (pending,))

    def _chain(self, item: Item) -> Chain | None:
        """Apply an item and return the chain it calls for; none if it moves nothing."""
        if isinstance(item, OrderAccepted):
            return self._enter(item)
        if isinstance(item, TradeExecuted):
            return self._fill(item)
        held = self._held.get(item.order_id) if isinstance(item, OrderCancelled) else None
        self.evolve(item)
        if held is None:
            return None
        void = self._move(f"{held.order_id}.v", Kind.VOID, held, 0, held.id)
        return Chain(void.id, held.order_id, (void,))

    def _enter(self, item: OrderAccepted) -> Chain | None:
        """Give an order its reservation; a replacement's is made of its order's and its top-up, in one chain."""
        if item.replaces is None:
            del self._asked[item.order_id]
            self.evolve(item)
            return None
        old, more = self._held[item.replaces], self._asked.pop(item.order_id)
        self.evolve(item)
        legs = (
            self._move(f"{old.order_id}.v", Kind.VOID, old, 0, old.id),
            _void(f"{item.order_id}.tv", more),
            self._pending(self._held[item.order_id]),
        )
        return Chain(f"{item.order_id}.s", item.order_id, legs)

    def _fill(self, trade: TradeExecuted) -> Chain:
        """Return the chain that posts a trade and reserves again what is left of partial fills."""
        bid, ask = self._held[trade.bid_id], self._held[trade.ask_id]
        paid, units, stem = trade.price * trade.quantity, trade.quantity, trade.trade_id
        legs = [
            self._move(f"{stem}.1", Kind.POST, bid, paid, bid.id),
            Transfer(f"{stem}.2", Kind.TRANSFER, self._clearing, trade.seller, CREDITS, paid),
            self._move(f"{stem}.3", Kind.POST, ask, units, ask.id),
            Transfer(f"{stem}.4", Kind.TRANSFER, self._clearing, trade.buyer, self._resource, units),
        ]
        self.evolve(trade)
        legs += [self._pending(held) for held in (bid, ask) if held.open]
        return Chain(stem, stem, tuple(legs))

    def _shrink(self, held: Reservation, units: int) -> None:
        """Take a fill off a reservation; it is gone if nothing is left."""
        held.open -= units
        held.fills += 1
        if held.open == 0:
            del self._held[held.order_id]

    def _pending(self, held: Reservation) -> Transfer:
        return self._move(held.id, Kind.PENDING, held, held.amount())

    def _move(
        self, id_: str, kind: Kind, held: Reservation, amount: int, pending_id: str | None = None
    ) -> Transfer:
        return self._transfer(id_, kind, held.agent, held.side, amount, pending_id)

    def _transfer(  # noqa: PLR0913, PLR0917 - a transfer has these parts
        self, id_: str, kind: Kind, agent: str, side: Side, amount: int, pending_id: str | None = None
    ) -> Transfer:
        asset = CREDITS if side is Side.BID else self._resource
        return Transfer(id_, kind, agent, self._clearing, asset, amount, pending_id)


def settlement_halt(
    resource: str, chains: Iterable[Chain], refused: Mapping[str, str]
) -> TradingHalted | None:
    """Return the end of a book of which the ledger refused to settle something; none if all is settled."""
    for chain in chains:
        if chain.id in refused:
            return TradingHalted(resource=resource, chain=chain.id, reason=str(refused[chain.id]))
    return None


def run_failure(halted: TradingHalted, tick: int) -> str:
    """Return why a run ends with a book, as a sentence."""
    what = f"the ledger refused chain {halted.chain}" if halted.chain else "its batch could not be matched"
    return f"the book of {halted.resource} stopped in tick {tick}: {what}: {halted.reason}"


def _void(id_: str, pending: Transfer) -> Transfer:
    return Transfer(id_, Kind.VOID, pending.debit, pending.credit, pending.asset, 0, pending.id)
