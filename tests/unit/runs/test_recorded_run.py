"""A run of agents that think, replayed from its own log in memory: the same bytes, without any other provider."""

import pytest
from factories import group, role, scenario

from econsim.domain.cognition.recording import RecordedProvider, Recording
from econsim.runs.in_memory import run
from econsim.schemas.agent import CognitiveCyclesCompleted
from econsim.schemas.cognition import LlmInvoked
from econsim.schemas.scenario_cognition import RULES

PRICES = {"models": [{"offers": [{"input_price": 10, "output_price": 20}]}]}


def economy(buyer_value=3.0, memory=2, **cognition):
    """Return models that buy, models that sell, and coded traders of both kinds."""
    return scenario(
        group(
            "lab",
            "llm",
            count=3,
            roles=[role("bid", first=buyer_value, last=2.0)],
            thinking={"memory": memory},
        ),
        group("mill", "llm", count=3, roles=[role("ask", first=1.0, last=1.5)], thinking={"memory": memory}),
        group("zip", "zip", count=3, roles=[role("bid", first=2.5, last=1.0)]),
        clock={"periods": 2, "ticks_per_period": 4},
        cognition={**PRICES, **cognition},
    )


def recording_of(events):
    recording = Recording()
    for addressed in events:
        if isinstance(addressed.event.data, LlmInvoked):
            recording.evolve(addressed.event.data)
    return recording


def replayed(economy_, recording):
    return list(run(economy_, providers={RULES: RecordedProvider(recording, RULES)}))


def test_a_replay_has_the_same_bytes():
    events = list(run(economy()))
    recording = recording_of(events)

    again = replayed(economy(), recording)

    assert len(recording) == 6 * 8
    assert [each.event.model_dump_json() for each in again] == [
        each.event.model_dump_json() for each in events
    ]


def test_a_replay_of_another_economy_names_the_first_difference():
    recording = recording_of(run(economy()))

    events = replayed(economy(buyer_value=3.1), recording)

    failed = [
        item
        for each in events
        if isinstance(each.event.data, LlmInvoked)
        for item in each.event.data.items
        if item.failure
    ]
    assert failed[0].failure == "recorded_prompt_differs"
    assert "agent 'lab_001', cycle 1, ordinal 1" in failed[0].message
    assert "messages[1].content, character" in failed[0].message
    assert failed[0].price == 0


def test_a_run_without_texts_cannot_be_replayed_and_says_so():
    recording = recording_of(run(economy(record_text=False, memory=0)))

    events = replayed(economy(record_text=False, memory=0), recording)

    [first, *_] = (each.event.data for each in events if isinstance(each.event.data, LlmInvoked))
    assert "recorded without its text" in first.items[0].message


@pytest.mark.parametrize("resource", [None, "cpu"])
def test_no_cycle_of_the_shipped_policy_fails(resource):
    events = run(economy(resource=resource))

    cycles = [
        item
        for each in events
        if isinstance(each.event.data, CognitiveCyclesCompleted)
        for item in each.event.data.items
    ]
    assert not [item.failure for item in cycles if item.failure]
