"""Monitors of money: gini, solvent, conservation, costs. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Final

from econsim import subjects
from econsim.domain.expectation.ledger_state import StateFold
from econsim.domain.expectation.monitor import Decision, Monitor, Watch, failing, holding, vacuous
from econsim.domain.expectation.occurrence import Facts, Fields, Now, Occurrence
from econsim.domain.expectation.pattern import constraint_words, miss, predicate
from econsim.domain.measures.measures import gini
from econsim.schemas.expectation_economic import Conservation, Costs, Gini, Solvent
from econsim.schemas.ledger import CREDITS, DEBT, clearing_holder, format_amount
from econsim.schemas.money import format_credits

CLEARING: Final = clearing_holder("")
"""Beginning of the names of markets' clearing accounts."""

PAYEES: Final = {
    "cognition": (subjects.LLM_INVOKED.type,),
    "mcp": (subjects.TOOL_COMPLETED.type, subjects.TOOL_FAILED.type),
}
"""Holder that agents pay for calls → types of the events that tell their prices."""

_SOLD: Final = Fields("price", "quantity")


class GiniMonitor(Monitor):
    """Judges `gini`."""

    def __init__(self, form: Gini, state: StateFold) -> None:
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
        accounts = self._state.accounts
        wealth = [
            max(accounts[each, CREDITS].posted - accounts[each, DEBT].posted, 0) for each in self._state.dealt
        ]
        value = gini(wealth)
        if value is None:
            return vacuous("no agent was dealt credits")
        text = f"the Gini coefficient of {len(wealth)} agents is {value:.4f}, {constraint_words(self._form.value)} must hold"
        gap = miss(self._form.value, value)
        return holding(text) if self._test(value) else failing(text, "" if gap is None else f"{gap:.4f}")


class SolventMonitor(Monitor):
    """Judges `solvent`."""

    def __init__(self, form: Solvent, state: StateFold) -> None:
        """Start before the first event."""
        super().__init__()
        del form
        self._state = state

    @property
    def types(self) -> frozenset[str]:
        """Return what changes accounts."""
        return frozenset((subjects.TRANSFER_POSTED.type,))

    def pass_to(self, now: Now) -> None:
        """Fail once an account was below zero."""
        del now
        if self._state.shortage:
            seen, (holder, asset), lacks = self._state.shortage
            short = f"{format_amount(lacks, asset)} {asset}"
            self.decide(seen.sequence, f"{holder} lacks {short}", seen, missed_by=short)

    def decision(self, now: Now, *, ended: bool) -> Decision:
        """Return that nobody was below zero."""
        del ended
        self.pass_to(now)
        chains = self._state.chains
        if self.decided or not chains:
            return self.decided or vacuous("the ledger moved nothing")
        return holding(f"nobody was below zero after any of {chains} chains")


class ConservationMonitor(Monitor):
    """Judges `conservation`; the order of the journal and its hashes are checked for every log."""

    def __init__(self, form: Conservation, state: StateFold) -> None:
        """Start before the first event."""
        super().__init__()
        del form
        self._state = state
        self._sold: Counter[tuple[str, str]] = Counter()

    def watches(self) -> Iterator[Watch]:
        """Yield the trades that the ledger settles."""
        yield Watch(subjects.TRADE_EXECUTED.type, see_all=self._see_trades)

    @property
    def types(self) -> frozenset[str]:
        """Return trades and what settles them."""
        return frozenset((subjects.TRADE_EXECUTED.type, subjects.TRANSFER_POSTED.type))

    def decision(self, now: Now, *, ended: bool) -> Decision:
        """Return whether all that was traded was paid and delivered, and nothing is left on the way."""
        del now
        chains = self._state.chains
        if not chains:
            return vacuous("the ledger moved nothing")
        return (ended and self._missing()) or holding(
            f"{chains} chains moved all that was traded, and nothing else"
        )

    def _missing(self) -> Decision | None:
        """Return the failure if something is left in a clearing account, or a trade was settled with another amount."""
        for (holder, asset), amounts in self._state.accounts.items():
            if amounts.posted and holder.startswith(CLEARING):
                shown = f"{format_amount(amounts.posted, asset)} {asset}"
                return failing(f"{holder} is left with {shown}", shown)
        settled: Counter[tuple[str, str]] = Counter()
        for (giver, _, asset), amount in self._state.flows.items():
            if giver.startswith(CLEARING):
                settled[giver.removeprefix(CLEARING), asset] += amount
        for resource, asset in self._sold | settled:
            missing = self._sold[resource, asset] - settled[resource, asset]
            if missing:
                shown = f"{format_amount(abs(missing), asset)} {asset}"
                than = "less" if missing > 0 else "more"
                return failing(f"trades of {resource} were settled with {shown} {than} than they say", shown)
        return None

    def _see_trades(self, facts: Facts) -> None:
        resource = facts.entity
        for price, quantity in facts.values(_SOLD):
            self._sold[resource, CREDITS] += price * quantity
            self._sold[resource, resource] += quantity


class CostsMonitor(Monitor):
    """Judges `costs`."""

    def __init__(self, form: Costs, state: StateFold) -> None:
        """Start before the first event."""
        super().__init__()
        del form
        self._state = state
        self._asked: Counter[tuple[str, str]] = Counter()
        self._last: dict[tuple[str, str], Occurrence] = {}

    def watches(self) -> Iterator[Watch]:
        """Yield calls."""
        for payee, kinds in PAYEES.items():
            for kind in kinds:
                yield Watch(kind, self._call(payee))

    @property
    def types(self) -> frozenset[str]:
        """Return calls and what pays for them."""
        return frozenset((subjects.TRANSFER_POSTED.type, *(watch.type for watch in self.watches())))

    def decision(self, now: Now, *, ended: bool) -> Decision:
        """Return whether prices and debits agree to the unit, for each agent and service."""
        del now, ended
        flows = self._state.flows
        taken = {
            (agent, payee): n
            for (agent, payee, asset), n in flows.items()
            if payee in PAYEES and asset == CREDITS
        }
        if not self._asked and not taken:
            return vacuous("nobody called a model or a tool")
        for account in {**self._asked, **taken}:
            asked, paid = self._asked[account], taken.get(account, 0)
            if asked != paid:
                agent, payee = account
                text = f"calls of {agent} at {payee} cost {format_credits(asked)} credits, the ledger took {format_credits(paid)}"
                witness = (self._last[account],) if account in self._last else ()
                return failing(text, f"{format_credits(abs(asked - paid))} credits", witness)
        total = format_credits(sum(self._asked.values()))
        return holding(f"costs of {total} credits are the ledger's debits, for {len(self._asked)} accounts")

    def _call(self, payee: str) -> Callable[[Occurrence], None]:
        def see(seen: Occurrence) -> None:
            account = (seen.data.get("agent", seen.actor), payee)
            self._asked[account] += seen.data["price"]
            self._last[account] = seen

        return see
