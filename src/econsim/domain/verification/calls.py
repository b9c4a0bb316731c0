"""Verification of paid calls against their payments, both ways: outcomes in the log, chains in the journal. Pure.

Every outcome must have a reservation by its agent, and one settlement that posted its amounts; a free call has neither. A
settlement must have an outcome. At the end of a run no reservation is without an outcome. Shares no code with the payments
of services: only amounts and parties count. `log.py` says how far the run came.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from econsim.domain.finding import PLACE_IN_LOG, Finding
from econsim.domain.ledger.verify import JournalEntry
from econsim.schemas.base import Event
from econsim.schemas.cognition import LlmInvoked
from econsim.schemas.ledger import CREDITS, Chain, Kind
from econsim.schemas.tool_events import ToolCompleted, ToolFailed


@dataclass(frozen=True, slots=True)
class PaidOutcome:
    """The outcome of a call, as far as its payment depends on it."""

    id: str
    """Receipt of the call: the cause of its payments."""
    agent: str
    """Agent that pays."""
    amounts: dict[str, int]
    """Asset → amount that the agent pays."""
    may_be_free: bool = False
    """True if the call may have cost nothing from the start, so that nothing was reserved."""


Outcomes = Callable[[Event[object]], Iterable[PaidOutcome]]
"""Reader of an event: returns the outcomes in it."""


def model_outcomes(resource: str | None) -> Outcomes:
    """Return the reader of calls of models, which cost credits, and units of this resource if thinking uses it up."""

    def read(event: Event[object]) -> Iterable[PaidOutcome]:
        for each in event.data.items if isinstance(event.data, LlmInvoked) else ():
            units = {resource: each.units} if resource else {}
            yield PaidOutcome(each.id, each.agent, {CREDITS: each.price} | units)

    return read


def tool_outcomes(event: Event[object]) -> Iterable[PaidOutcome]:
    """Return the outcome of a call of a tool in an event; none in one of another type."""
    found = event.data
    if isinstance(found, ToolCompleted | ToolFailed):
        yield PaidOutcome(found.id, found.agent, {CREDITS: found.price}, may_be_free=not found.price)


@dataclass(frozen=True, slots=True)
class _LoggedOutcome:
    """An outcome with its place in the log."""

    place: int
    event_id: str
    outcome: PaidOutcome

    def finding(self, what: str, evidence: str) -> Finding:
        return Finding(self.place, self.event_id, what, evidence, PLACE_IN_LOG)


@dataclass(frozen=True, slots=True)
class _Payment:
    """A chain between an agent and the service: its amounts by asset, and whether it is a reservation."""

    sequence: int
    event_id: str
    payer: str
    amounts: dict[str, int]

    def finding(self, what: str, evidence: str) -> Finding:
        return Finding(self.sequence, self.event_id, what, evidence)


class CallChecks:
    """The checks of one run's calls of one service."""

    def __init__(self, payee: str, outcomes: Outcomes) -> None:
        """Compare the outcomes of events with payments to this holder."""
        self._payee = payee
        self._read = outcomes
        self._outcomes: dict[str, _LoggedOutcome] = {}
        self._reserved: dict[str, _Payment] = {}
        self._settled: dict[str, _Payment] = {}
        self._findings: list[Finding] = []

    def add(self, place: int, event: Event[object]) -> None:
        """Add the outcomes of an event, each event once; events of other types add none."""
        for outcome in self._read(event):
            logged = _LoggedOutcome(place, event.event_id, outcome)
            if self._outcomes.setdefault(outcome.id, logged) is not logged:
                self._findings.append(logged.finding("call_ended_twice", outcome.id))

    def findings(self, entries: Iterable[JournalEntry], *, ended: bool, whole: bool) -> Iterator[Finding]:
        """Yield the differences between outcomes and payments, given the whole journal.

        `ended`: nothing of the run is missing because it is under way; `whole`: the run came to its own end.
        """
        for event in entries:
            for chain in event.data.chains:
                if isinstance(chain, Chain):
                    self._add_chain(event, chain)
        yield from self._findings
        for logged in self._outcomes.values():
            yield from self._check_outcome(logged, ended=ended, whole=whole)
        yield from self._unmatched_payments(self._settled, "settlement_has_no_outcome", counts=ended)
        yield from self._unmatched_payments(self._reserved, "call_has_no_outcome", counts=whole)

    def _add_chain(self, event: JournalEntry, chain: Chain) -> None:
        """Keep the chains that reserve an agent's means for the service, and those that resolve such a reservation."""
        legs = [leg for leg in chain.transfers if leg.credit == self._payee]
        if not legs:
            return
        kept = self._reserved if legs[0].kind is Kind.PENDING else self._settled
        amounts = {leg.asset: 0 if leg.kind is Kind.VOID else leg.amount for leg in legs}
        payment = _Payment(event.data.sequence, event.event_id, legs[0].debit, amounts)
        if kept.setdefault(chain.cause, payment) is not payment and kept is self._settled:
            self._findings.append(payment.finding("call_is_paid_twice", f"{chain.cause}, also by {chain.id}"))

    def _check_outcome(self, logged: _LoggedOutcome, *, ended: bool, whole: bool) -> Iterator[Finding]:
        outcome = logged.outcome
        reserved, settled = self._reserved.get(outcome.id), self._settled.get(outcome.id)
        if outcome.may_be_free and reserved is None and settled is None:
            return
        # In a run under way the log, which is read last, may have the outcomes of calls that the journal had not yet.
        if ended and (reserved is None or reserved.payer != outcome.agent):
            yield logged.finding("call_has_no_reservation", f"{outcome.id} of {outcome.agent}")
        if settled is None:
            if whole:
                yield logged.finding("call_is_not_settled", outcome.id)
            return
        if settled.amounts != outcome.amounts or settled.payer != outcome.agent:
            evidence = f"{outcome.id}: {settled.payer} paid {settled.amounts} instead of {outcome.amounts}"
            yield logged.finding("payment_differs_from_its_call", evidence)

    def _unmatched_payments(
        self, payments: dict[str, _Payment], what: str, *, counts: bool
    ) -> Iterator[Finding]:
        if counts:
            for receipt in payments.keys() - self._outcomes.keys():
                yield payments[receipt].finding(what, receipt)
