"""The accounts of one run: what each holder has of each asset. Pure.

Owns their form and how they are read. `ledger.Ledger` moves amounts by chains of transfers, each checked on its own; a run of coded
agents in memory (`domain/execution/coded_run.py`) moves them by the same rules in plain arithmetic.
"""

from __future__ import annotations

from collections.abc import Iterator

from econsim.schemas.ledger import Position


class Account:
    """The amounts one holder has of one asset; mutable, for those who move amounts."""

    __slots__ = ("pending", "posted")

    def __init__(self) -> None:
        """Start with no amounts."""
        self.posted = 0
        self.pending = 0


class Accounts:
    """Accounts by holder and asset; an account exists once it is named."""

    __slots__ = ("_accounts",)

    def __init__(self) -> None:
        """Start with no accounts."""
        self._accounts: dict[str, dict[str, Account]] = {}

    def account(self, holder: str, asset: str) -> Account:
        """Return an account, to change it; open it if it is new."""
        accounts = self._accounts.get(holder)
        if accounts is None:
            accounts = self._accounts[holder] = {}
        account = accounts.get(asset)
        if account is None:
            account = accounts[asset] = Account()
        return account

    def find(self, holder: str, asset: str) -> Account | None:
        """Return an account, to change it; none if it does not exist."""
        accounts = self._accounts.get(holder)
        return accounts.get(asset) if accounts else None

    def position(self, holder: str, asset: str) -> Position:
        """Return a holder's position in an asset; zeros for an account that does not exist."""
        account = self.find(holder, asset)
        return Position(account.posted, account.pending) if account else Position(0, 0)

    def holdings(self, holder: str) -> dict[str, Position]:
        """Return all positions of a holder, credits among them, asset → position."""
        return {asset: Position(posted, pending) for asset, posted, pending in self.amounts(holder)}

    def amounts(self, holder: str) -> Iterator[tuple[str, int, int]]:
        """Yield asset, amount posted and amount pending of all accounts of a holder."""
        for asset, account in self._accounts.get(holder, {}).items():
            yield asset, account.posted, account.pending

    def holders(self) -> tuple[str, ...]:
        """Return the holders of all accounts, in order of first appearance."""
        return tuple(self._accounts)
