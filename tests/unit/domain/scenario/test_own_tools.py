"""The groups of a scenario that use files, people and tasks, and so the services that a run of it needs."""

from __future__ import annotations

import pytest
from factories import group, scenario
from thinking import studio

from econsim.domain.runtime.thinking_agents import ThinkingAgents
from econsim.domain.scenario.own_tools import task_takers, uses_files, uses_people_or_tasks


def thinker(*tools, **fields):
    return group("thinker", "llm", thinking={"tools": list(tools)}, **fields)


@pytest.mark.parametrize(
    ("agents", "needs"),
    [
        (group("plain"), (False, False)),
        (thinker(), (False, False)),
        (thinker("read_note"), (True, False)),
        (thinker("ask_person"), (False, True)),
        (thinker("accept_task", "write_note"), (True, True)),
        (group("pupil", "human"), (False, True)),
    ],
)
def test_tools_and_policies_tell_which_services_are_needed(agents, needs):
    wanted = scenario(agents)

    assert (uses_files(wanted), uses_people_or_tasks(wanted)) == needs


def test_takers_are_those_who_can_accept():
    assert task_takers(studio()) == ("researcher_001", "researcher_002")


def test_the_only_taker_cannot_delegate_to_itself():
    wanted = scenario(thinker("accept_task", "delegate_task"))

    (cycle,) = ThinkingAgents(wanted).cycles(1).values()
    (call,) = cycle.start()

    assert [tool.name for tool in call.prompt.tools] == ["accept_task"]
