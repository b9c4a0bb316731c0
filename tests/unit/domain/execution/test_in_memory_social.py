"""Files, people and tasks of a run in memory: asked once, paid once, kept, and given back at the end."""

from __future__ import annotations

from collections import Counter

import pytest
from thinking import studio

from econsim.domain.execution import in_memory
from econsim.domain.ledger.verify import verify_journal
from econsim.domain.runtime import thinking_agents
from econsim.domain.runtime.effects import AdvanceOwnTask, Delegate, ReadNote, WriteNote
from econsim.schemas.agent import CognitiveCyclesCompleted
from econsim.schemas.cognition import LlmInvoked
from econsim.schemas.ledger import TransferPosted, TransferRefused
from econsim.schemas.scenario import PolicyName
from econsim.schemas.social_events import (
    QuestionAsked,
    QuestionEnded,
    TaskAdvanced,
    TaskDelegated,
    TaskOffered,
    TaskRefused,
    TaskSettled,
)
from econsim.schemas.social_tasks import TaskStep
from econsim.schemas.workspace_changes import FileWritten

PRODUCERS = {f"producer_{number:03}" for number in range(1, 7)}


@pytest.fixture(scope="module")
def events():
    return [each.event for each in in_memory.run(studio())]


def data(events, *kinds):
    return [event.data for event in events if isinstance(event.data, kinds)]


def test_every_producer_asks_a_person_once(events):
    asked = Counter(each.asker for each in data(events, QuestionAsked))

    assert {asker: count for asker, count in asked.items() if asker in PRODUCERS} == dict.fromkeys(
        PRODUCERS, 1
    )
    assert {each.answered_by for each in data(events, QuestionEnded)} == {"patron"}


def test_every_task_is_delegated_approved_and_paid_once(events):
    delegated, settled = data(events, TaskDelegated), data(events, TaskSettled)
    approved = [each.task_id for each in data(events, TaskAdvanced) if each.step is TaskStep.APPROVE]

    assert {each.delegator for each in delegated} == PRODUCERS
    assert (
        sorted(approved) == sorted(each.task_id for each in settled) == sorted(t.task_id for t in delegated)
    )
    assert {each.paid for each in settled} == {250_000}


def test_a_note_is_read_on_the_next_day(events):
    (first, *_) = [
        item
        for each in data(events, LlmInvoked)
        for item in each.items
        if item.cycle == 9 and item.ordinal == 2
    ]

    assert {each.path for each in data(events, FileWritten)} == {"notes/price.md"}
    assert '"content":"reference price 2.3"' in first.prompt


def test_no_cycle_waits_for_more_than_three_requests_one_after_the_other(events):
    steps = [item.steps for each in data(events, CognitiveCyclesCompleted) for item in each.items]

    assert max(steps) == len(("think", "use tools", "think", "act"))


def test_the_journal_adds_up(events):
    journal = [event for event in events if isinstance(event.data, TransferPosted | TransferRefused)]

    assert verify_journal(journal).findings == ()


def test_without_people_the_default_counts_and_nothing_is_delegated():
    found = [each.event for each in in_memory.run(studio(people=()))]

    ends = {(each.state.value, each.answer) for each in data(found, QuestionEnded)}
    assert ends == {("defaulted", "no"), ("defaulted", "pass")}
    assert data(found, TaskDelegated) == []


def run_of(monkeypatch, cycles, **fields):
    """Return the events of a run in which each agent's cycle is a function of agent and tick."""

    def cycle(_, observation, *__):
        return cycles(observation.agent, observation.tick, seen)

    seen = []
    monkeypatch.setitem(thinking_agents.POLICIES, PolicyName.LLM, (None, cycle))
    shipped = studio(**fields)
    return [each.event for each in in_memory.run(shipped)], seen


def test_what_is_held_at_the_end_goes_back_to_its_delegator(monkeypatch):
    def cycles(agent, tick, _):
        if (agent, tick) == ("producer_001", 3):
            yield Delegate("researcher_001", "dig", 5_000_000, deadline_ticks=99)

    events, _ = run_of(monkeypatch, cycles)

    chains = [chain.id for each in data(events, TransferPosted) for chain in each.chains]
    task = "task.producer_001.3-1"
    assert [each for each in chains if each.startswith("task")] == [task, f"{task}.held", f"{task}.returned"]


def test_a_task_that_is_too_dear_is_refused_and_told(monkeypatch):
    def cycles(agent, tick, seen):
        if (agent, tick) == ("producer_001", 3):
            seen.append((yield Delegate("researcher_001", "dig", 500_000_000)))

    events, (reply,) = run_of(monkeypatch, cycles)

    assert [each.code for each in data(events, TaskRefused)] == ["debit_account_would_go_negative"]
    assert (reply.code, data(events, TaskOffered)) == ("debit_account_would_go_negative", [])


def test_files_grow_and_are_read_as_the_cycle_left_them(monkeypatch):
    def cycles(agent, tick, seen):
        if agent == "producer_001" and tick in (3, 4):
            replies = yield (
                WriteNote("a", f"{tick}", at_end=True),
                ReadNote("a"),
                ReadNote("gone"),
                WriteNote("../x", "y"),
            )
            seen.append([replies[1].size, replies[2].code, replies[3].code])

    _, seen = run_of(monkeypatch, cycles)

    assert seen == [[size, "file_does_not_exist", "path_is_invalid"] for size in (1, 2)]


def test_a_step_of_a_stranger_is_told_and_sets_nobody_aside(monkeypatch):
    def cycles(agent, tick, seen):
        if (agent, tick) == ("researcher_001", 4):
            seen.append((yield AdvanceOwnTask("task.producer_001.3-1", TaskStep.ACCEPT)))

    events, (reply,) = run_of(monkeypatch, cycles)

    failures = [
        item.failure for each in data(events, CognitiveCyclesCompleted) for item in each.items if item.failure
    ]
    assert (reply.code, failures) == ("task_does_not_exist", [])


def test_a_person_decides_for_an_agent_and_silence_trades_nothing():
    shipped = studio()

    decided, silent = (
        [each.event for each in in_memory.run(shipped.model_copy(update={"people": people}))]
        for people in (shipped.people, ())
    )

    assert (_trades(decided) > 0, _trades(silent)) == (True, 0)


def _trades(events):
    items = [item for event in events if event.type == "market.trade_executed" for item in event.data.items]
    return sum(item.buyer == "apprentice_001" for item in items)
