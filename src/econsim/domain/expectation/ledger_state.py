"""Balances, holdings and prices of a run, folded from its events for the expectations about state. Pure.

The state of a tick counts all transfers of that tick: the ledger's entries reach the log beside the events that they are for,
or a few ticks later.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from operator import itemgetter
from typing import Final

from econsim import subjects
from econsim.domain.audit.facts import Json, Record
from econsim.domain.expectation.occurrence import Occurrence
from econsim.schemas.ledger import CREDITS, DEBT, MONEY, Kind, Transfer, may_owe
from econsim.schemas.types import MICROS_PER_CREDIT

Account = tuple[str, str]
"""Holder and asset."""

_PENDING: Final = Kind.PENDING.value
_TRANSFER: Final = Kind.TRANSFER.value
_VOID: Final = Kind.VOID.value

_FIELDS: Final = itemgetter(*(each.name for each in fields(Transfer)))

ENDOWMENT: Final = "endow"
"""Cause of the chains that deal the first credits."""


@dataclass(frozen=True, slots=True)
class StateName:
    """Meaning of a key of state."""

    holder: str
    """Agent; or the resource, of a price."""
    part: str
    """`balance`, `reserved`, `debt`, `holdings` or `price`."""
    resource: str = ""
    """Resource of holdings."""


class _Track:
    """The tick up to which a part of the state has come."""

    def __init__(self) -> None:
        self.tick = 0
        self.listeners: list[Callable[[int], None]] = []

    def reach(self, tick: int) -> None:
        """Tell the listeners before a new tick changes the state."""
        if tick > self.tick:
            for act in self.listeners:
                act(tick)
            self.tick = tick


class StateFold:
    """The accounts of a run, folded from the copies of its journal."""

    def __init__(self) -> None:
        """Start before the first entry."""
        self.posted: defaultdict[Account, int] = defaultdict(int)
        """Amounts owned."""
        self.pending: defaultdict[Account, int] = defaultdict(int)
        """Amounts reserved."""
        self.prices: dict[str, int | None] = {}
        """Resource → newest price, micro-credits."""
        self.dealt: dict[str, None] = {}
        """Holders that were dealt credits when the run opened: the agents."""
        self.flows: defaultdict[tuple[str, str, str], int] = defaultdict(int)
        """Holder that gave, holder that received and asset → amount moved so far."""
        self.chains = 0
        """Number of chains."""
        self.shortage: tuple[Occurrence, Account, int] | None = None
        """First chain that left an account below zero, the account, and what it lacks; none so far."""
        self._reserved: dict[str, tuple[Account, int]] = {}
        self._accounts, self._prices = _Track(), _Track()

    def before_tick(self, name: StateName, act: Callable[[int], None]) -> None:
        """Call a function before what a key names can change in another tick, with that tick.

        The state is then that of all ticks before. Prices do not wait for the ledger: its entries may come later.
        """
        (self._prices if name.part == "price" else self._accounts).listeners.append(act)

    def add(self, entry: Record, sequence: int, tick: int, count: int) -> None:
        """Apply a record, at its place in the log; one that is neither a journal entry nor a price changes nothing."""
        if entry.type == subjects.PRICE_UPDATED.type:
            self._prices.reach(tick)
            self.prices[entry.data["resource"]] = entry.data["price"]
        if entry.type != subjects.TRANSFER_POSTED.type:
            return
        self._accounts.reach(tick)
        chains = entry.parts or ()
        self.chains += len(chains)
        for index, chain in enumerate(chains):
            short = self._apply(chain["transfers"])
            if short and self.shortage is None:
                self.shortage = Occurrence(entry, index, chain, sequence, tick, count), *short
            if chain["cause"] == ENDOWMENT:
                self.dealt |= {
                    each["credit"]: None for each in chain["transfers"] if each["asset"] == CREDITS
                }

    def value(self, name: StateName) -> float | None:
        """Return what a key holds, money in credits; none for a price before the first, and for a holder without the asset."""
        if name.part == "price":
            price = self.prices.get(name.holder)
            return None if price is None else price / MICROS_PER_CREDIT
        asset = {"balance": CREDITS, "reserved": CREDITS, "debt": DEBT}.get(name.part, name.resource)
        account = (name.holder, asset)
        amounts = self.pending if name.part == "reserved" else self.posted
        if account not in amounts:
            return 0 if (name.holder, CREDITS) in self.posted else None
        return amounts[account] / MICROS_PER_CREDIT if asset in MONEY else amounts[account]

    def _apply(self, transfers: Sequence[Json]) -> tuple[Account, int] | None:
        """Apply linked transfers; return an account that is below zero after its transfer and what it lacks, none if none is."""
        posted, pending, short = self.posted, self.pending, None
        for id_, kind, holder, taker, asset, amount, pending_id in map(_FIELDS, transfers):
            debit = holder, asset
            if kind == _PENDING:
                pending[debit] += amount
                self._reserved[id_] = debit, amount
            else:
                if kind != _TRANSFER:
                    account, reserved = self._reserved.pop(pending_id, (debit, 0))
                    pending[account] -= reserved
                if kind != _VOID:
                    posted[debit] -= amount
                    posted[taker, asset] += amount
                    self.flows[holder, taker, asset] += amount
            if posted[debit] < pending[debit] and not may_owe(holder):
                short = short or (debit, pending[debit] - posted[debit])
        return short
