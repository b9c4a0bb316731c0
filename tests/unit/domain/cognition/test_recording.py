"""Replay by causal position: the known bugs of replays as tests, and the sentence that names a divergence."""

import random
from dataclasses import replace

import pytest
from call_builders import ENVELOPE, answer, call, failure, prompt
from hypothesis import given
from hypothesis import strategies as st

from econsim import subjects
from econsim.domain.cognition.call import prompt_text
from econsim.domain.cognition.outcome import abandoned_outcome, answer_outcome, failure_outcome
from econsim.domain.cognition.plan import plan_call
from econsim.domain.cognition.price import Cost
from econsim.domain.cognition.prompt_bound import prompt_bound
from econsim.domain.cognition.prompt_difference import prompt_difference
from econsim.domain.cognition.recording import Recording, ReplayCheck
from econsim.domain.cognition.texts import without_text
from econsim.schemas.cognition import LlmInvoked
from econsim.schemas.model_call import CallPosition, ChatMessage, ChatRole
from econsim.schemas.scenario_cognition import Cognition, LlmModel, Offer

LIVE = Offer(provider="live", input_price=3, output_price=9)
COGNITION = Cognition(models=(LlmModel(offers=(Offer(provider="cheap"), LIVE)),))


def plan(asked):
    """Return the plan of a call in the recorded run."""
    return plan_call(COGNITION, asked, lambda _, text: prompt_bound(text))


def difference(recorded_, asked):
    return prompt_difference(prompt_text(recorded_), prompt_text(asked))


def recorded(*calls, text="answer {}"):
    """Return a recording of answers to these calls, numbered from 1."""
    return Recording(
        answer_outcome(COGNITION, plan(each), LIVE, answer(text.format(n))) for n, each in enumerate(calls, 1)
    )


def recorded_failure(asked, error):
    return Recording([failure_outcome(COGNITION, plan(asked), LIVE, error)])


def replay(recording, asked):
    return recording.outcome(COGNITION, plan(asked))


def test_two_equal_prompts_in_one_cycle_get_answers_1_and_2():
    first, second = call(ordinal=1), call(ordinal=2)

    recording = recorded(first, second)

    assert [replay(recording, each).content for each in (second, first)] == ["answer 2", "answer 1"]


def test_a_recording_whose_prompt_was_changed_later_is_a_divergence_that_names_the_place():
    outcome = recorded(asked := call(text="Buy."), text="answer").outcome(COGNITION, plan(asked))
    changed = Recording([replace(outcome, prompt=outcome.prompt.replace("Buy", "Bid"))])

    found = replay(changed, asked)

    assert found.failure == "recorded_prompt_differs"
    assert "Bid" in found.message


def test_prompts_that_changed_places_are_two_divergences_and_no_swapped_answers():
    recording = recorded(call(ordinal=1, text="one"), call(ordinal=2, text="two"))

    codes = [replay(recording, call(ordinal=n, text=text)).failure for n, text in ((1, "two"), (2, "one"))]

    assert codes == ["recorded_prompt_differs"] * 2


@pytest.mark.parametrize("seed", range(5))
def test_a_hundred_agents_replayed_in_another_order_have_the_same_bytes(seed):
    calls = [call(f"a_{n:03}", ordinal=ordinal) for n in range(100) for ordinal in (1, 2)]
    recording = recorded(*calls)
    shuffled = random.Random(seed).sample(calls, len(calls))

    replayed = {each.position: replay(recording, each) for each in shuffled}

    for each in calls:
        items = [LlmInvoked(items=(found,)) for found in (replayed[each.position], recording.find(each))]
        assert items[0].model_dump_json() == items[1].model_dump_json()


def test_a_call_that_is_not_recorded_is_a_failure_that_costs_nothing():
    missed = replay(recorded(call()), call(ordinal=2))

    assert (missed.failure, missed.provider, missed.price) == ("answer_is_not_recorded", "recorded", 0)


@pytest.mark.parametrize(
    ("asked", "part"),
    [
        (call(ordinal=3), "ordinals 1, 2 of this cycle"),
        (call(cycle=4), "has calls of this agent in cycles 1 to 1, none in this one"),
        (call("bob"), "has 2 calls, none of this agent"),
    ],
)
def test_a_miss_names_the_call_and_what_is_recorded_nearby(asked, part):
    text = replay(recorded(call(ordinal=1), call(ordinal=2)), asked).message

    assert (
        f"agent {asked.position.agent!r}, cycle {asked.position.cycle}, ordinal {asked.position.ordinal} is not"
        in text
    )
    assert part in text


def test_a_difference_names_the_first_field_with_both_values():
    text = replay(recorded(call(text="What do you bid?")), call(text="What do you ask?")).message

    assert text == (
        "the call of agent 'ana', cycle 1, ordinal 1 was recorded with another prompt: messages[0].content, "
        "character 13: recorded is …'at do you bid?', asked is …'at do you ask?'"
    )


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"max_tokens": 99}, "max_tokens: recorded is 100, asked is 99"),
        ({"model": "other"}, "model: recorded is 'default', asked is 'other'"),
        (
            {"response_schema": {"type": "object"}},
            "response_schema: recorded is None, asked is {'type': 'object'}",
        ),
        (
            {"text": "What do you bid?!"},
            "messages[0].content, character 17: recorded is …'o you bid?', asked is …'o you bid?!'",
        ),
    ],
)
def test_any_field_of_a_prompt_may_be_the_first_to_differ(changes, line):
    assert difference(prompt(), prompt(**changes)) == line


def test_a_message_more_is_a_difference_of_the_list():
    asked = prompt().model_copy(
        update={"messages": (*prompt().messages, ChatMessage(ChatRole.USER, "Well?"))}
    )

    assert difference(prompt(), asked).startswith("messages[1]: recorded is nothing, asked is {")


@given(st.text(), st.text())
def test_prompts_differ_in_a_line_if_and_only_if_they_differ(one, other):
    found = difference(prompt(one), prompt(other))

    assert (found is None) == (one == other)
    assert found is None or len(found) < 1_000


def test_a_difference_without_the_recorded_text_names_the_digests():
    recording = Recording([without_text(recorded(call()).find(call()))])

    assert "its digest is" in replay(recording, call(text="Else?")).message


def test_an_answer_whose_text_was_not_kept_is_a_miss():
    missed = replay(Recording([without_text(recorded(call()).find(call()))]), call())

    assert missed.failure == "answer_is_not_recorded"
    assert "record_text = true" in missed.message


@pytest.mark.parametrize(
    "code", ["answer_is_malformed", "provider_failed", "provider_timed_out", "provider_refused"]
)
def test_a_failure_is_replayed_as_a_failure_with_its_price(code):
    recording = recorded_failure(call(), failure(code, input_tokens=7, output_tokens=9))

    found = replay(recording, call())

    assert found == recording.find(call())
    assert found.price == 7 * 3 + 9 * 9


def test_a_doubted_count_is_replayed_as_doubted():
    doubted = answer_outcome(COGNITION, plan(call()), LIVE, answer(input_tokens=10**6))

    assert doubted.is_usage_doubted
    assert replay(Recording([doubted]), call()) == doubted


def test_an_abandoned_call_is_replayed_whatever_its_prompt_was():
    abandoned = abandoned_outcome(CallPosition("ana", 1, 1))

    assert replay(Recording([abandoned]), call(text="Anything?")) == abandoned


def test_an_answer_that_was_changed_in_the_log_is_found():
    changed = replace(recorded(call()).find(call()), content="Buy everything!")

    assert "own digest" in replay(Recording([changed]), call()).message


def test_a_price_above_the_reservation_is_one_of_another_scenario():
    recording = recorded(call())
    worst = Cost(recording.find(call()).price - 1)

    replayed = recording.outcome(COGNITION, replace(plan(call()), worst=worst))

    assert (replayed.failure, replayed.price) == ("answer_is_not_recorded", 0)


def test_the_first_outcome_of_a_position_counts():
    first, second = (recorded(call(), text=text).find(call()) for text in ("first", "second"))

    recording = Recording()
    recording.evolve(LlmInvoked(items=(first, second)))

    assert recording.find(call()) == first
    assert len(recording) == 1


def test_recorded_calls_that_a_replay_did_not_make_are_listed_in_causal_order():
    calls = [
        call("bob", cycle=1),
        call("ana", cycle=2),
        call("ana", cycle=1, ordinal=2),
        call("ana", cycle=1),
    ]

    assert recorded(*calls).missing_calls({calls[0].position}) == (
        CallPosition("ana", 1, 1),
        CallPosition("ana", 1, 2),
        CallPosition("ana", 2, 1),
    )


def replay_result(recording, *asked):
    check = ReplayCheck(recording)
    for each in asked:
        data = LlmInvoked(items=(recorded(each).find(each),))
        check.check(ENVELOPE.event(subjects.LLM_INVOKED, "cognition", data))
    return check.result()


def test_a_whole_replay_says_how_many_calls_were_answered():
    assert replay_result(recorded(call()), call()) == "1 call was answered from the recording"


def test_a_replay_that_makes_fewer_calls_names_the_first_it_did_not_make():
    result = replay_result(recorded(call(), call("bob", cycle=2)), call())

    assert result.endswith("it has 1 more, first the call of agent 'bob', cycle 2, ordinal 1")


def test_a_run_that_is_no_replay_has_no_result():
    assert ReplayCheck().result() == ""
