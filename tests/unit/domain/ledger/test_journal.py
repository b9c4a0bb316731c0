from dataclasses import replace

import pytest
from ledger_builders import Recorder, chain, endow, pay, pending, post, transfer
from requirements import requirement

from econsim.domain.ledger.decisions import Decisions
from econsim.domain.ledger.journal import GENESIS_HASH, Journal
from econsim.domain.ledger.ledger import Ledger
from econsim.domain.ledger.verify import verify_journal
from econsim.errors import CorruptJournal
from econsim.schemas.ledger import (
    CHAINS_PER_ENTRY_MAX,
    CREDITS,
    Kind,
    Position,
    TransferPosted,
    TransferRefused,
)


@pytest.fixture
def recorder():
    recorder, ledger = Recorder(), Ledger()
    recorder.record(ledger.apply([endow("ann", 10), pay("no", "ann", "bob", 11)]))
    recorder.record(ledger.apply([chain("r", pending("p", "ann", "bob", 8))]))
    recorder.record(ledger.apply([chain("s", post("q", "ann", "bob", 6, of="p"))]))
    return recorder


def forge(event, **fields):
    first, *rest = event.data.chains
    return rehashed(event, chains=(replace(first, **fields), *rest))


def rehashed(event, **fields):
    return event.model_copy(update={"data": event.data.model_copy(update=fields)})


def first(events, balances=None):
    found = verify_journal(events, balances).first
    return (found.place, found.what) if found else None


def test_posted_come_before_refused_in_one_hash_chain(recorder):
    entries = [event.data for event in recorder.events]

    assert [type(entry) for entry in entries[:2]] == [TransferPosted, TransferRefused]
    assert [entry.sequence for entry in entries] == [1, 2, 3, 4]
    assert [entry.previous_hash for entry in entries] == [GENESIS_HASH, *(e.hash for e in entries[:-1])]


def test_nothing_decided_is_no_entry():
    assert Journal().append(Decisions(repeated={"c": None})) == []


def test_a_clash_is_answered_but_not_recorded():
    ledger, journal = Ledger(), Journal()
    ledger.apply([endow("ann", 10)])

    assert journal.append(ledger.apply([endow("ann", 11)])) == []


def test_an_entry_holds_a_limited_number_of_chains():
    entries = Journal().append(Ledger().apply([endow(f"a{i}", 1) for i in range(CHAINS_PER_ENTRY_MAX + 1)]))

    assert [len(entry.chains) for entry in entries] == [CHAINS_PER_ENTRY_MAX, 1]


def test_following_the_entries_gives_the_same_head(recorder):
    journal = Journal()

    for event in recorder.events:
        journal.replay(event.data)

    assert (journal.sequence, journal.head_hash) == (4, recorder.journal.head_hash)


def test_an_entry_out_of_place_is_not_followed(recorder):
    with pytest.raises(CorruptJournal, match="entry 2 does not follow entry 0"):
        Journal().replay(recorder.events[1].data)


def test_the_hash_is_the_same_on_every_python():
    (entry,) = Journal().append(Ledger().apply([endow("ann", 10)]))

    assert entry.hash == "89f59fa6501d8a59f71aab19b5609e31c35a20ca0bfc9cfb2efeababf47f06de"


def test_a_right_journal_has_no_findings(recorder):
    report = verify_journal(recorder.events)

    assert (report.findings, report.entries, report.transfers) == ((), 4, 3)
    assert report.balances["ann"] == {CREDITS: Position(4, 0)}


@requirement("log.immutable")
def test_names_a_changed_record(recorder):
    recorder.events[2] = forge(recorder.events[2], cause="forged")

    found = verify_journal(recorder.events).first

    assert (found.place, found.what) == (3, "hash_differs_from_content")
    assert found.record == recorder.events[2].event_id


def test_names_a_missing_record(recorder):
    del recorder.events[1]

    assert first(recorder.events) == (3, "sequence_has_a_gap")


def test_names_a_record_moved(recorder):
    recorder.events[1:3] = reversed(recorder.events[1:3])

    assert first(recorder.events) == (3, "sequence_has_a_gap")


def test_names_a_record_that_stands_twice(recorder):
    recorder.events.append(recorder.events[-1])

    assert first(recorder.events) == (4, "event_is_recorded_twice")


@pytest.mark.parametrize(
    ("chains", "what"),
    [
        ([pay("p", "ann", "bob", 5)], "limited_account_is_negative"),
        ([pay("p", "ann", "ann", 1)], "accounts_are_not_different"),
        ([pay("p", "ann", "bob", 0)], "amount_is_not_positive"),
        ([chain("p")], "chain_is_empty"),
        ([endow("ann", 10)], "chain_is_recorded_twice"),
        ([chain("p", *endow("ann", 10).transfers)], "transfer_is_recorded_twice"),
        ([chain("p", post("t", "ann", "bob", 1, of="p"))], "reservation_is_resolved_twice"),
        ([chain("p", post("t", "ann", "bob", 1, of="?"))], "reservation_is_missing"),
        (
            [chain("h", pending("h", "ann", "bob", 1)), chain("p", post("t", "ann", "eve", 1, of="h"))],
            "reservation_has_different_fields",
        ),
        (
            [chain("h", pending("h", "ann", "bob", 1)), chain("p", post("t", "ann", "bob", 2, of="h"))],
            "amount_exceeds_reservation",
        ),
        (
            [
                chain("h", pending("h", "ann", "bob", 1)),
                chain("p", transfer("t", "ann", "bob", 1, kind=Kind.VOID, pending_id="h")),
            ],
            "void_moves_an_amount",
        ),
    ],
)
def test_names_what_a_right_ledger_would_not_have_recorded(recorder, chains, what):
    recorder.record(Decisions(posted=tuple(chains)))

    assert first(recorder.events) == (5, what)


@pytest.mark.parametrize(
    ("balances", "what"),
    [
        ({"ann": 4, "bob": 6, "treasury": -10}, None),
        ({"ann": 5, "bob": 5, "treasury": -10}, "balance_differs_from_journal"),
        ({"ann": 4, "treasury": -10}, "asset_is_not_conserved"),
    ],
)
def test_compares_stored_balances_with_the_journal(recorder, balances, what):
    stated = {holder: {CREDITS: Position(amount, 0)} for holder, amount in balances.items()}

    found = verify_journal(recorder.events, stated).first

    assert (found.what if found else None) == what


def test_an_entry_without_chains_is_named(recorder):
    recorder.events[1] = rehashed(recorder.events[1], chains=())

    assert "entry_is_empty" in {found.what for found in verify_journal(recorder.events).findings}


def test_a_balance_of_nothing_that_the_store_lost_is_named(recorder):
    recorder.record(Ledger().apply([endow("eve", 1)]))
    recorder.record(Decisions(posted=(pay("back", "eve", "treasury", 1),)))
    balances = {"ann": 4, "bob": 6, "treasury": -10}
    stated = {holder: {CREDITS: Position(amount, 0)} for holder, amount in balances.items()}

    found = verify_journal(recorder.events, stated).first

    assert (found.record, found.what) == ("eve", "balance_is_missing")
