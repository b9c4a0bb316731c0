"""From market items to ledger chains: reserve for an order, post a fill, void for a cancel.

Every id derives from the order or the trade, so settling is idempotent. Credits and units pass through the market's
clearing holder, which is empty again at the end of every chain. The reservations of open orders change only by
`evolve`, so folding the items of the past gives the same reservations.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from econsim.domain.market.order_terms import required_amount
from econsim.schemas.ledger import CREDITS, Chain, Kind, Transfer, clearing_holder, fiscal_holder
from econsim.schemas.market import Item, OrderAccepted, OrderCancelled, TradeExecuted, TradingHalted
from econsim.schemas.orders import Side
from econsim.schemas.scenario import Market


@dataclass(slots=True)
class Reservation:
    """The pending transfer of an open order at the ledger."""

    order_id: str
    """Id of the order."""
    agent: str
    """Agent that placed the order."""
    side: Side
    """Side of the order: credits are reserved for a bid, units for an ask."""
    price: int
    """Limit, micro-credits a unit."""
    open: int
    """Units of the order still open."""
    fills: int = 0
    """Partial fills of the order so far: each replaced the reservation by a smaller one."""

    @property
    def id(self) -> str:
        """Id of the pending transfer."""
        return f"{self.order_id}.r{self.fills}"

    def amount(self, tax: int) -> int:
        """Return the micro-credits (bid, with its tax a unit) or units (ask) reserved."""
        return required_amount(self.side, self.price, self.open, tax)


class Settlement:
    """The reservations of one book's open orders, and the chains that its items need."""

    def __init__(self, market: Market) -> None:
        """Start with no reservations."""
        self._resource = market.resource
        self._clearing = clearing_holder(market.resource)
        self.use(market)
        self._reservations: dict[str, Reservation] = {}
        self._pending_transfers: dict[str, Transfer] = {}

    def use(self, market: Market) -> None:
        """Levy the tax of this period's market, or pay its subsidy, from the next batch on."""
        self._tax, self._tax_side = market.tax, market.tax_side
        self._reserved_tax = market.reserved_tax
        self._fiscal = fiscal_holder(market.tax_account)

    def reserve(self, order_id: str, agent: str, side: Side, amount: int) -> Chain:
        """Return the chain that reserves the whole amount of an order, and claims its id for this market."""
        return self._pending_chain(f"{order_id}.r0", order_id, agent, side, amount)

    def reserve_more(self, order_id: str, agent: str, side: Side, amount: int) -> Chain:
        """Return the chain that reserves the difference between a replacement and its order.

        The difference may be zero: the chain's id claims the order's, so that no other market settles under it.
        """
        return self._pending_chain(f"{order_id}.t", order_id, agent, side, amount)

    def drop(self, order_id: str) -> None:
        """Drop an order if the ledger refused its reservation."""
        del self._pending_transfers[order_id]

    def settle(self, items: Iterable[Item]) -> list[Chain]:
        """Return the chains that a batch's items need, then those that void reservations of orders that did not enter.

        Raises KeyError for an order that enters or trades without its reservation: no mechanism makes such an item.
        """
        chains = [chain for item in items if (chain := self._chain(item)) is not None]
        for order_id, pending in self._pending_transfers.items():
            chains.append(Chain(f"{order_id}.v", order_id, (_void(f"{order_id}.v", pending),)))
        self._pending_transfers.clear()
        return chains

    def evolve(self, item: Item) -> None:
        """Apply one item: an accepted order gets its reservation, a fill shrinks two, a cancel ends one."""
        if isinstance(item, OrderAccepted):
            if item.replaces:
                self._reservations.pop(item.replaces, None)
            self._reservations[item.order_id] = Reservation(
                item.order_id, item.agent, item.side, item.price, item.quantity
            )
        elif isinstance(item, TradeExecuted):
            for order_id in (item.bid_id, item.ask_id):
                self._shrink(self._reservations[order_id], item.quantity)
        elif isinstance(item, OrderCancelled):
            self._reservations.pop(item.order_id, None)

    def copies(self) -> tuple[Reservation, ...]:
        """Return copies of the reservations."""
        return tuple(map(replace, self._reservations.values()))

    def restore(self, reservations: Iterable[Reservation]) -> None:
        """Take in the reservations of another book's open orders."""
        self._reservations = {reservation.order_id: reservation for reservation in reservations}

    def __eq__(self, other: object) -> bool:
        """Return whether both have the same reservations for the same orders."""
        return self._reservations == other._reservations if isinstance(other, Settlement) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # reservations change

    def _pending_chain(self, id_: str, order_id: str, agent: str, side: Side, amount: int) -> Chain:
        pending = self._pending_transfers[order_id] = self._transfer(id_, Kind.PENDING, agent, side, amount)
        return Chain(f"{order_id}.r0", order_id, (pending,))

    def _chain(self, item: Item) -> Chain | None:
        """Apply an item and return the chain it needs; none if nothing moves."""
        if isinstance(item, OrderAccepted):
            return self._enter(item)
        if isinstance(item, TradeExecuted):
            return self._fill(item)
        ended = self._reservations.get(item.order_id) if isinstance(item, OrderCancelled) else None
        self.evolve(item)
        if ended is None:
            return None
        void = self._transfer_of(ended, f"{ended.order_id}.v", Kind.VOID, 0, ended.id)
        return Chain(void.id, ended.order_id, (void,))

    def _enter(self, item: OrderAccepted) -> Chain | None:
        """Give an order its reservation; a replacement's is made of its order's and the difference, in one chain."""
        if item.replaces is None:
            del self._pending_transfers[item.order_id]
            self.evolve(item)
            return None
        old, more = self._reservations[item.replaces], self._pending_transfers.pop(item.order_id)
        self.evolve(item)
        legs = (
            self._transfer_of(old, f"{old.order_id}.v", Kind.VOID, 0, old.id),
            _void(f"{item.order_id}.tv", more),
            self._pending(self._reservations[item.order_id]),
        )
        return Chain(f"{item.order_id}.s", item.order_id, legs)

    def _fill(self, trade: TradeExecuted) -> Chain:
        """Return the chain that posts a trade and reserves again for the open units of partial fills."""
        bid, ask = self._reservations[trade.bid_id], self._reservations[trade.ask_id]
        paid, units, stem = trade.price * trade.quantity, trade.quantity, trade.trade_id
        legs = [
            self._transfer_of(bid, f"{stem}.1", Kind.POST, paid, bid.id),
            Transfer(f"{stem}.2", Kind.TRANSFER, self._clearing, trade.seller, CREDITS, paid),
            self._transfer_of(ask, f"{stem}.3", Kind.POST, units, ask.id),
            Transfer(f"{stem}.4", Kind.TRANSFER, self._clearing, trade.buyer, self._resource, units),
        ]
        if self._tax:
            legs.append(self._levy(trade))
        self.evolve(trade)
        legs += [self._pending(rest) for rest in (bid, ask) if rest.open]
        return Chain(stem, stem, tuple(legs))

    def _levy(self, trade: TradeExecuted) -> Transfer:
        """Return the transfer of a trade's tax or subsidy: between the account and the agent alone, beside the clearing holder."""
        agent = trade.buyer if self._tax_side is Side.BID else trade.seller
        amount = abs(self._tax) * trade.quantity
        debit, credit = (agent, self._fiscal) if self._tax > 0 else (self._fiscal, agent)
        return Transfer(f"{trade.trade_id}.5", Kind.TRANSFER, debit, credit, CREDITS, amount)

    def _shrink(self, reservation: Reservation, units: int) -> None:
        """Take a fill off a reservation, and remove the reservation if no units are left."""
        reservation.open -= units
        reservation.fills += 1
        if reservation.open == 0:
            del self._reservations[reservation.order_id]

    def _pending(self, reservation: Reservation) -> Transfer:
        amount = reservation.amount(self._reserved_tax)
        return self._transfer_of(reservation, reservation.id, Kind.PENDING, amount)

    def _transfer_of(
        self, reservation: Reservation, id_: str, kind: Kind, amount: int, pending_id: str | None = None
    ) -> Transfer:
        return self._transfer(id_, kind, reservation.agent, reservation.side, amount, pending_id)

    def _transfer(  # noqa: PLR0913, PLR0917 - a transfer has these parts
        self, id_: str, kind: Kind, agent: str, side: Side, amount: int, pending_id: str | None = None
    ) -> Transfer:
        asset = CREDITS if side is Side.BID else self._resource
        return Transfer(id_, kind, agent, self._clearing, asset, amount, pending_id)


def settlement_halt(
    resource: str, chains: Iterable[Chain], refused: Mapping[str, str]
) -> TradingHalted | None:
    """Return the halt of a book if the ledger refused to settle a chain; none if all is settled."""
    for chain in chains:
        if chain.id in refused:
            return TradingHalted(resource=resource, chain=chain.id, reason=str(refused[chain.id]))
    return None


def run_failure(halted: TradingHalted, tick: int) -> str:
    """Return why a run fails when a book halts, as a sentence."""
    what = f"the ledger refused chain {halted.chain}" if halted.chain else "its batch could not be matched"
    return f"the book of {halted.resource} stopped in tick {tick}: {what}: {halted.reason}"


def _void(id_: str, pending: Transfer) -> Transfer:
    return Transfer(id_, Kind.VOID, pending.debit, pending.credit, pending.asset, 0, pending.id)
