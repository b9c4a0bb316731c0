"""The content of a commit: which keys are written, and how a submission is cut."""

import json

import pytest
from ledger_builders import chain, endow, pay, pending, submit, transfer, void

from econsim.errors import Conflict, CorruptJournal, InvalidMessage
from econsim.ports import WRITES_MAX, StoredEntry, Write
from econsim.schemas.ledger import CHAINS_PER_ENTRY_MAX, CREDITS, DEBT, TREASURY
from econsim.services.ledger.state import LedgerState
from econsim.services.ledger.submissions import (
    TRANSFERS_PER_ENTRY_MAX,
    commit_size,
    submission_id,
    submission_parts,
)

NOW = "2026-01-01T00:00:00.000000000Z"


@pytest.fixture
def state():
    """A ledger in which ann has 100 credits, all of it committed."""
    state = LedgerState("run", "salt")
    commit(state, submit("open", endow("ann", 100)))
    return state


def commit(state, command):
    """Apply a submission of one part and confirm its writes; returns them."""
    (part,) = submission_parts(command, "salt")
    _, writes = state.apply(part, NOW)
    writes += state.positions.writes(WRITES_MAX)
    state.confirm(state.newest + len(writes), writes)
    return writes


def written(writes):
    return {write.key: json.loads(write.value) for write in writes}


def folded(writes):
    """Return a new state, folded from these writes in order."""
    state = LedgerState("run", "salt")
    for revision, write in enumerate(writes, 1):
        state.fold(StoredEntry(write.key, write.value, revision))
    state.positions.compare()
    return state


def test_a_balance_has_the_sequence_of_its_entry(state):
    found = written(commit(state, submit("s", pay("p", "ann", "bob", 30))))

    assert found["run.ann.balance"] == {"posted": 70, "pending": 0, "sequence": 2}
    assert found["run.bob.balance"] == {"posted": 30, "pending": 0, "sequence": 2}


def test_holdings_are_written_apart_from_money(state):
    found = written(commit(state, submit("s", endow("ann", 5, "cpu"))))

    assert found["run.ann.holdings"] == {"cpu": {"posted": 5, "pending": 0}}
    assert "run.ann.balance" not in found


def test_a_reservation_changes_what_is_pending(state):
    found = written(commit(state, submit("s", chain("c", pending("r", "ann", "clearing_cpu", 40)))))

    assert found["run.ann.balance"] == {"posted": 100, "pending": 40, "sequence": 2}


def test_a_debt_is_written_only_where_there_is_one(state):
    found = written(commit(state, submit("s", chain("d", transfer("d", TREASURY, "ann", 9, DEBT)))))

    assert found["run.ann.balance"] == {"posted": 100, "pending": 0, "debt": 9, "sequence": 2}


def test_a_position_that_did_not_change_is_not_written_again(state):
    found = written(
        commit(
            state,
            submit(
                "s", chain("c", pending("r", "ann", "bob", 4)), chain("v", void("v", "ann", "bob", of="r"))
            ),
        )
    )

    assert list(found) == ["run.transfer.s"]


def test_as_many_positions_are_written_as_surely_fit(state):
    (part,) = submission_parts(submit("s", *(endow(f"a{i}", 1) for i in range(5))), "salt")
    state.apply(part, NOW)

    assert [len(state.positions.writes(most)) for most in (5, 99)] == [2, 4]
    assert state.positions.writes(99) == []


def test_the_positions_behind_the_journal_are_found_after_a_fold(state):
    opening = commit(LedgerState("run", "salt"), submit("open", endow("ann", 100), endow("bob", 1)))

    assert list(folded(opening).positions.unwritten) == []
    assert list(folded([each for each in opening if "bob" not in each.key]).positions.unwritten) == ["bob"]


@pytest.mark.parametrize("damaged", [b"", b"{}", b"\xff\xfe", b'{"posted":99,"pending":0,"sequence":1}'])
def test_a_stored_balance_that_is_damaged_is_behind_the_journal(damaged):
    opening = commit(LedgerState("run", "salt"), submit("open", endow("ann", 100)))

    assert list(folded([*opening, Write("run.ann.balance", damaged)]).positions.unwritten) == ["ann"]


def test_the_newest_revision_is_the_one_confirmed_or_folded_last(state):
    first = state.newest
    writes = commit(state, submit("s", pay("p", "ann", "bob", 30)))

    assert (first, state.newest) == (3, 6)
    assert folded(commit(LedgerState("run", "salt"), submit("open", endow("ann", 100))) + writes).newest == 6


def test_a_submission_id_that_stands_for_other_chains_conflicts(state):
    with pytest.raises(Conflict, match=r"submission of run.transfer.open was decided before"):
        commit(state, submit("open", endow("bob", 1)))


def test_a_barrier_mark_is_folded_at_a_restart(state):
    (mark,) = state.marks([7], 0)

    assert folded([mark]).barrier == 7


def test_a_folded_state_answers_as_the_one_that_wrote(state):
    writes = commit(LedgerState("run", "salt"), submit("open", endow("ann", 100), endow("ann", 3, "cpu")))

    again = folded(writes)

    assert again.balance("ann").credits.posted == 100
    assert again.balance("ann").holdings["cpu"].posted == 3
    assert again.journal.sequence == 1


def test_keys_of_other_services_are_left_alone():
    state = LedgerState("run", "salt")

    state.fold(StoredEntry("run.ann.profile", b"not even JSON", 1))

    assert state.ledger.holders() == ()


def test_a_journal_key_that_holds_no_entry_is_corrupt():
    with pytest.raises(CorruptJournal, match=r"run.transfer.c at revision 4 is not a journal entry"):
        LedgerState("run", "salt").fold(StoredEntry("run.transfer.c", b"{}", 4))


def test_a_balance_of_nobody_is_zero(state):
    found = state.balance("nobody_known")

    assert (found.credits.posted, found.debt, found.holdings) == (0, 0, {})


def test_a_submission_without_chains_has_no_parts():
    assert submission_parts(submit("s"), "salt") == []


def test_a_part_has_as_many_chains_as_an_entry():
    command = submit("s", *(pay(f"p{i}", "ann", "bob", 1) for i in range(CHAINS_PER_ENTRY_MAX + 1)))

    parts = submission_parts(command, "salt")

    assert [len(part.chains) for part in parts] == [CHAINS_PER_ENTRY_MAX, 1]
    assert [part.name for part in parts] == ["s", "s-1"]


def test_a_part_has_no_more_transfers_than_an_entry():
    size = TRANSFERS_PER_ENTRY_MAX // 2
    chains = [
        chain(f"c{n}", *(transfer(f"c{n}.{i}", "ann", "bob", 1) for i in range(size))) for n in range(3)
    ]

    assert [len(part.chains) for part in submission_parts(submit("s", *chains), "salt")] == [2, 1]


def test_a_part_names_no_more_holders_than_one_commit_can_write():
    chains = [
        chain(f"c{n}", *(transfer(f"c{n}.{i}", TREASURY, f"a{n}-{i}", 1) for i in range(200)))
        for n in range(4)
    ]

    parts = submission_parts(submit("s", *chains), "salt")

    assert all(commit_size(1, len(part.holders)) <= WRITES_MAX for part in parts)
    assert [len(part.chains) for part in parts] == [2, 2]


def test_a_chain_of_too_many_transfers_is_refused():
    transfers = [transfer(f"t{i}", "ann", "bob", 1) for i in range(TRANSFERS_PER_ENTRY_MAX + 1)]

    with pytest.raises(InvalidMessage, match="too many"):
        submission_parts(submit("s", chain("c", *transfers)), "salt")


def test_a_derived_submission_id_depends_on_the_salt():
    assert submission_id("a.b", "salt") == submission_id("a.b", "salt")
    assert submission_id("a.b", "salt") != submission_id("a.b", "pepper")
    assert submission_id("plain-id", "salt") == "plain-id"


def test_a_commit_needs_two_writes_a_part_and_a_holder_and_two_marks():
    assert commit_size(3, 2) == 12


def test_money_alone_writes_no_holdings(state):
    found = written(commit(state, submit("s", pay("p", "ann", "bob", 1))))

    assert not any(key.endswith(".holdings") for key in found)
    assert CREDITS not in found["run.ann.balance"]
