"""The durable steps of calls over memory: batches, the log as it grows, and the fence against a second leader."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from call_builders import call
from call_worlds import BUDGET, PRICE, World
from dirty_equals import IsStr

from econsim import subjects
from econsim.domain.cognition.outcome import abandoned_outcome, agent_answer
from econsim.domain.cognition.payment import settlement
from econsim.errors import CorruptLog, Refused, Unavailable
from econsim.schemas.ledger import Refusal
from econsim.schemas.model_call import CallPosition
from econsim.services.cognition.call_journal import EVENT_TEXT_MAX


@pytest.fixture
def world():
    return World()


def ended(ordinal=1, cycle=1, content=None):
    return replace(abandoned_outcome(CallPosition("ana", cycle, ordinal)), content=content)


async def test_outcomes_that_wait_while_one_is_published_are_one_event(world):
    journal = world.worker().journal

    await asyncio.gather(*(journal.record([ended(n)], 1) for n in range(1, 6)))

    assert [item["ordinal"] for items in world.logged() for item in items] == [1, 2, 3, 4, 5]
    assert len(world.logged()) < 3


async def test_outcomes_of_two_ticks_are_two_events_with_their_ticks(world):
    journal = world.worker().journal

    await asyncio.gather(journal.record([ended(1)], 1), journal.record([ended(1, cycle=2)], 2))

    assert [event["tick"] for event in world.client.events("invoked")] == [1, 2]


async def test_long_texts_go_in_events_of_their_own(world):
    journal, text = world.worker().journal, "x" * (EVENT_TEXT_MAX // 2 + 1)

    await asyncio.gather(*(journal.record([ended(n, content=text)], 1) for n in (1, 2, 3)))

    assert [len(items) for items in world.logged()] == [1, 1, 1]


async def test_a_second_outcome_of_a_call_is_not_published(world):
    journal = world.worker().journal
    (first,) = await journal.record([ended(content="first")], 1)

    (second,), (third,) = await asyncio.gather(
        *(journal.record([ended(content=text)], 1) for text in ("b", "c"))
    )

    assert (second, third) == (first, first)
    assert len(world.logged()) == 1


async def test_an_outcome_counts_though_the_next_publish_fails(world):
    worker = world.worker()
    world.client.reactions["system.llm.invoked.run"] = lambda _: world.client.failures.append(
        ValueError("no")
    )

    both = (worker.journal.record([ended(content=text)], tick) for tick, text in ((1, "first"), (2, "other")))
    failed = await asyncio.gather(*both, worker.journal.record([ended(2)], 3), return_exceptions=True)

    assert any(isinstance(each, ValueError) for each in failed)
    assert worker.calls.has_ended("llm.ana.1.1")


async def test_a_stale_leader_cannot_publish_behind_its_successor(world):
    stale, successor = world.worker().journal, world.worker().journal
    await successor.record([ended(1)], 1)

    with pytest.raises(Unavailable, match="another worker took over"):
        await stale.record([ended(2)], 1)

    assert (stale.lost.is_set(), successor.lost.is_set()) == (True, False)
    assert len(world.logged()) == 1


async def test_a_refused_reservation_is_the_ledgers_word_and_nothing_is_open(world):
    worker = world.worker()
    plan = world.plan(call(max_tokens=100_000))

    (refusal,) = await worker.journal.reserve([plan])

    assert refusal is Refusal.DEBIT_ACCOUNT_WOULD_GO_NEGATIVE
    assert worker.calls.open_reservation(plan.chain.id) is None


async def test_reservations_and_settlements_are_submitted_together(world):
    invoke = world.worker().invoker.invoke

    await asyncio.gather(*(invoke(call(ordinal=n)) for n in range(1, 11)))

    assert len(world.ledger.submissions) < 10
    assert all(command.defer_positions for command in world.ledger.submissions)
    assert world.money == (1_000_000 - 10 * PRICE, 0)


async def test_settlements_release_their_credits_before_later_calls_reserve(world):
    journal, first, second = world.worker().journal, *(world.plan(call(ordinal=n)) for n in (1, 2))
    await journal.reserve([first])
    await journal.record([ended()], 1)

    released = settlement(ended(), None)
    await asyncio.gather(journal.reserve([second]), journal.settle([released], 1))

    ids = [chain.id for command in world.ledger.submissions for chain in command.chains]
    assert ids == [first.chain.id, released.id, second.chain.id]


async def test_a_log_without_text_has_digests_alone_and_repeats_elsewhere_say_so():
    world = World(record_text=False)
    paid = await world.worker().invoker.invoke(call())
    successor = await world.successor()

    repeated = await successor.invoker.invoke(call())

    ((item,),) = world.logged()
    assert (item["prompt"], item["content"], item["answer_digest"]) == (None, None, paid.answer_digest)
    with pytest.raises(Refused, match="keeps no text") as refused:
        agent_answer(repeated)
    assert refused.value.error_code == "answer_text_is_not_kept"
    assert agent_answer(paid).content == "I pass."


async def test_without_the_ledger_nothing_is_asked_and_the_agent_may_ask_again(world):
    worker, answers = world.worker(), dict(world.client.answers)
    world.client.answers.clear()
    asking = asyncio.create_task(worker.invoker.invoke(call()))
    await asyncio.sleep(0)
    assert worker.provider.asked == []
    world.client.answers.update(answers)

    outcome = await asking

    assert (outcome.content, world.money) == ("I pass.", (1_000_000 - PRICE, 0))


LONG = {"text": "How much? " * 4_000}


async def test_a_long_text_is_stored_before_its_event_and_a_repeat_elsewhere_gets_it(world):
    steps = []
    for pattern in ("$KV.llm_texts.*", "system.llm.invoked.run"):
        world.client.reactions[pattern] = lambda payload: steps.append(payload[:9])
    paid = await world.worker().invoker.invoke(call(**LONG))

    repeated = await (await world.successor()).invoker.invoke(call(**LONG))

    ((item,),) = world.logged()
    assert (repeated, item["content"], item["text_digest"]) == (paid, None, IsStr(regex="[0-9a-f]{64}"))
    assert steps == [b'{"prompt"', b'{"event_i']


async def test_a_repeat_whose_text_was_changed_names_the_call(world):
    await world.worker().invoker.invoke(call(**LONG))
    world.client.streams["KV_llm_texts"].messages[0].payload = b"{}"

    with pytest.raises(CorruptLog, match="'ana', cycle 1, ordinal 1 is stored with other content"):
        await (await world.successor()).invoker.invoke(call(**LONG))

    assert world.money == (BUDGET - PRICE, 0)


async def test_entries_of_payments_are_news_to_all_but_the_worker_that_made_them(world):
    worker = world.worker()
    await worker.invoker.invoke(call())
    await world.ledger.copy()
    subject = subjects.TRANSFER_POSTED(run="run")
    entries = [payload for stored, payload in world.client.stored(subjects.AUDIT) if stored == subject]

    assert list(map(worker.journal.folds_payments, entries)) == [False, False]
    assert list(map(world.worker().journal.folds_payments, entries)) == [True, True]
    assert worker.journal.folds_payments(entries[0]), "nothing is remembered of a call that is settled"
