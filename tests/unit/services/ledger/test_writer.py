import asyncio
import json
from contextlib import asynccontextmanager

import pytest
from eventually import eventually
from ledger_builders import chain, endow, pay, pending, submit
from requirements import requirement

from econsim.domain.ledger.verify import verify_journal
from econsim.errors import Conflict, CorruptJournal, InvalidMessage, Unavailable
from econsim.ports import Write
from econsim.schemas.ledger import (
    CREDITS,
    DEBT,
    TREASURY,
    Position,
    Refusal,
    Submitted,
    TransferPostedEvent,
    TransferRefusedEvent,
)
from econsim.services.ledger.stored import StoredLedger
from econsim.services.ledger.submissions import submission_id
from econsim.services.ledger.writer import ALONE_MAX, TRIES_MAX, LedgerWriter
from econsim.testing import Failure, FakeKeyTable, FakeStateStore, FakeWallClock


@pytest.fixture
def store():
    return FakeStateStore()


@pytest.fixture
async def writer(store):
    writer = new_writer(store)
    await writer.submit(submit("open", endow("ann", 100), endow("bob", 100), endow("bob", 10, "cpu")))
    return writer


def new_writer(store):
    return LedgerWriter("run", "salt", store, FakeWallClock(), FakeKeyTable(), retry_wait_s=0)


def keys(store, start=0):
    return [entry.key for entry in store.entries[start:]]


def read_back(store):
    stored = StoredLedger()
    for entry in store.entries:
        stored.fold(entry)
    return stored


def journal(store):
    classes = {"transfer": TransferPostedEvent, "refusal": TransferRefusedEvent}
    kinds = [(entry.key.split(".")[1], entry.value) for entry in store.entries]
    return [classes[kind].model_validate_json(value) for kind, value in kinds if kind in classes]


async def test_writes_entry_balances_and_holdings_in_one_commit(writer, store):
    assert store.commits == [6]
    assert keys(store) == [
        "run.transfer.open",
        "run.treasury.balance",
        "run.treasury.holdings",
        "run.ann.balance",
        "run.bob.balance",
        "run.bob.holdings",
    ]
    assert json.loads(store.entries[3].value) == {"posted": 100, "pending": 0, "sequence": 1}
    assert json.loads(store.entries[5].value) == {"cpu": {"posted": 10, "pending": 0}}


def deferred(name, *chains):
    return submit(name, *chains, defer_positions=True)


@asynccontextmanager
async def storing_positions(writer):
    task = asyncio.create_task(writer.store_positions())
    await writer.submit(submit("nothing"))
    yield
    task.cancel()


async def test_a_submission_that_defers_its_positions_is_one_write_and_they_follow(writer, store):
    async with storing_positions(writer):
        await writer.submit(deferred("s", pay("p", "ann", "bob", 1)))
        assert store.commits == [6, 1]
        assert writer.balance("ann").credits == Position(99, 0)

        await eventually(lambda: len(store.entries) > 8)

    assert keys(store, 6) == ["run.transfer.s", "run.ann.balance", "run.bob.balance"]
    assert store.commits == [6, 1, 1, 1]
    assert read_back(store).balances["bob"][CREDITS] == Position(101, 0)


async def test_deferred_positions_follow_also_if_the_store_was_away_meanwhile(writer, store):
    async with storing_positions(writer):
        await writer.submit(deferred("s", pay("p", "ann", "bob", 1)))
        store.fail_next(*[Failure.BEFORE] * (TRIES_MAX + 1))

        await eventually(lambda: not read_back(store).behind)

    assert read_back(store).balances["bob"][CREDITS] == Position(101, 0)


@pytest.mark.parametrize(("others", "commits"), [([pay("q", "bob", "ann", 2)], [4]), ([], [1, 1])])
async def test_the_next_submission_that_defers_nothing_takes_deferred_positions_along(
    writer, store, others, commits
):
    await writer.submit(deferred("s", pay("p", "ann", "carl", 1)))

    await writer.submit(submit("t", *others))

    assert {"run.ann.balance", "run.carl.balance"} <= {*keys(store, 7)}
    assert store.commits == [6, 1, *commits]


@pytest.mark.parametrize(("waiting", "commits"), [(ALONE_MAX, [1] * ALONE_MAX), (6, [6])])
async def test_few_deferring_submissions_are_single_writes_and_many_a_batch(writer, store, waiting, commits):
    one = (writer.submit(deferred(f"s{i}", pay(f"p{i}", "ann", "bob", 1))) for i in range(waiting))
    await asyncio.gather(*one)

    assert store.commits == [6, *commits]


async def test_deferred_positions_never_need_more_than_one_commit(writer, store):
    for i in range(3):
        chains = [endow(f"agent_{i}_{n}", 5) for n in range(200)]
        await writer.submit(deferred(f"s{i}", *chains))

    await writer.submit(submit("all"))

    assert max(store.commits) <= 1000
    found = read_back(store)
    assert len(found.balances) == 603
    assert verify_journal(found.entries, found.balances).findings == ()


async def test_deferred_positions_that_a_waiting_submission_changes_again_are_written_once(writer, store):
    holders = [f"agent_{n}" for n in range(600)]
    for i in range(3):
        await writer.submit(deferred(f"s{i}", *[endow(each, 5) for each in holders[i * 200 : i * 200 + 200]]))
    before = len(store.entries)

    await writer.submit(submit("t", *[pay(f"p-{each}", each, "bob", 1) for each in holders]))

    written = [key for key in keys(store, before) if key.endswith("balance")]
    assert sorted(written) == sorted(
        [f"run.{each}.balance" for each in holders] + ["run.bob.balance"] * 2 + ["run.treasury.balance"]
    )


async def test_the_next_leader_stores_the_positions_that_were_deferred(writer, store):
    await writer.submit(deferred("s", pay("p", "ann", "bob", 1)))
    behind = read_back(store)
    again = new_writer(store)
    await again.load()

    async with storing_positions(again):
        await eventually(lambda: len(store.commits) > 2)

    assert behind.behind == {"ann", "bob"}
    assert verify_journal(behind.entries, behind.balances, behind.behind).findings == ()
    assert keys(store, 7) == ["run.ann.balance", "run.bob.balance"]


async def test_a_leader_with_nothing_to_store_writes_nothing(writer, store):
    again = new_writer(store)
    await again.load()

    async with storing_positions(again):
        await again.submit(submit("t"))

    assert store.commits == [6]


async def test_journal_entries_are_full_events(writer, store):
    await writer.submit(submit("s", pay("no", "ann", "bob", 101), pay("yes", "ann", "bob", 1), tick=7))

    posted, refused = journal(store)[1:]
    assert (posted.tick, posted.actor, posted.correlation_id) == (7, "ledger", "run")
    assert (posted.type, refused.type) == ("market.transfer_posted", "market.transfer_refused")
    assert (posted.causation_id, posted.data.sequence, refused.data.sequence) == ("s", 2, 3)
    assert posted.event_id != refused.event_id


async def test_answers_refusals_and_keeps_the_rest(writer):
    answer = await writer.submit(submit("s", pay("no", "ann", "bob", 101), pay("yes", "ann", "bob", 1)))

    assert (answer).refused == {"no": Refusal.DEBIT_ACCOUNT_WOULD_GO_NEGATIVE}
    assert writer.balance("ann").credits == Position(99, 0)
    assert writer.balance("bob").holdings == {"cpu": Position(10, 0)}


async def test_what_arrives_together_is_committed_together(writer, store):
    await asyncio.gather(*(writer.submit(submit(f"s{i}", pay(f"p{i}", "ann", "bob", 1))) for i in range(50)))

    assert store.commits == [6, 50 + 2]
    assert writer.balance("ann").credits == Position(50, 0)


async def test_a_commit_never_holds_more_than_a_thousand_writes(writer, store):
    chains = [endow(f"agent_{i}", 5) for i in range(2500)]

    await writer.submit(submit("big", *chains))

    assert max(store.commits) <= 1000
    assert writer.balance("agent_2499").credits == Position(5, 0)
    assert [key for key in keys(store) if ".transfer.big" in key][:2] == [
        "run.transfer.big",
        "run.transfer.big-1",
    ]
    assert verify_journal(journal(store)).findings == ()


async def test_a_repeat_writes_nothing_and_gets_the_same_answer(writer, store):
    command = submit("s", pay("no", "ann", "bob", 101), pay("yes", "ann", "bob", 1))
    first = await writer.submit(command)
    written = len(store.entries)

    assert await writer.submit(command) == first
    assert len(store.entries) == written


async def test_concurrent_duplicates_collapse_to_one(writer, store):
    command = submit("s", pay("p", "ann", "bob", 1))

    answers = await asyncio.gather(*(writer.submit(command) for _ in range(20)))

    assert [answer.refused for answer in answers] == [{}] * 20
    assert writer.balance("ann").credits == Position(99, 0)


@pytest.mark.parametrize("failure", list(Failure))
async def test_an_unknown_outcome_is_read_back_and_done_once(writer, store, failure):
    store.fail_next(failure)

    assert (await writer.submit(submit("s", pay("p", "ann", "bob", 1)))).refused == {}

    assert writer.balance("ann").credits == Position(99, 0)
    assert keys(store).count("run.transfer.s") == 1


async def test_gives_up_with_unavailable_and_recovers_later(writer, store):
    store.fail_next(*[Failure.BEFORE] * TRIES_MAX)
    command = submit("s", pay("p", "ann", "bob", 1))

    with pytest.raises(Unavailable):
        await writer.submit(command)

    assert (await writer.submit(command)).refused == {}
    assert writer.balance("ann").credits == Position(99, 0)


async def test_a_second_writer_loses_no_money(writer, store):
    other = new_writer(store)
    await other.load()

    await asyncio.gather(
        *(writer.submit(submit(f"a{i}", pay(f"pa{i}", "ann", "bob", 1))) for i in range(10)),
        *(other.submit(submit(f"b{i}", pay(f"pb{i}", "bob", "ann", 2))) for i in range(10)),
    )

    await other.load()
    assert other.balance("ann").credits == Position(110, 0)
    assert verify_journal(journal(store)).findings == ()


async def test_a_command_id_used_for_other_chains_hurts_only_its_sender(writer):
    await writer.submit(submit("s", pay("p", "ann", "bob", 1)))

    bad, good = await asyncio.gather(
        writer.submit(submit("s", pay("q", "ann", "bob", 2))),
        writer.submit(submit("t", pay("r", "ann", "bob", 3))),
        return_exceptions=True,
    )

    assert isinstance(bad, Conflict)
    assert good.refused == {}
    assert writer.balance("ann").credits == Position(96, 0)


@requirement("log.read_models")
async def test_restart_from_history_gives_equal_balances(writer, store):
    await writer.submit(submit("s", chain("r", pending("p", "ann", "bob", 30)), pay("no", "ann", "bob", 99)))
    again = new_writer(store)

    await again.load()

    assert [again.balance(h) for h in (TREASURY, "ann", "bob")] == [
        writer.balance(h) for h in (TREASURY, "ann", "bob")
    ]
    answer = await again.submit(submit("t", pay("x", "ann", "bob", 71)))
    refused = {"x": Refusal.DEBIT_ACCOUNT_WOULD_GO_NEGATIVE}
    assert answer == Submitted(refused=refused, sequence=4, pending=1)


async def test_a_changed_journal_is_not_loaded(writer, store):
    entry = store.entries[0]
    changed = entry.value.replace(b'"amount":100', b'"amount":900', 1)
    store.entries[0] = type(entry)(entry.key, changed, entry.revision)

    with pytest.raises(CorruptJournal, match="entry 1 was changed"):
        await new_writer(store).load()


async def test_a_barrier_waits_for_all_books_and_applies_them_sorted(writer, store):
    late = asyncio.create_task(
        writer.submit(submit("m", pay("m", "ann", "bob", 60), barrier=2, book="memory"))
    )
    await asyncio.sleep(0.01)
    assert not late.done()

    first = await writer.submit(submit("c", pay("c", "ann", "bob", 60), barrier=2, book="cpu"))

    assert first.refused == {}
    assert (await late).refused == {"m": Refusal.DEBIT_ACCOUNT_WOULD_GO_NEGATIVE}


async def test_a_repeat_at_the_barrier_takes_the_place_of_the_one_that_waits(writer):
    command = submit("m", pay("m", "ann", "bob", 60), barrier=2, book="memory")
    waiting = [asyncio.create_task(writer.submit(command)) for _ in range(3)]
    await eventually(lambda: [task.done() for task in waiting] == [True, True, False])

    await writer.submit(submit("c", barrier=2, book="cpu"))

    *before, answer = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(error) for error in before] == [Unavailable] * 2
    assert answer.refused == {}
    assert (await writer.submit(command)).refused == {}


async def test_a_passed_barrier_is_known_after_a_restart(writer, store):
    empty = submit("c", barrier=2, book="cpu", tick=3)
    full = submit("m", pay("m", "ann", "bob", 60), barrier=2, book="memory", tick=3)
    await asyncio.gather(writer.submit(empty), writer.submit(full))
    again = new_writer(store)
    await again.load()

    assert (await asyncio.wait_for(again.submit(empty), 60)).refused == {}


async def test_a_failed_barrier_is_collected_anew(writer, store):
    books = [submit(b, pay(b, "ann", "bob", 60), barrier=2, book=b) for b in ("cpu", "memory")]
    store.fail_next(*[Failure.BEFORE] * TRIES_MAX)
    lost = await asyncio.gather(*map(writer.submit, books), return_exceptions=True)
    assert [type(error) for error in lost] == [Unavailable] * 2

    answers = await asyncio.gather(*map(writer.submit, reversed(books)))

    assert answers[1].refused == {}
    assert answers[0].refused == {"memory": Refusal.DEBIT_ACCOUNT_WOULD_GO_NEGATIVE}


async def test_one_book_too_many_is_refused(writer):
    both = [submit(b, pay(b, "ann", "bob", 1), barrier=2, book=b) for b in ("cpu", "memory")]
    tasks = [asyncio.create_task(writer.submit(command)) for command in both]
    await asyncio.sleep(0)

    with pytest.raises(InvalidMessage, match="one too many"):
        await writer.submit(submit("x", barrier=2, book="storage"))

    assert [answer.refused for answer in await asyncio.gather(*tasks)] == [{}] * 2


async def test_a_caller_that_leaves_takes_nothing_along(writer):
    task = asyncio.create_task(writer.submit(submit("s", pay("p", "ann", "bob", 1))))
    await asyncio.sleep(0)
    task.cancel()

    assert (await writer.submit(submit("t", pay("q", "ann", "bob", 1)))).refused == {}
    assert writer.balance("ann").credits == Position(98, 0)


@pytest.mark.parametrize("name", ["transfer", "refusal"])
async def test_holders_with_names_of_journal_keys_are_refused(writer, name):
    with pytest.raises(InvalidMessage, match="reserved"):
        await writer.submit(submit("s", pay("p", "ann", name, 1)))


async def test_a_chain_over_too_many_holders_is_refused_before_anything_changes(writer, store):
    wide = chain("w", *(pending(f"t{i}", "ann", f"h{i}", 1) for i in range(600)))

    with pytest.raises(InvalidMessage, match="too many"):
        await writer.submit(submit("s", pay("p", "ann", "bob", 1), wide))

    assert writer.balance("ann").credits == Position(100, 0)


@pytest.mark.parametrize("command_id", ["UPPER", "a.b", "x" * 80])
def test_command_ids_that_are_no_tokens_become_derived_ones(command_id):
    assert len(submission_id(command_id, "salt")) == 32


async def test_other_keys_of_the_run_are_left_alone(writer, store):
    await store.commit("run", [Write("run.ann.status", b"idle")], len(store.entries))
    again = new_writer(store)

    await again.load()

    assert again.balance("ann").credits == writer.balance("ann").credits == Position(100, 0)
    assert again.balance("ann").sequence == again.sequence == 1
    assert CREDITS not in again.balance("ann").holdings


@pytest.mark.parametrize("entries_remembered", [100, 2])
async def test_a_repeat_too_old_to_be_remembered_moves_no_money(writer, monkeypatch, entries_remembered):
    monkeypatch.setattr("econsim.domain.ledger.decided_chains.CHAINS_REMEMBERED_MAX", 1)
    monkeypatch.setattr("econsim.domain.ledger.decided_chains.OLDER_CHAINS_REMEMBERED_MAX", 1)
    monkeypatch.setattr("econsim.services.ledger.state.ENTRIES_REMEMBERED_MAX", entries_remembered)
    for i in range(5):
        await writer.submit(submit(f"s{i}", pay(f"p{i}", "ann", "bob", 1)))

    with pytest.raises(Conflict):
        await writer.submit(submit("s0", pay("p0", "ann", "bob", 1)))

    await writer.submit(submit("next", pay("next", "ann", "bob", 1)))
    assert writer.balance("ann").credits == Position(94, 0)


async def test_a_debt_is_told_with_the_balance_in_the_store_and_in_the_answer(writer, store):
    await writer.submit(submit("owe", pay("d", TREASURY, "ann", 7, DEBT)))
    stored = read_back(store)

    balance = writer.balance("ann")
    assert (balance.credits.posted, balance.debt, balance.holdings) == (100, 7, {})
    assert stored.balances["ann"] == {CREDITS: Position(100, 0), DEBT: Position(7, 0)}
    assert verify_journal(journal(store), stored.balances).first is None
