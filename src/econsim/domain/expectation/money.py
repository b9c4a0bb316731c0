"""Monitors of money: gini, solvent, conservation, costs. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Final

from econsim import subjects
from econsim.domain.expectation.ledger_state import LedgerState
from econsim.domain.expectation.monitor import Decision, Monitor, Watch, always, failing, holding, untested
from econsim.domain.expectation.occurrence import Now, Occurrence
from econsim.domain.expectation.pattern import constraint_words, miss, predicate
from econsim.domain.measures.measures import gini
from econsim.schemas.expectation_economic import Conservation, Costs, Gini, Solvent
from econsim.schemas.ledger import CREDITS, DEBT, TREASURY, Kind, clearing_holder, format_amount
from econsim.schemas.money import format_credits

CLEARING: Final = clearing_holder("")
"""Beginning of the names of markets' clearing accounts."""

PAYEES: Final = {
    "cognition": (subjects.LLM_INVOKED.type,),
    "mcp": (subjects.TOOL_COMPLETED.type, subjects.TOOL_FAILED.type),
}
"""Holder that agents pay for calls → types of the events that tell their prices."""


class GiniMonitor(Monitor):
    """Judges `gini`."""

    def __init__(self, form: Gini, state: LedgerState) -> None:
        """Start before the first event."""
        super().__init__()
        self._form, self._state = form, state
        self._test = predicate(form.value)

    @property
    def types(self) -> frozenset[str]:
        """Return what changes wealth."""
        return frozenset((subjects.TRANSFER_POSTED.type,))

    def decision(self, now: Now, *, ended: bool) -> Decision:
        """Return whether wealth is spread as it must be."""
        del now, ended
        posted = self._state.posted
        wealth = [max(posted[each, CREDITS] - posted[each, DEBT], 0) for each in self._state.dealt]
        value = gini(wealth)
        if value is None:
            return untested("no agent was dealt credits")
        text = f"the Gini coefficient of {len(wealth)} agents is {value:.4f}, {constraint_words(self._form.value)} must hold"
        gap = miss(self._form.value, value)
        return holding(text) if self._test(value) else failing(text, "" if gap is None else f"{gap:.4f}")


class SolventMonitor(Monitor):
    """Judges `solvent`; looks at accounts after each chain, which the shared state has applied before."""

    def __init__(self, form: Solvent, state: LedgerState) -> None:
        """Start before the first event."""
        super().__init__()
        del form
        self._state = state
        self._chains = 0

    def watches(self) -> Iterator[Watch]:
        """Yield the chains of the journal."""
        yield subjects.TRANSFER_POSTED.type, always, self._see

    def decision(self, now: Now, *, ended: bool) -> Decision:
        """Return that nobody was below zero."""
        del now, ended
        if self.decided or not self._chains:
            return self.decided or untested("the ledger moved nothing")
        return holding(f"nobody was below zero after any of {self._chains} chains")

    def _see(self, seen: Occurrence) -> None:
        self._chains += 1
        posted, pending = self._state.posted, self._state.pending
        for transfer in seen.data["transfers"]:
            account = (transfer["debit"], transfer["asset"])
            left = posted[account] - pending[account]
            if (left < 0 or posted[account] < 0) and account[0] != TREASURY:
                short = format_amount(-left, account[1])
                self.decide(
                    seen.sequence,
                    f"{account[0]} lacks {short} {account[1]}",
                    seen,
                    missed_by=f"{short} {account[1]}",
                )
                return


class ConservationMonitor(Monitor):
    """Judges `conservation`; the order of the journal and its hashes are checked for every log."""

    def __init__(self, form: Conservation, state: LedgerState) -> None:
        """Start before the first event."""
        super().__init__()
        del form
        self._state = state
        self._sold: Counter[tuple[str, str]] = Counter()
        self._paid: Counter[tuple[str, str]] = Counter()
        self._chains = 0

    def watches(self) -> Iterator[Watch]:
        """Yield the chains of the journal and the trades that they settle."""
        yield subjects.TRANSFER_POSTED.type, always, self._see
        yield subjects.TRADE_EXECUTED.type, always, self._see_trade

    def decision(self, now: Now, *, ended: bool) -> Decision:
        """Return whether all that was traded was paid and delivered, and nothing is left on the way."""
        if self.decided:
            return self.decided
        if not self._chains:
            return untested("the ledger moved nothing")
        if ended:
            left = {
                account: n
                for account, n in self._state.posted.items()
                if account[0].startswith(CLEARING) and n
            }
            for (holder, asset), amount in left.items():
                shown = f"{format_amount(amount, asset)} {asset}"
                self.decide(now.sequence, f"{holder} is left with {shown}", missed_by=shown)
            for (resource, asset), amount in self._sold.items():
                missing = amount - self._paid[resource, asset]
                if missing:
                    shown = f"{format_amount(missing, asset)} {asset}"
                    text = f"trades of {resource} were settled with {shown} less than they say"
                    self.decide(now.sequence, text, missed_by=shown)
        return self.decided or holding(
            f"{self._chains} chains moved everything that was traded, and nothing else"
        )

    def _see(self, seen: Occurrence) -> None:
        self._chains += 1
        for transfer in seen.data["transfers"]:
            if transfer["debit"].startswith(CLEARING):
                self._paid[transfer["debit"].removeprefix(CLEARING), transfer["asset"]] += transfer["amount"]

    def _see_trade(self, seen: Occurrence) -> None:
        resource, trade = seen.record.entity, seen.data
        self._sold[resource, CREDITS] += trade["price"] * trade["quantity"]
        self._sold[resource, resource] += trade["quantity"]


class CostsMonitor(Monitor):
    """Judges `costs`."""

    def __init__(self, form: Costs) -> None:
        """Start before the first event."""
        super().__init__()
        del form
        self._asked: Counter[tuple[str, str]] = Counter()
        self._taken: Counter[tuple[str, str]] = Counter()
        self._last: dict[tuple[str, str], Occurrence] = {}

    def watches(self) -> Iterator[Watch]:
        """Yield calls and the chains of the journal."""
        for payee, kinds in PAYEES.items():
            for kind in kinds:
                yield kind, always, self._call(payee)
        yield subjects.TRANSFER_POSTED.type, always, self._see

    def decision(self, now: Now, *, ended: bool) -> Decision:
        """Return whether prices and debits agree to the unit, for each agent and service."""
        del ended
        if not self._asked and not self._taken:
            return untested("nobody called a model or a tool")
        for account in self._asked | self._taken:
            asked, taken = self._asked[account], self._taken[account]
            if asked != taken:
                agent, payee = account
                text = f"calls of {agent} at {payee} cost {format_credits(asked)} credits, the ledger took {format_credits(taken)}"
                witness = (self._last[account],) if account in self._last else ()
                return failing(text, f"{format_credits(abs(asked - taken))} credits", witness)
        del now
        total = format_credits(sum(self._asked.values()))
        return holding(f"costs of {total} credits are the ledger's debits, for {len(self._asked)} accounts")

    def _call(self, payee: str) -> Callable[[Occurrence], None]:
        def see(seen: Occurrence) -> None:
            account = (seen.data.get("agent", seen.actor), payee)
            self._asked[account] += seen.data["price"]
            self._last[account] = seen

        return see

    def _see(self, seen: Occurrence) -> None:
        for transfer in seen.data["transfers"]:
            if transfer["credit"] in PAYEES and transfer["asset"] == CREDITS:
                account = (transfer["debit"], transfer["credit"])
                if transfer["kind"] in (Kind.POST, Kind.TRANSFER):
                    self._taken[account] += transfer["amount"]
                    self._last.setdefault(account, seen)
