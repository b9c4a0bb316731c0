"""Answers from a recording ask no model, whatever it lacks."""

from __future__ import annotations

from call_builders import answer, call
from dirty_equals import IsStr

from econsim.domain.cognition.outcome import answer_outcome
from econsim.domain.cognition.plan import plan_call
from econsim.domain.cognition.recording import Recording
from econsim.schemas.cognition import CallFailure
from econsim.schemas.scenario_cognition import Cognition
from econsim.services.cognition.answers import RecordedAnswers
from econsim.testing import FakeTextStore

COGNITION = Cognition()


def planned(answers, **fields):
    return plan_call(COGNITION, call(**fields), answers.count_input)


def recorded_answers(*contents):
    """Return answers of a recorded run in which one agent asked in the first cycles, once in each."""
    answers = RecordedAnswers(COGNITION, recording := Recording(), FakeTextStore())
    for cycle, content in enumerate(contents, 1):
        plan = planned(answers, cycle=cycle)
        recording.add(answer_outcome(COGNITION, plan, plan.model.offers[0], answer(content)))
    return answers


async def test_a_recorded_outcome_is_given_as_it_was_and_its_text_at_once():
    answers, texts = recorded_answers("one", "two"), []

    outcome = await answers.ask(planned(answers, cycle=2), texts.append)

    assert (outcome.content, outcome.provider, texts) == ("two", "rules", ["two"])


async def test_a_call_that_is_not_recorded_fails_at_no_price_and_says_which_it_is():
    answers = recorded_answers("one")

    outcome = await answers.ask(planned(answers, cycle=7), None)

    assert (outcome.failure, outcome.price) == (CallFailure.ANSWER_IS_NOT_RECORDED, 0)
    assert outcome.message == IsStr(regex="the call of agent 'ana', cycle 7, ordinal 1 is not recorded.*")
