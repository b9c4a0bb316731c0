"""The first outcome of a call counts; without its text in the log, the text of the worker that made it counts too."""

from __future__ import annotations

from dataclasses import replace

import pytest
from call_builders import answer, call

from econsim.domain.cognition.calls import Calls
from econsim.domain.cognition.outcome import answer_outcome
from econsim.domain.cognition.plan import plan_call
from econsim.domain.cognition.texts import without_text
from econsim.errors import Conflict
from econsim.schemas.scenario_cognition import Cognition

COGNITION = Cognition()


def outcome(cycle=1, content="I pass."):
    planned = plan_call(COGNITION, call(cycle=cycle), lambda *_: 20)
    return answer_outcome(COGNITION, planned, planned.model.offers[0], answer(content))


def test_the_first_outcome_of_a_call_counts():
    calls = Calls()

    calls.add(first := outcome())

    assert calls.add(outcome(content="Something else.")) == first


@pytest.mark.parametrize("order", [(0, 1), (1, 0)], ids=["log first", "worker first"])
def test_an_outcome_keeps_its_text_whichever_copy_comes_first(order):
    calls = Calls()
    copies = (without_text(outcome()), outcome())

    for place in order:
        calls.add(copies[place])

    assert calls.add(outcome()).content == "I pass."


def test_an_outcome_of_two_cycles_ago_is_forgotten_and_its_position_refused():
    calls = Calls()
    for cycle in (1, 2, 3):
        calls.add(outcome(cycle))

    with pytest.raises(Conflict, match="cycle 1 of 'ana' is over"):
        calls.outcome(call(cycle=1).position, outcome(1).prompt_digest)

    assert calls.outcome(call(cycle=2).position, outcome(2).prompt_digest) == outcome(2)


def test_another_prompt_at_the_position_of_an_outcome_is_refused():
    calls = Calls()
    calls.add(outcome())

    with pytest.raises(Conflict, match="another prompt"):
        calls.outcome(call().position, replace(outcome(), prompt_digest="0" * 32).prompt_digest)
