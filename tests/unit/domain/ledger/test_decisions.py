"""Decisions about chains: which are answered as refused, whose positions change, when two chains are the same."""

from ledger_builders import chain, pay, pending, transfer, void

from econsim.domain.ledger.decisions import (
    NOBODY,
    Decisions,
    chain_digest,
    changed_holders,
    is_first_decision,
    refused_chain,
)
from econsim.schemas.ledger import Refusal

SHORT = Refusal.DEBIT_ACCOUNT_WOULD_GO_NEGATIVE


def test_applied_chains_are_no_refusals():
    assert Decisions(posted=(pay("p", "ann", "bob", 1),), repeated={"q": None}).refusals() == {}


def test_refusals_of_now_and_of_earlier_are_answered():
    refused = refused_chain(pay("p", "ann", "bob", 1), SHORT)

    found = Decisions(refused=(refused,), repeated={"q": Refusal.AMOUNT_EXCEEDS_LIMIT}).refusals()

    assert found == {"p": SHORT, "q": Refusal.AMOUNT_EXCEEDS_LIMIT}


def test_a_payment_changes_both_holders_in_order():
    assert changed_holders([pay("p", "ann", "bob", 1), pay("q", "eve", "ann", 1)]) == ("ann", "bob", "eve")


def test_a_reservation_changes_only_its_debit_holder():
    assert changed_holders([chain("c", pending("r", "ann", "bob", 1))]) == ("ann",)


def test_a_void_changes_only_the_holder_that_gets_its_own_back():
    assert changed_holders([chain("c", void("v", "ann", "bob", of="r"))]) == ("ann",)


def test_equal_chains_have_equal_digests():
    assert chain_digest(pay("p", "ann", "bob", 1)) == chain_digest(pay("p", "ann", "bob", 1))


def test_a_chain_of_another_amount_holder_or_order_has_another_digest():
    first, second = transfer("a", "ann", "bob", 1), transfer("b", "bob", "ann", 1)
    chains = [chain("c", first, second), chain("c", second, first), chain("c", first)]

    assert len({chain_digest(each) for each in chains}) == 3


def test_a_refused_chain_names_the_debit_holder_of_its_first_transfer():
    found = refused_chain(pay("p", "ann", "bob", 1), SHORT)

    assert (found.id, found.holder, found.reason) == ("p", "ann", SHORT)


def test_a_refused_chain_without_transfers_names_nobody():
    assert refused_chain(chain("c"), Refusal.CHAIN_MUST_NOT_BE_EMPTY).holder == NOBODY


def test_a_clash_of_ids_decides_no_id():
    clash = refused_chain(pay("p", "ann", "bob", 1), Refusal.EXISTS_WITH_DIFFERENT_FIELDS)

    assert not is_first_decision(clash)
    assert is_first_decision(refused_chain(pay("p", "ann", "bob", 1), SHORT))
