"""Tools of a run in memory: recorded answers, paid at the ledger as over NATS, and told in the log."""

from __future__ import annotations

import pytest
from tool_builders import answer, offered, tool_users

from econsim.domain.execution import in_memory
from econsim.domain.ledger.verify import verify_journal
from econsim.errors import ScenarioError
from econsim.schemas.agent import CognitiveCyclesCompleted
from econsim.schemas.cognition import LlmInvoked
from econsim.schemas.ledger import TransferPosted, TransferRefused
from econsim.schemas.tool_events import ToolCompleted, ToolFailed

QUERY = {"parameters": {"type": "object", "required": ["query"], "properties": {"query": {"type": "string"}}}}
CPU = answer("Dealers expect 2.20.", params={"query": "cpu"})


def look(*answers, **fields):
    return offered("look", *(answers or (CPU,)), **QUERY, **fields)


def run(*tools, **fields):
    """Return the events of a run of agents that use these tools."""
    return [each.event for each in in_memory.run(tool_users(*tools, **fields))]


def data(events, *kinds):
    return [event.data for event in events if isinstance(event.data, kinds)]


def test_every_agent_calls_its_tool_at_the_start_of_each_period():
    events = run(look())

    called = [(event.tick, event.data.agent) for event in events if isinstance(event.data, ToolCompleted)]
    assert called == [(1, "buyer_001"), (1, "buyer_002"), (4, "buyer_001"), (4, "buyer_002")]


def test_calls_are_paid_and_the_journal_adds_up():
    events = run(look(price=0.05))

    journal = [event for event in events if isinstance(event.data, TransferPosted | TransferRefused)]
    prices = [each.price for each in data(events, ToolCompleted)]
    reported = sum(each.price for cycle in data(events, CognitiveCyclesCompleted) for each in cycle.items)
    thoughts = sum(item.price for each in data(events, LlmInvoked) for item in each.items)
    assert prices == [50_000] * 4
    assert reported == thoughts + sum(prices)
    assert verify_journal(journal).findings == ()


def test_an_agent_that_cannot_pay_is_refused_and_thinks_on():
    events = run(look(price=60), count=1)

    assert data(events, ToolCompleted, ToolFailed) == []
    assert {event.tick for event in events if isinstance(event.data, LlmInvoked)} == {1, 2, 3, 4, 5, 6}


def test_an_answer_that_is_not_recorded_is_a_failure_that_costs_nothing():
    events = run(look(answer("for another", params={"query": "gpu"}), price=0.05))

    found = data(events, ToolFailed)
    assert {(each.failure.value, each.price) for each in found} == {("tool_answer_is_not_recorded", 0)}
    assert "record it, or run with `--live-tools`" in found[0].message


def test_a_tool_that_reports_an_error_is_paid():
    found = data(run(look(answer("gone", params={"query": "cpu"}, is_error=True), price=0.05)), ToolCompleted)

    assert {(each.is_error, each.price) for each in found} == {(True, 50_000)}


def test_an_event_names_the_tick_that_made_the_agent_act():
    events = run(look(), count=1)

    ids = {event.event_id: event.type for event in events}
    causes = [ids[event.causation_id] for event in events if isinstance(event.data, ToolCompleted)]
    assert causes == ["system.ticked"] * 2


def test_a_tool_without_answers_needs_a_server():
    with pytest.raises(
        ScenarioError, match="'look' has no recorded answers, and a run in memory asks no server"
    ):
        run(offered("look"))


def test_a_tool_that_no_group_uses_needs_none():
    assert run(look(), offered("idle", server="other"), thinking={"tools": ["look"]})
