"""Replays in memory: the recording answers, no model is asked, and the run is the recorded one, or says where it is not."""

from __future__ import annotations

import json
from dataclasses import asdict

import pytest
from run_builders import canonical_hash
from thinking import recorded, thinking_buyers

from econsim import subjects
from econsim.domain.audit.facts import facts
from econsim.domain.cognition.recording import ReplayCheck
from econsim.domain.execution import in_memory, in_memory_calls
from econsim.errors import RecordingDiffers, ScenarioError, SetupError
from econsim.runs.recorded_run import recorded_run_of_file
from econsim.schemas.agent import CognitiveCyclesCompleted
from econsim.schemas.scenario_cognition import Cognition

INVOKED = subjects.LLM_INVOKED.type


@pytest.fixture
def no_model(monkeypatch):
    """Let every question to a model fail the test."""

    def ask(*_):
        pytest.fail("a model was asked")

    monkeypatch.setattr(in_memory_calls, "rules_completion", ask)


def consume(replay):
    check = ReplayCheck()
    for addressed in replay:
        check.check(addressed)


def written(path, events):
    """Write a file as `econsim events RUN --json` does."""
    lines = (json.dumps(asdict(fact)) for addressed in events for fact in facts(addressed))
    path.write_text("\n".join(lines))
    return path


def test_a_replay_is_the_recorded_run_and_asks_no_model(request):
    first = [*in_memory.run(thinking_buyers())]
    request.getfixturevalue("no_model")

    second = in_memory.run(thinking_buyers(), recording=recorded(first))

    assert canonical_hash(second) == canonical_hash(first)


def test_a_replay_needs_no_provider_that_the_recorded_run_asked():
    live = thinking_buyers(cognition={"models": [{"name": "default", "offers": [{"provider": "live"}]}]})
    with pytest.raises(ScenarioError, match="asks only 'rules'"):
        list(in_memory.run(live))

    replayed = [*in_memory.run(live, recording=recorded(in_memory.run(thinking_buyers())))]

    assert replayed[-1].event.data.failure == ""


def test_a_run_that_asks_more_often_names_the_first_call_that_is_not_recorded():
    recording = recorded(in_memory.run(thinking_buyers(clock={"ticks_per_period": 2})))

    replay = in_memory.run(thinking_buyers(clock={"ticks_per_period": 3}), recording=recording)

    with pytest.raises(
        RecordingDiffers, match=r"'thinker_001', cycle 3, ordinal 1 is not recorded; .* cycles 1 to 2"
    ) as differs:
        consume(replay)

    assert differs.value.error_code == "answer_is_not_recorded"


def test_a_run_with_another_seed_names_the_first_field_that_differs():
    recording = recorded(in_memory.run(thinking_buyers()))

    replay = in_memory.run(thinking_buyers(seed=7), recording=recording)

    with pytest.raises(RecordingDiffers, match=r"messages\[\d\].content, character") as differs:
        consume(replay)

    assert differs.value.error_code == "recorded_prompt_differs"


def test_a_file_of_events_answers_as_its_run_did(tmp_path):
    first = [*in_memory.run(thinking_buyers())]
    path = written(tmp_path / "first.jsonl", first)

    found = recorded_run_of_file(path)
    second = [*in_memory.run(found.answer(thinking_buyers()), recording=found.recording)]

    assert canonical_hash(second) == canonical_hash(first)
    assert second[0].event.data.scenario.recorded == "first"


def test_the_models_of_a_replay_are_those_of_the_recorded_run(tmp_path):
    dear = Cognition.model_validate({"models": [{"name": "default", "offers": [{"input_price": 900}]}]})
    wanted = thinking_buyers().model_copy(update={"cognition": dear})
    found = recorded_run_of_file(written(tmp_path / "dear.jsonl", in_memory.run(wanted)))

    assert found.answer(thinking_buyers()).cognition == dear


def test_a_run_that_kept_no_text_cannot_answer_another(tmp_path):
    silent = thinking_buyers(cognition={"record_text": False}, thinking={"memory": 0})
    found = recorded_run_of_file(written(tmp_path / "silent.jsonl", in_memory.run(silent)))

    with pytest.raises(ScenarioError, match="record_text = false"):
        found.answer(silent)


@pytest.mark.parametrize("line", [INVOKED, f'{{"type": "{INVOKED}"}}'])
def test_a_file_of_something_else_is_refused_with_its_line(tmp_path, line):
    path = tmp_path / "other.jsonl"
    path.write_text(f"\n{line}\n")

    with pytest.raises(SetupError, match=r"line 2 is no fact .* `econsim events RUN --json`"):
        recorded_run_of_file(path)


@pytest.mark.parametrize("resource", [None, "cpu"])
def test_no_cycle_of_the_shipped_policy_fails(resource):
    events = in_memory.run(thinking_buyers(cognition={"resource": resource}))

    cycles = [
        item
        for each in events
        if isinstance(each.event.data, CognitiveCyclesCompleted)
        for item in each.event.data.items
    ]
    assert not [item.failure for item in cycles if item.failure]
