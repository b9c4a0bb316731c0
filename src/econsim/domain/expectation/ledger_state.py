"""Balances, holdings and prices of a run, folded from its events for the expectations about state. Pure.

The state of a tick counts all transfers of that tick: the ledger's entries reach the log beside the events that they are for,
or a few ticks later.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from econsim import subjects
from econsim.domain.audit.facts import Json
from econsim.domain.expectation.monitor import Watch
from econsim.domain.expectation.occurrence import Occurrence
from econsim.schemas.ledger import CREDITS, DEBT, MONEY, TREASURY, Kind
from econsim.schemas.types import MICROS_PER_CREDIT

Account = tuple[str, str]
"""Holder and asset."""

_MOVING: Final = (Kind.TRANSFER.value, Kind.POST.value)

ENDOWMENT: Final = "endow"
"""Cause of the chains that deal the first credits."""


@dataclass(frozen=True, slots=True)
class StateName:
    """What a key of state names."""

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


class LedgerState:
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

    def watches(self) -> Iterator[Watch]:
        """Yield the chains of the journal and the markets' prices."""
        yield Watch(subjects.TRANSFER_POSTED.type, self.see)
        yield Watch(subjects.PRICE_UPDATED.type, self.see_price)

    def see(self, seen: Occurrence) -> None:
        """Apply a chain."""
        self._accounts.reach(seen.tick)
        self.chains += 1
        transfers = seen.data["transfers"]
        if seen.data["cause"] == ENDOWMENT:
            self.dealt |= dict.fromkeys(each["credit"] for each in transfers if each["asset"] == CREDITS)
        for transfer in transfers:
            lacks = self._move(transfer)
            if lacks and self.shortage is None:
                self.shortage = seen, (transfer["debit"], transfer["asset"]), lacks

    def see_price(self, seen: Occurrence) -> None:
        """Take a market's price."""
        self._prices.reach(seen.tick)
        self.prices[seen.data["resource"]] = seen.data["price"]

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

    def _move(self, transfer: Json) -> int:
        """Apply a transfer; return what its debit account then lacks, 0 if it is not below zero."""
        holder, asset, kind, amount = (
            transfer["debit"],
            transfer["asset"],
            transfer["kind"],
            transfer["amount"],
        )
        debit = holder, asset
        if kind == Kind.PENDING:
            self.pending[debit] += amount
            self._reserved[transfer["id"]] = debit, amount
        elif kind != Kind.TRANSFER:
            account, reserved = self._reserved.pop(transfer["pending_id"], (debit, 0))
            self.pending[account] -= reserved
        if kind in _MOVING:
            self.posted[debit] -= amount
            self.posted[transfer["credit"], asset] += amount
            self.flows[holder, transfer["credit"], asset] += amount
        left = self.posted[debit] - self.pending[debit]
        return -left if left < 0 and holder != TREASURY else 0
