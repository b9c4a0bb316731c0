"""The observation as JSON text: one form, exact amounts, found again in any prompt."""

import json

from hypothesis import given
from hypothesis import strategies as st
from observations import CREDIT, OBSERVATIONS, WORKING_OBSERVATIONS, observed, observed_market, shown_prompt

from econsim.domain.cognition.observation import find_observation, observation_text, prompt_observation
from econsim.schemas.model_call import ChatMessage, ChatRole
from econsim.schemas.types import AMOUNT_MAX


@given(OBSERVATIONS | WORKING_OBSERVATIONS, st.text(max_size=50), st.text(max_size=50))
def test_an_observation_is_found_again_whatever_stands_around_it(observation, before, after):
    assert find_observation(f"{before}{observation_text(observation)}{after}") == observation


def test_amounts_are_decimal_text_in_credits():
    text = observation_text(observed(observed_market(value=3_250_000), credits_=AMOUNT_MAX))

    assert json.loads(text)["credits"] == "9007199254.740991"
    assert json.loads(text)["markets"][0]["value"] == "3.25"


def test_the_text_of_an_observation_has_one_form():
    text = observation_text(observed(observed_market(best_bid=CREDIT)))

    assert text.startswith('{"agent":"lab_001","tick":3,')
    assert ": " not in text


def test_an_observation_that_was_written_with_spaces_is_found():
    spaced = json.dumps(json.loads(observation_text(observed())), indent=2)

    assert find_observation(f"Look:\n{spaced}\n") == observed()


def test_the_last_observation_counts():
    first, second = (observation_text(observed(tick=tick)) for tick in (1, 2))

    assert find_observation(f"Before: {first}. Now: {second}") == observed(tick=2)


@given(st.text() | st.text().map(lambda text: '{"agent":' + text))
def test_any_other_text_has_no_observation(text):
    assert find_observation(text) is None


def test_a_bracket_storm_has_no_observation():
    assert find_observation('{"agent":' * 20_000) is None


def test_a_prompt_is_searched_in_its_last_message_of_the_user():
    prompt = shown_prompt(observed(tick=1))
    later = (ChatMessage(ChatRole.ASSISTANT, "I pass."), ChatMessage(ChatRole.USER, "Go on."))

    assert prompt_observation(prompt) == observed(tick=1)
    assert prompt_observation(prompt.model_copy(update={"messages": prompt.messages + later})) is None
