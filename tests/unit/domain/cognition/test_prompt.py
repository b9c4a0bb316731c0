"""Prompts from templates: the run's clock and ids, the observation and a note; nothing of the machine or its time."""

import tomllib

import pytest
from factories import group, scenario
from observations import observed, observed_market
from source import PACKAGE

from econsim.domain.agent.population import population
from econsim.domain.cognition.actions import action_schema
from econsim.domain.cognition.observation import prompt_observation
from econsim.domain.cognition.prompt import (
    LLM_TEMPLATES,
    NO_MEMORY,
    PLACES,
    STRATEGIST_TEMPLATES,
    cycle_prompt,
    prompt_findings,
)
from econsim.errors import ScenarioError
from econsim.schemas.model_call import ChatMessage, ChatRole, Prompt
from econsim.schemas.scenario_cognition import Thinking

SCENARIOS = sorted((PACKAGE / "runs" / "scenarios").glob("*.toml"))
PROSE = frozenset({"name", "title", "description"})
SCHEMA = action_schema(("cpu",))


def filled(template, *earlier, **fields):
    """Return the user's message of a prompt from a template."""
    thinking = Thinking(prompt=template, **fields)
    return cycle_prompt(thinking, observed(tick=7), earlier, SCHEMA).messages[-1].content


def assistant(text):
    return ChatMessage(ChatRole.ASSISTANT, text)


def texts(table):
    """Yield every text of a scenario file but its prose."""
    for key, value in table.items():
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, dict):
                yield from texts(each)
            elif isinstance(each, str) and key not in PROSE:
                yield each


def test_places_are_filled_with_the_runs_clock_and_ids():
    assert filled("{agent} {tick} {period} {tick_of_period} {markets}") == "lab_001 7 1 3 cpu"


def test_every_place_is_filled():
    text = filled(" ".join(f"{{{name}}}" for name in PLACES))

    assert not [name for name in PLACES if f"{{{name}}}" in text]


def test_other_braces_stay_as_they_are():
    assert filled('Write {"actions": [{}]} or {{tick}}.') == 'Write {"actions": [{}]} or {7}.'


def test_a_note_that_looks_like_a_place_is_not_filled():
    assert filled("{memory}", assistant('{"actions": [], "memory": "{tick}"}')) == "{tick}"


@pytest.mark.parametrize(
    ("earlier", "note"),
    [
        ([], NO_MEMORY),
        (["I pass."], NO_MEMORY),
        (['{"actions":[],"memory":"a"}', '{"actions":[],"memory":"b"}'], "b"),
    ],
)
def test_the_note_is_that_of_the_newest_earlier_answer(earlier, note):
    assert filled("{memory}", *map(assistant, earlier)) == note


def test_earlier_turns_stand_between_the_system_message_and_the_question():
    earlier = (ChatMessage(ChatRole.USER, "Before?"), assistant("I pass."))

    prompt = cycle_prompt(Thinking(), observed(), earlier, SCHEMA)

    assert prompt.messages[1:3] == earlier
    assert prompt.messages[0].role is ChatRole.SYSTEM
    assert prompt_observation(prompt) == observed()


@pytest.mark.parametrize("templates", [LLM_TEMPLATES, STRATEGIST_TEMPLATES])
def test_a_prompt_of_the_shipped_templates_is_a_valid_prompt(templates):
    prompt = cycle_prompt(
        Thinking(), observed(observed_market(), observed_market("gpu")), (), SCHEMA, templates
    )

    assert Prompt.model_validate_json(prompt.model_dump_json()) == prompt


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {"prompt": "{observatoin}"},
            "prompt of group 'lab' has an unknown place {observatoin}; did you mean {observation}?",
        ),
        (
            {"system": "It is {now}."},
            "system of group 'lab' has an unknown place {now}; there are {agent}, {tick}",
        ),
        ({"prompt": "Bid!"}, "prompt of group 'lab' has no {observation}"),
    ],
)
def test_a_template_with_a_wrong_place_is_refused_with_the_nearest_one(fields, message):
    with pytest.raises(ScenarioError) as refusal:
        population(scenario(group("lab", "llm", thinking=fields)))

    assert message in str(refusal.value)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("It is {now}.", "place_is_unknown"),
        ("Today is 2026-11-28.", "prompt_has_a_wall_clock_time"),
        ("It is 20:15.", "prompt_has_a_wall_clock_time"),
        ("Started at 1764360000.", "prompt_has_a_wall_clock_time"),
        ("You are pid 4711.", "prompt_has_a_process_id"),
        ("<Agent object at 0x7f2595a0>", "prompt_has_a_process_id"),
        ("Session 6f1c9d2e-5a3b-4c7d-8e9f-0a1b2c3d4e5f", "prompt_has_a_random_id"),
        ("Request 9f86d081884c7d65", "prompt_has_a_random_id"),
    ],
)
def test_values_of_the_machine_are_found_in_a_prompt(text, what):
    assert what in [finding.what for finding in prompt_findings(text)]


@pytest.mark.parametrize(
    "text", ["Tick {tick}: 3.25 credits for 12 units, agent lab_001.", "Add 1000000 or 9007199254.740991."]
)
def test_values_of_the_run_are_left_alone(text):
    assert not prompt_findings(text)


@pytest.mark.parametrize("template", [*LLM_TEMPLATES, *STRATEGIST_TEMPLATES])
def test_the_shipped_templates_read_nothing_but_the_run(template):
    assert not prompt_findings(template)


def test_a_rendered_prompt_reads_nothing_but_the_run():
    prompt = cycle_prompt(Thinking(), observed(), (), SCHEMA)

    assert not [finding for message in prompt.messages for finding in prompt_findings(message.content)]


@pytest.mark.parametrize("file", SCENARIOS, ids=lambda file: file.stem)
def test_the_prompts_of_a_shipped_scenario_read_nothing_but_the_run(file):
    found = texts(tomllib.loads(file.read_text(encoding="utf-8")))

    assert not [finding for text in found for finding in prompt_findings(text)]
