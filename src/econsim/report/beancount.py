"""The ledger of a run as a Beancount file: an account for each holder, a commodity for each asset, a transaction for each transfer.

Every amount is exact. Reservations move nothing and are left out. The final balances are stated as assertions, which
`bean-check` compares with the transactions.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import IO, Final

from econsim import subjects
from econsim.domain.agent.population import population
from econsim.domain.audit.facts import Fact, Json, Record, facts
from econsim.report.whole_file import whole_file
from econsim.schemas.ledger import TREASURY, Kind, format_amount
from econsim.schemas.scenario import Scenario

_MOVES: Final = frozenset({Kind.TRANSFER, Kind.POST})
_BOOLEANS: Final = frozenset({"true", "false", "null"})
"""Names that would be no commodities but values."""


class BeancountJournal:
    """Journal of one run on its way into a file; memory grows with the number of holders, not with that of transfers."""

    def __init__(self, out: IO[str]) -> None:
        """Write to a text file, which the caller closes."""
        self.count = 0
        """Transactions written so far."""
        self._out = out
        self._date = ""
        self._groups: dict[str, str] = {}
        self._accounts: dict[str, str] = {}
        self._assets: set[str] = set()
        self._balances = Counter[tuple[str, str]]()
        out.write('option "title" "econsim"\n')

    def add(self, entry: Record) -> None:
        """Write the transfers of the next event, if it has any."""
        if entry.type == subjects.RUN_OPENED.type:
            self._date = entry.occurred_at[:10]
            agents = population(Scenario.model_validate(entry.data["scenario"]))
            self._groups = {agent.id: agent.group for agent in agents}
            self._out.write(f'{self._date} event "run" "{entry.correlation_id}"\n')
        elif entry.type == subjects.TRANSFER_POSTED.type:
            # Clocks of two services may differ around midnight, and no account may be used before its day.
            self._date = max(self._date, entry.occurred_at[:10])
            for chain in facts(entry):
                self._write_chain(chain)

    def close(self) -> None:
        """State the final balances, as of the day after the last transaction."""
        if not self._balances:
            return
        day = date.fromisoformat(self._date) + timedelta(days=1)
        self._out.write("\n")
        for (holder, asset), amount in sorted(self._balances.items()):
            # Without a tolerance of its own a balance may be off by a unit of its last digit.
            stated = f"{format_amount(amount, asset)} ~ 0 {commodity(asset)}"
            self._out.write(f"{day} balance {self._accounts[holder]}  {stated}\n")

    def _write_chain(self, chain: Fact) -> None:
        for transfer in chain.data["transfers"]:
            if transfer["kind"] in _MOVES:
                self._write_transaction(chain, transfer)

    def _write_transaction(self, chain: Fact, transfer: Json) -> None:
        asset, amount = transfer["asset"], transfer["amount"]
        if asset not in self._assets:
            self._assets.add(asset)
            self._out.write(f'{self._date} commodity {commodity(asset)}\n  asset: "{asset}"\n')
        given, received = (self._account(transfer[side]) for side in ("debit", "credit"))
        self._balances[transfer["debit"], asset] -= amount
        self._balances[transfer["credit"], asset] += amount
        number, unit = format_amount(amount, asset), commodity(asset)
        self._out.write(
            f'\n{self._date} * "{chain.data["cause"]}" ^{chain.data["id"]}\n'
            f'  event_id: "{chain.event_id}"\n  tick: {chain.tick}\n  time: "{chain.occurred_at}"\n'
            f'  transfer: "{transfer["id"]}"\n  kind: "{transfer["kind"]}"\n'
            f"  {given}  -{number} {unit}\n  {received}  {number} {unit}\n"
        )
        self.count += 1

    def _account(self, holder: str) -> str:
        """Return the account of a holder; write its opening at its first use."""
        if holder not in self._accounts:
            self._accounts[holder] = account = account_name(holder, self._groups.get(holder))
            self._out.write(f'{self._date} open {account}\n  holder: "{holder}"\n')
        return self._accounts[holder]


def account_name(holder: str, group: str | None) -> str:
    """Return the account of a holder: an agent's below its group, others below `System`; the treasury is equity."""
    if holder == TREASURY:
        return "Equity:Treasury"
    above = "System" if group is None else f"Agents:{_component(group)}"
    return f"Assets:{above}:{_component(holder)}"


def _component(name: str) -> str:
    """Return a name as a part of an account, which has no underscores: `-` stands for one, and `X-` for a hyphen."""
    text = name.replace("-", "X-").replace("_", "-")
    return text[0].upper() + text[1:]


def commodity(asset: str) -> str:
    """Return the commodity of an asset: its name in capitals, with an `X.` or `.X`, which no name has, where that is none."""
    text = asset.upper()
    text = text if text[0].isalpha() else f"X.{text}"
    return f"{text}.X" if asset in _BOOLEANS or not text[-1].isalnum() else text


@contextmanager
def beancount_file(path: Path) -> Iterator[BeancountJournal]:
    """Write a journal into a file for the time of the context; the file is there once the context ends without an error."""
    with whole_file(path) as out:
        journal = BeancountJournal(out)
        yield journal
        journal.close()
