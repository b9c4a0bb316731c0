import pytest
from ledger_builders import Recorder, chain, endow, pay, pending, post, transfer, void
from requirements import requirement

from econsim.domain.ledger import decided_chains as module
from econsim.domain.ledger.ledger import Ledger
from econsim.errors import CorruptJournal
from econsim.schemas.ledger import CREDITS, TREASURY, Kind, Position, Refusal, TransferPosted
from econsim.schemas.types import AMOUNT_MAX


@pytest.fixture
def ledger():
    ledger = Ledger()
    ledger.apply([endow("ann", 100), endow("bob", 100), endow("bob", 10, "cpu")])
    return ledger


def refusal(ledger, *transfers):
    return ledger.apply([chain("c", *transfers)]).refusals().get("c")


def test_moves_an_amount_from_debit_to_credit(ledger):
    outcome = ledger.apply([pay("p", "ann", "bob", 30)])

    assert outcome.refusals() == {}
    assert ledger.position("ann", CREDITS) == Position(70, 0)
    assert ledger.holdings("bob") == {CREDITS: Position(130, 0), "cpu": Position(10, 0)}


def test_treasury_alone_goes_negative(ledger):
    assert ledger.position(TREASURY, CREDITS) == Position(-200, 0)
    assert refusal(ledger, transfer("t", "ann", "bob", 101)) is Refusal.DEBIT_ACCOUNT_WOULD_GO_NEGATIVE


def test_a_reservation_leaves_less_available_and_moves_nothing(ledger):
    ledger.apply([chain("r", pending("p", "ann", "bob", 80))])

    assert ledger.position("ann", CREDITS) == Position(100, 80)
    assert ledger.position("bob", CREDITS) == Position(100, 0)
    assert refusal(ledger, transfer("t", "ann", "bob", 21)) is Refusal.DEBIT_ACCOUNT_WOULD_GO_NEGATIVE


def test_a_post_moves_its_amount_and_releases_the_rest(ledger):
    ledger.apply([chain("r", pending("p", "ann", "bob", 80))])
    ledger.apply([chain("s", post("q", "ann", "bob", 50, of="p"))])

    assert ledger.position("ann", CREDITS) == Position(50, 0)
    assert ledger.position("bob", CREDITS) == Position(150, 0)


def test_a_void_releases_everything(ledger):
    ledger.apply([chain("r", pending("p", "ann", "bob", 80)), chain("s", void("v", "ann", "bob", of="p"))])

    assert ledger.position("ann", CREDITS) == Position(100, 0)


@pytest.mark.parametrize(
    ("transfers", "reason"),
    [
        ([], Refusal.CHAIN_MUST_NOT_BE_EMPTY),
        ([transfer("t", "ann", "ann", 1)], Refusal.ACCOUNTS_MUST_BE_DIFFERENT),
        ([transfer("t", "ann", "bob", 0)], Refusal.AMOUNT_MUST_NOT_BE_ZERO),
        ([transfer("t", "ann", "bob", -5)], Refusal.AMOUNT_MUST_NOT_BE_ZERO),
        ([transfer("t", "ann", "bob", 2**128)], Refusal.DEBIT_ACCOUNT_WOULD_GO_NEGATIVE),
        ([transfer("t", TREASURY, "bob", AMOUNT_MAX)], Refusal.AMOUNT_EXCEEDS_LIMIT),
        ([transfer("t", TREASURY, "eve", 2**128)], Refusal.AMOUNT_EXCEEDS_LIMIT),
        ([transfer("endow-ann-credits-t", "ann", "bob", 1)], Refusal.TRANSFER_ID_ALREADY_USED),
        ([transfer("t", "ann", "bob", 1), transfer("t", "ann", "bob", 1)], Refusal.TRANSFER_ID_ALREADY_USED),
        ([post("t", "ann", "bob", 1, of="nothing")], Refusal.PENDING_TRANSFER_NOT_FOUND),
        ([post("t", "ann", "bob", 1, of="endow-ann-credits-t")], Refusal.PENDING_TRANSFER_NOT_FOUND),
        ([void("t", "bob", "ann", of="done")], Refusal.PENDING_TRANSFER_ALREADY_RESOLVED),
        ([post("t", "bob", "ann", 5, of="open")], Refusal.AMOUNT_EXCEEDS_PENDING_AMOUNT),
        ([post("t", "bob", "eve", 4, of="open")], Refusal.PENDING_TRANSFER_HAS_DIFFERENT_FIELDS),
        ([post("t", "bob", "ann", 4, of="open", asset="cpu")], Refusal.PENDING_TRANSFER_HAS_DIFFERENT_FIELDS),
        (
            [transfer("t", "bob", "ann", 4, kind=Kind.VOID, pending_id="open")],
            Refusal.PENDING_TRANSFER_HAS_DIFFERENT_FIELDS,
        ),
    ],
)
def test_refuses_with_a_sentence_and_changes_nothing(ledger, transfers, reason):
    ledger.apply([chain("o", pending("open", "bob", "ann", 4), pending("done", "bob", "ann", 4))])
    ledger.apply([chain("d", void("v", "bob", "ann", of="done"))])
    before = {holder: ledger.holdings(holder) for holder in ledger.holders()}

    assert refusal(ledger, *transfers) is reason

    assert {holder: ledger.holdings(holder) for holder in ledger.holders()} == before


@requirement("economic.atomic_money")
def test_a_chain_that_fails_at_its_last_transfer_leaves_no_trace(ledger):
    ledger.apply([chain("r", pending("p", "ann", "clearing", 60))])
    before = {holder: ledger.holdings(holder) for holder in ledger.holders()}
    steps = [
        post("a", "ann", "clearing", 50, of="p"),
        transfer("b", "clearing", "carol", 50),
        pending("d", "ann", "clearing", 50),
        void("e", "ann", "clearing", of="d"),
        transfer("f", "carol", "ann", 51),
    ]

    assert refusal(ledger, *steps) is Refusal.DEBIT_ACCOUNT_WOULD_GO_NEGATIVE

    assert {holder: ledger.holdings(holder) for holder in ledger.holders()} == before
    assert ledger.apply([chain("again", *steps[:4])]).refusals() == {}


def test_a_repeat_changes_nothing_and_is_told_apart(ledger):
    first = ledger.apply([pay("p", "ann", "bob", 30)])
    second = ledger.apply([pay("p", "ann", "bob", 30)])

    assert (first.repeated, second.repeated) == ({}, {"p": None})
    assert (second.posted, second.refused, second.holders) == ((), (), ())
    assert ledger.position("ann", CREDITS) == Position(70, 0)


def test_a_repeat_of_a_refused_chain_is_refused_for_the_same_reason(ledger):
    ledger.apply([pay("p", "ann", "bob", 101)])
    ledger.apply([pay("rich", TREASURY, "ann", 1000)])

    again = ledger.apply([pay("p", "ann", "bob", 101)])

    assert again.repeated == again.refusals() == {"p": Refusal.DEBIT_ACCOUNT_WOULD_GO_NEGATIVE}
    assert again.refused == ()


@pytest.mark.parametrize("amount", [30, 101])
def test_an_id_used_again_for_something_else_is_refused_and_the_original_kept(ledger, amount):
    ledger.apply([pay("p", "ann", "bob", amount)])
    original = ledger.apply([pay("p", "ann", "bob", amount)]).repeated

    clash = ledger.apply([pay("p", "ann", "bob", 1)])

    assert clash.refusals() == {"p": Refusal.EXISTS_WITH_DIFFERENT_FIELDS}
    assert ledger.apply([pay("p", "ann", "bob", amount)]).repeated == original


def test_names_changed_holders_in_order_of_first_change(ledger):
    outcome = ledger.apply([chain("r", pending("p", "bob", "zed", 1)), pay("x", "ann", "bob", 1)])

    assert outcome.holders == ("bob", "ann")


def test_an_account_of_a_refused_chain_does_not_exist(ledger):
    ledger.apply([pay("p", "nobody_here", "ghost", 1)])

    assert ledger.holders() == (TREASURY, "ann", "bob")
    assert ledger.holdings("ghost") == {}


def test_replaying_the_journal_gives_the_same_ledger(ledger):
    recorder, ledger, rebuilt = Recorder(), Ledger(), Ledger()
    recorder.record(ledger.apply([endow("ann", 9), pay("no", "ann", "bob", 10), pay("yes", "ann", "bob", 4)]))

    for event in recorder.events:
        rebuilt.replay(event.data)

    assert [rebuilt.holdings(h) for h in rebuilt.holders()] == [ledger.holdings(h) for h in ledger.holders()]
    assert rebuilt.apply([pay("no", "ann", "bob", 10)]).refusals() == {
        "no": Refusal.DEBIT_ACCOUNT_WOULD_GO_NEGATIVE
    }


def test_a_journal_that_posts_the_impossible_is_not_replayed():
    entry = TransferPosted(sequence=1, previous_hash="", hash="", chains=(pay("p", "ann", "bob", 1),))

    with pytest.raises(CorruptJournal, match="entry 1"):
        Ledger().replay(entry)


def test_forgets_the_oldest_chains_but_never_an_open_reservation(monkeypatch):
    monkeypatch.setattr(module, "CHAINS_REMEMBERED_MAX", 2)
    monkeypatch.setattr(module, "OLDER_CHAINS_REMEMBERED_MAX", 1)
    ledger = Ledger()
    ledger.apply([endow("ann", 100), chain("r", pending("p", "ann", "bob", 80))])
    ledger.apply([pay(f"x{i}", "ann", "bob", 1) for i in range(4)])

    assert ledger.apply([chain("s", post("q", "ann", "bob", 80, of="p"))]).refusals() == {}
    assert refusal(ledger, post("q2", "ann", "bob", 80, of="p")) is Refusal.PENDING_TRANSFER_ALREADY_RESOLVED
    ledger.apply([pay(f"y{i}", "bob", "ann", 1) for i in range(4)])
    assert [ledger.has_decided(f"y{i}") for i in range(4)] == [False, True, True, True]
    assert len(ledger._transfer_ids) == 2
    assert not ledger._resolved


@pytest.mark.parametrize("newest", [1, 100])
def test_a_chain_is_answered_as_before_also_when_its_fields_are_forgotten(monkeypatch, newest):
    monkeypatch.setattr(module, "CHAINS_REMEMBERED_MAX", newest)
    ledger = Ledger()
    first = [endow("ann", 100), pay("p", "ann", "bob", 30), pay("q", "ann", "bob", 300)]
    refused = ledger.apply(first).refusals()
    ledger.apply([pay("x", "ann", "bob", 1)])

    again = ledger.apply(first)
    other = ledger.apply([pay("p", "ann", "bob", 31), pay("q", "ann", "bob", 1)])

    assert (again.posted, again.refusals()) == ((), refused)
    assert set(other.refusals().values()) == {Refusal.EXISTS_WITH_DIFFERENT_FIELDS}
    assert ledger.position("bob", CREDITS) == Position(31, 0)


def test_an_order_of_chains_is_part_of_what_a_ledger_is():
    one, other = Ledger(), Ledger()
    one.apply([endow("ann", 1), endow("bob", 1)])
    other.apply([endow("bob", 1), endow("ann", 1)])

    assert one != other
