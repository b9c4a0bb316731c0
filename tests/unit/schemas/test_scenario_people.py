"""People and econsim's own tools in a scenario: names that stand once, and tasks that somebody takes."""

from __future__ import annotations

import pytest
from factories import group, scenario
from pydantic import ValidationError
from tool_builders import offered


def thinker(name, *tools, policy="llm", **fields):
    return group(name, policy, thinking={"tools": list(tools)}, **fields)


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"people": [{"name": "mona"}, {"name": "mona"}]}, "person 'mona' is declared twice"),
        ({"people": [{"name": "a"}]}, "person 'a' has the name of a group of agents"),
        ({"agents": [thinker("a", "ask_person", "ask_person")]}, "tool 'ask_person' stands there twice"),
        ({"agents": [thinker("a", "everything")]}, "or use one of write_note, append_note"),
        ({"tools": [offered("ask_person")]}, "has the name of one that every scenario has"),
        ({"agents": [thinker("a", "delegate_task")]}, "nobody takes tasks"),
        ({"agents": [thinker("a", "asks_person")]}, "did you mean 'ask_person'?"),
        ({"agents": [thinker("a", "ask_person", policy="human")]}, "tools are given to human agents"),
        ({"agents": [group("a", "human", thinking={"trader": "zip"})]}, "trader is given to human agents"),
        ({"agents": [group("a", "zip", thinking={})]}, 'policy = "llm", "llm_strategist" or "human"'),
    ],
)
def test_a_mistake_is_told(fields, complaint):
    agents = fields.pop("agents", [group("a")])

    with pytest.raises(ValidationError, match=complaint):
        scenario(*agents, **fields)


def test_tasks_are_delegated_to_those_who_take_them():
    assert scenario(thinker("a", "delegate_task"), thinker("b", "accept_task"))


def test_a_scenario_without_people_is_written_as_ever():
    assert "people" not in scenario(group("a")).model_dump()
