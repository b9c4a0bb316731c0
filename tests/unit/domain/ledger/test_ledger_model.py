"""The ledger against a naive model of it: whole-state copies, lists and loops, no shared code.

Broken on purpose in a dozen ways (leaked reservations, half-undone chains, forgotten ids), it tells each time.
"""

import copy
from dataclasses import replace

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from ledger_builders import Recorder, transfer

from econsim.domain.ledger.ledger import Ledger
from econsim.domain.ledger.verify import verify_journal
from econsim.schemas.ledger import Chain, Kind, Refusal

HOLDERS = ("treasury", "ann", "bob")
ASSETS = ("credits", "cpu")


class Refused(Exception):
    pass


class Model:
    """The rules of the ledger in their plainest form."""

    def __init__(self):
        self.posted = {}
        self.reserved = {}
        self.resolved = []
        self.ids = []
        self.chains = {}

    def apply(self, chain):
        if chain.id in self.chains:
            known, reason = self.chains[chain.id]
            return reason if known == chain else Refusal.EXISTS_WITH_DIFFERENT_FIELDS
        attempt = copy.deepcopy(self)
        try:
            attempt.steps(chain.transfers)
        except Refused as refused:
            self.chains[chain.id] = chain, refused.args[0]
            return refused.args[0]
        self.__dict__ = attempt.__dict__
        self.chains[chain.id] = chain, None
        return None

    def steps(self, transfers):
        if not transfers:
            raise Refused(Refusal.CHAIN_MUST_NOT_BE_EMPTY)
        for step in transfers:
            self.step(step)

    def step(self, step):
        if step.id in self.ids:
            raise Refused(Refusal.TRANSFER_ID_ALREADY_USED)
        if step.debit == step.credit:
            raise Refused(Refusal.ACCOUNTS_MUST_BE_DIFFERENT)
        if step.amount == 0 and step.kind not in {Kind.VOID, Kind.PENDING}:
            raise Refused(Refusal.AMOUNT_MUST_NOT_BE_ZERO)
        if step.kind in {Kind.POST, Kind.VOID}:
            self.release(step)
        elif step.debit != "treasury" and step.amount > self.available(step.debit, step.asset):
            raise Refused(Refusal.DEBIT_ACCOUNT_WOULD_GO_NEGATIVE)
        if step.kind == Kind.PENDING:
            self.reserved[step.id] = step
        else:
            self.add(step.debit, step.asset, -step.amount)
            self.add(step.credit, step.asset, step.amount)
        self.ids.append(step.id)

    def release(self, step):
        if step.pending_id in self.resolved:
            raise Refused(Refusal.PENDING_TRANSFER_ALREADY_RESOLVED)
        if step.pending_id not in self.reserved:
            raise Refused(Refusal.PENDING_TRANSFER_NOT_FOUND)
        reservation = self.reserved[step.pending_id]
        same = (reservation.debit, reservation.credit, reservation.asset) == (
            step.debit,
            step.credit,
            step.asset,
        )
        if not same or (step.kind == Kind.VOID and step.amount):
            raise Refused(Refusal.PENDING_TRANSFER_HAS_DIFFERENT_FIELDS)
        if step.amount > reservation.amount:
            raise Refused(Refusal.AMOUNT_EXCEEDS_PENDING_AMOUNT)
        del self.reserved[step.pending_id]
        self.resolved.append(step.pending_id)

    def add(self, holder, asset, amount):
        self.posted[holder, asset] = self.posted.get((holder, asset), 0) + amount

    def pending(self, holder, asset):
        reservations = self.reserved.values()
        return sum(step.amount for step in reservations if (step.debit, step.asset) == (holder, asset))

    def available(self, holder, asset):
        return self.posted.get((holder, asset), 0) - self.pending(holder, asset)


amounts = st.integers(0, 30)
mostly_fresh = st.integers(0, 9).map(lambda number: "" if number else "x1")
steps = st.builds(
    transfer,
    mostly_fresh,
    st.sampled_from(HOLDERS),
    st.sampled_from(HOLDERS),
    amounts,
    st.sampled_from(ASSETS),
    st.sampled_from((Kind.TRANSFER, Kind.PENDING)),
)


class LedgerAgainstModel(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.ledger, self.model, self.recorder = Ledger(), Model(), Recorder()
        self.sent = []
        self.count = 1

    def fresh(self, name=""):
        self.count += 1
        return name or f"x{self.count}"

    def send(self, *chains):
        outcome = self.ledger.apply(chains)
        self.recorder.record(outcome)
        for chain in chains:
            reason = self.model.apply(chain)
            if len(chains) == 1:
                assert outcome.refusals().get(chain.id) == reason
        self.sent.extend(chains)

    def send_steps(self, chain_id, *steps):
        named = tuple(replace(step, id=self.fresh(step.id)) for step in steps)
        self.send(Chain(self.fresh(chain_id), "cause", named))

    @initialize(amount=amounts)
    def endow(self, amount):
        for holder in HOLDERS[1:]:
            self.send_steps("", *(transfer("", "treasury", holder, amount + 5, asset) for asset in ASSETS))

    @rule(chain_id=mostly_fresh, chosen=st.lists(steps, max_size=3))
    def move_or_reserve(self, chain_id, chosen):
        self.send_steps(chain_id, *chosen)

    @precondition(lambda self: self.model.reserved)
    @rule(data=st.data(), kind=st.sampled_from((Kind.POST, Kind.VOID)), tail=st.lists(steps, max_size=1))
    def resolve(self, data, kind, tail):
        reservation = data.draw(st.sampled_from(list(self.model.reserved.values())))
        amount = data.draw(st.integers(1, reservation.amount + 4)) if kind is Kind.POST else 0
        self.send_steps(
            "",
            transfer(
                "", reservation.debit, reservation.credit, amount, reservation.asset, kind, reservation.id
            ),
            *tail,
        )

    @rule(data=st.data(), amount=amounts, chosen=steps, kind=st.sampled_from((Kind.POST, Kind.VOID)))
    def resolve_wrongly(self, data, amount, chosen, kind):
        known = data.draw(st.sampled_from([*self.model.reserved, *self.model.ids, "unknown"]))
        reservation = self.model.reserved.get(known, chosen)
        self.send_steps(
            "", transfer("", reservation.debit, reservation.credit, amount, chosen.asset, kind, known)
        )

    @precondition(lambda self: self.model.reserved)
    @rule(data=st.data())
    def spend_all_that_is_posted(self, data):
        reservation = data.draw(st.sampled_from(list(self.model.reserved.values())))
        amount = max(self.model.posted.get((reservation.debit, reservation.asset), 0), 0)
        self.send_steps("", transfer("", reservation.debit, reservation.credit, amount, reservation.asset))

    @rule(data=st.data())
    def resolve_again(self, data):
        resolutions = [t for chain in self.sent for t in chain.transfers if t.pending_id]
        if resolutions:
            step = data.draw(st.sampled_from(resolutions))
            self.send_steps("", replace(step, id="", kind=Kind.VOID, amount=0))

    @rule(data=st.data())
    def repeat(self, data):
        self.send(*data.draw(st.lists(st.sampled_from(self.sent), min_size=1, max_size=3)))

    @invariant()
    def agrees(self):
        for holder in HOLDERS:
            for asset in ASSETS:
                position = self.ledger.position(holder, asset)
                assert position.posted == self.model.posted.get((holder, asset), 0)
                assert position.pending == self.model.pending(holder, asset)

    def teardown(self):
        stated = {holder: self.ledger.holdings(holder) for holder in self.ledger.holders()}
        assert verify_journal(self.recorder.events, stated).findings == ()
        rebuilt = Ledger()
        for event in self.recorder.events:
            rebuilt.replay(event.data)
        assert {holder: rebuilt.holdings(holder) for holder in rebuilt.holders()} == stated


TestLedgerAgainstModel = pytest.mark.slow(LedgerAgainstModel.TestCase)
TestLedgerAgainstModel.settings = settings(max_examples=100, stateful_step_count=40)
