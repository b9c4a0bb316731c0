"""The invariants of a ledger as checks of any `Books`.

The right books must pass all of them; `ledger_mutants.py` has one wrong ledger for each.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from itertools import pairwise

from ledger_builders import Recorder, chain, endow, pay, pending, post, submit, transfer, void

from econsim.domain.ledger.ledger import Ledger
from econsim.domain.ledger.verify import verify_journal
from econsim.schemas.ledger import (
    CREDITS,
    TREASURY,
    Chain,
    Kind,
    Position,
    Refusal,
)
from econsim.schemas.types import AMOUNT_MAX
from econsim.services.ledger.writer import LedgerWriter
from econsim.testing import FakeKeyTable, FakeStateStore, FakeWallClock

BIG = AMOUNT_MAX - 2_000_000
SHORT = Refusal.DEBIT_ACCOUNT_WOULD_GO_NEGATIVE


class Books:
    """A ledger, its journal and its writer, as one system to examine."""

    ledger_class = Ledger
    recorder_class = Recorder
    writer_class = LedgerWriter

    def __init__(self, *opening: Chain) -> None:
        self.ledger = self.ledger_class()
        self.recorder = self.recorder_class()
        self.apply(*opening)

    @property
    def events(self):
        return self.recorder.events

    def apply(self, *chains):
        outcome = self.ledger.apply(chains)
        self.recorder.record(outcome)
        return outcome

    def credits(self, holder):
        return self.ledger.position(holder, CREDITS)

    def positions(self):
        return {holder: self.ledger.holdings(holder) for holder in self.ledger.holders()}

    def rebuild(self):
        ledger = self.ledger_class()
        for event in self.events:
            ledger.replay(event.data)
        return ledger

    def verify(self, events=None, stated=None):
        return verify_journal(self.events if events is None else events, stated)

    async def writer(self, *opening):
        writer = self.writer_class("run", "salt", FakeStateStore(), FakeWallClock(), FakeKeyTable())
        await writer.submit(submit("open", *opening))
        return writer


TRADE = (
    chain("bid", pending("bid", "ann", "clearing", 60)),
    chain("ask", pending("ask", "bob", "clearing", 3, "cpu")),
    chain(
        "fill",
        post("pay", "ann", "clearing", 40, of="bid"),
        transfer("credit", "clearing", "bob", 40),
        post("give", "bob", "clearing", 2, of="ask", asset="cpu"),
        transfer("deliver", "clearing", "ann", 2, "cpu"),
    ),
    chain("rebid", pending("rebid", "ann", "clearing", 20)),
    chain("cancel", void("cancel", "ann", "clearing", of="rebid")),
    pay("poor", "bob", "ann", 1000),
)
OPENING = (endow("ann", 100), endow("bob", 10), endow("bob", 5, "cpu"))


def totals(books):
    """Sum an asset's posted amounts over all holders."""
    sums = Counter()
    for positions in books.positions().values():
        sums.update({asset: position.posted for asset, position in positions.items()})
    return dict(sums)


def postings_balance(make):
    books = make(*OPENING)
    for step in TRADE:
        before = totals(books)
        books.apply(step)
        assert totals(books) == before, step.id


def journal_is_append_only(make):
    books = make(*OPENING)
    for step in (*TRADE, pay("undo", "bob", "ann", 40), *TRADE):
        before = [event.model_dump_json() for event in books.events]
        books.apply(step)
        assert [event.model_dump_json() for event in books.events][: len(before)] == before


def tampering_is_evident(make):
    books = make(*OPENING)
    for step in TRADE:
        books.apply(step)
    assert books.verify().first is None
    for place, event in enumerate(books.events):
        first, *rest = event.data.chains
        data = event.data.model_copy(update={"chains": (replace(first, cause="forged"), *rest)})
        forged = [*books.events]
        forged[place] = event.model_copy(update={"data": data})
        found = books.verify(forged).first
        assert found is not None
        assert found.place == event.data.sequence
    for removed in range(len(books.events) - 1):
        assert books.verify([*books.events[:removed], *books.events[removed + 1 :]]).first is not None


def duplicate_is_a_no_op(make):
    books = make(*OPENING)
    books.apply(pay("p", "ann", "bob", 10))
    before = books.positions(), len(books.events)

    again = books.apply(pay("p", "ann", "bob", 10))

    assert (again.posted, again.repeated) == ((), {"p": None})
    assert (books.positions(), len(books.events)) == before


async def concurrent_duplicates_collapse(make):
    writer = await make().writer(endow("ann", 100))

    answers = await asyncio.gather(
        *(writer.submit(submit(f"s{i}", pay("p", "ann", "bob", 10))) for i in range(8))
    )

    assert [answer.refused for answer in answers] == [{}] * 8
    assert writer.balance("bob").credits == Position(10, 0)


async def hot_account_loses_no_update(make):
    writer = await make().writer(endow("hot", 1000))

    await asyncio.gather(
        *(writer.submit(submit(f"s{i}", pay(f"p{i}", "hot", "sink", 2))) for i in range(500))
    )

    assert writer.balance("hot").credits == Position(0, 0)
    assert writer.balance("sink").credits == Position(1000, 0)


def money_is_conserved(make):
    books = make(*OPENING)
    for step in TRADE:
        books.apply(step)
    assert totals(books) == {CREDITS: 0, "cpu": 0}


def balance_is_the_sum_of_the_journal(make):
    books = make(*OPENING)
    for step in TRADE:
        books.apply(step)
    books.apply(chain("half", transfer("h1", "ann", "eve", 5), transfer("h2", "eve", "bob", 6)))
    assert books.verify(stated=books.positions()).findings == ()


def overdraft_guard_holds_under_drain(make):
    books = make(endow("ann", 100))
    for i in range(60):
        books.apply(chain(f"r{i}", pending(f"r{i}", "ann", "bob", 3)), pay(f"p{i}", "ann", "bob", 2))
        position = books.credits("ann")
        assert position.posted - position.pending >= 0
    assert books.apply(pay("last", "ann", "bob", 1)).refusals() == {"last": SHORT}


def amounts_do_not_drift(make):
    books = make(endow("ann", 1_000_001), endow("rich", BIG))
    for i in range(300):
        books.apply(pay(f"a{i}", "ann", "bob", 333_333 - i), pay(f"b{i}", "bob", "ann", 333_333 - i))
    books.apply(pay("max", "rich", "richer", BIG))
    assert books.credits("ann") == Position(1_000_001, 0)
    assert books.credits("bob") == Position(0, 0)
    assert books.credits("richer") == Position(BIG, 0)


def assets_never_mix(make):
    books = make(endow("ann", 100), endow("ann", 1, "cpu"))

    answer = books.apply(pay("p", "ann", "bob", 2, "cpu"), pay("q", "ann", "bob", 1, "cpu")).refusals()

    assert answer == {"p": SHORT}
    assert books.positions()["ann"] == {CREDITS: Position(100, 0), "cpu": Position(0, 0)}
    assert books.positions()["bob"] == {"cpu": Position(1, 0)}


def reversal_is_by_compensation_only(make):
    books = make(endow("ann", 100))
    books.apply(chain("hold", pending("hold", "ann", "bob", 40)))
    books.apply(chain("post", post("post", "ann", "bob", 40, of="hold")))

    undone = books.apply(chain("v", void("v", "ann", "bob", of="hold")))
    assert undone.refusals() == {"v": Refusal.PENDING_TRANSFER_ALREADY_RESOLVED}
    assert books.credits("bob") == Position(40, 0)

    books.apply(pay("back", "bob", "ann", 40))
    assert books.credits("ann") == Position(100, 0)
    assert [c.id for event in books.events for c in event.data.chains][-2:] == ["v", "back"]


def state_rebuilds_from_the_log(make):
    books = make(*OPENING)
    for step in (*TRADE, chain("open", pending("open", "ann", "clearing", 7))):
        books.apply(step)

    rebuilt = books.rebuild()

    assert {holder: rebuilt.holdings(holder) for holder in rebuilt.holders()} == books.positions()
    assert rebuilt.apply([TRADE[-1]]).repeated.keys() == {"poor"}


def accounts_keep_their_order(make):
    books = make(endow("ann", 10))

    outcome = books.apply(pay("z", "ann", "bob", 10), pay("y", "bob", "eve", 10), pay("x", "eve", "ann", 10))

    assert outcome.refusals() == {}
    sequence = [c.id for event in books.events for c in event.data.chains]
    assert sequence[-3:] == ["z", "y", "x"]
    assert all(a.data.sequence < b.data.sequence for a, b in pairwise(books.events))


def duplicate_of_a_refused_is_not_applied(make):
    books = make(endow("ann", 10))
    books.apply(pay("p", "ann", "bob", 11))
    books.apply(pay("rich", TREASURY, "ann", 10))

    again = books.apply(pay("p", "ann", "bob", 11))

    assert again.refusals() == {"p": SHORT}
    assert books.credits("bob") == Position(0, 0)


def a_void_moves_nothing(make):
    books = make(endow("ann", 100))
    books.apply(chain("hold", pending("hold", "ann", "bob", 40)))

    paid = chain("v", transfer("v", "ann", "bob", 40, kind=Kind.VOID, pending_id="hold"))

    assert books.apply(paid).refusals() == {"v": Refusal.PENDING_TRANSFER_HAS_DIFFERENT_FIELDS}
    assert books.credits("bob") == Position(0, 0)
    assert [finding.what for finding in books.verify().findings] == []


INVARIANTS = (
    postings_balance,
    journal_is_append_only,
    tampering_is_evident,
    duplicate_is_a_no_op,
    concurrent_duplicates_collapse,
    hot_account_loses_no_update,
    money_is_conserved,
    balance_is_the_sum_of_the_journal,
    overdraft_guard_holds_under_drain,
    amounts_do_not_drift,
    assets_never_mix,
    reversal_is_by_compensation_only,
    state_rebuilds_from_the_log,
    accounts_keep_their_order,
    duplicate_of_a_refused_is_not_applied,
    a_void_moves_nothing,
)
"""Checks of conservation, chains and reservations; the last one follows from the rule of a void."""


async def examine(check, make):
    """Run one check, whether it waits or not."""
    result = check(make)
    if result is not None:
        await result
