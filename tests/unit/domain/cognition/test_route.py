"""The choice of a model and of the next offer to ask, and the room that a prompt needs."""

import pytest
from call_builders import failure, prompt

from econsim.domain.cognition.route import is_next_asked, model_of, require_room
from econsim.errors import NotFound, Refused
from econsim.schemas.cognition import CallFailure
from econsim.schemas.model_call import TokenUsage
from econsim.schemas.scenario_cognition import Cognition, LlmModel

COGNITION = Cognition(models=(LlmModel(context_tokens=100), LlmModel(name="qwen2.5:0.5b")))


def test_a_call_gets_the_model_that_it_names():
    assert model_of(COGNITION, prompt(model="qwen2.5:0.5b")) is COGNITION.models[1]


@pytest.mark.parametrize(
    ("name", "remedy"),
    [("qwen2.5:05b", "did you mean 'qwen2.5:0.5b'"), ("gpt-5", "it has default, qwen2.5:0.5b")],
)
def test_an_unknown_model_is_refused_with_the_nearest_name_or_all(name, remedy):
    with pytest.raises(NotFound, match=f"no model {name!r}; {remedy}") as refusal:
        model_of(COGNITION, prompt(model=name))

    assert refusal.value.error_code == "model_is_not_in_this_run"


def test_a_prompt_and_its_longest_answer_must_fit_the_model():
    require_room(COGNITION.models[0], TokenUsage(60, 40))

    with pytest.raises(Refused, match="takes 100 together") as refusal:
        require_room(COGNITION.models[0], TokenUsage(60, 41))

    assert refusal.value.error_code == "prompt_is_too_long"


@pytest.mark.parametrize(
    "code", [CallFailure.PROVIDER_FAILED, CallFailure.PROVIDER_IS_BUSY, CallFailure.ANSWER_IS_MALFORMED]
)
def test_the_next_offer_is_asked_after_a_failure_that_costs_nothing(code):
    assert is_next_asked(failure(code.value))
    assert not is_next_asked(failure(code.value, input_tokens=1))
    assert not is_next_asked(failure(code.value, output_tokens=1))


def test_no_offer_is_asked_once_time_is_up():
    assert not is_next_asked(failure(CallFailure.PROVIDER_TIMED_OUT.value))
