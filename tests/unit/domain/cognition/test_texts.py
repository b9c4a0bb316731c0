"""Texts of calls in the log: inline up to a limit, by digest above it, and never another text than the recorded one."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from call_builders import ENVELOPE, answer, call
from pydantic import TypeAdapter

from econsim.domain.audit.facts import as_record
from econsim.domain.cognition.events import invoked_event
from econsim.domain.cognition.outcome import ANSWER_LENGTH_MAX, answer_outcome
from econsim.domain.cognition.plan import plan_call
from econsim.domain.cognition.texts import (
    TEXT_INLINE_MAX,
    data_with_text,
    logged_outcomes,
    text_length,
    with_text,
    with_texts,
)
from econsim.domain.runtime.cycle_run import PROMPT_LENGTH_MAX
from econsim.errors import CorruptLog
from econsim.schemas.cognition import CallOutcome
from econsim.schemas.model_call import ToolCall
from econsim.schemas.scenario_cognition import Cognition
from econsim.streams import MESSAGE_BYTES_MAX


def ended(length, **fields):
    """Return the outcome of a call whose texts have so many characters."""
    plan = plan_call(Cognition(), call(**fields), lambda *_: 20)
    content = "é" * (length - len(plan.prompt) - len("{}"))
    outcome = answer_outcome(Cognition(), plan, plan.model.offers[0], answer(content))
    return replace(outcome, tool_calls=(ToolCall("t", "bid", "{}"),))


LONG = ended(TEXT_INLINE_MAX + 1)


def test_texts_up_to_the_limit_are_inline_and_their_event_has_no_digest_of_them():
    short = ended(TEXT_INLINE_MAX)

    logged, texts = logged_outcomes([short], has_text=True)

    assert (text_length(short), logged, texts) == (TEXT_INLINE_MAX, [short], {})
    assert b"text_digest" not in invoked_event(ENVELOPE, logged).json()


def test_longer_texts_are_left_out_and_come_back_to_the_byte():
    (logged,), texts = logged_outcomes([LONG], has_text=True)

    assert (logged.prompt, logged.content, logged.tool_calls) == (None, None, ())
    assert [*texts] == [logged.text_digest]
    assert with_text(logged, texts[logged.text_digest]) == LONG


@pytest.mark.parametrize("worst", ["\\", "\x01", "é"])
def test_the_longest_prompt_and_answer_fit_in_a_message_whatever_their_characters(worst):
    plan = plan_call(Cognition(), call(text=worst * PROMPT_LENGTH_MAX), lambda *_: 20)
    outcome = answer_outcome(Cognition(), plan, plan.model.offers[0], answer(worst * ANSWER_LENGTH_MAX))

    (text,) = logged_outcomes([outcome], has_text=True)[1].values()

    assert outcome.failure is None
    assert len(text) < MESSAGE_BYTES_MAX


def test_an_answer_that_is_longer_is_a_failure_and_costs_what_it_used():
    plan = plan_call(Cognition(), call(), lambda *_: 20)

    outcome = answer_outcome(Cognition(), plan, plan.model.offers[0], answer("x" * (ANSWER_LENGTH_MAX + 1)))

    assert outcome.failure == "answer_is_too_large"
    assert outcome.usage.output_tokens == answer().usage.output_tokens


def test_equal_texts_are_one_and_a_scenario_without_texts_has_none():
    second = ended(TEXT_INLINE_MAX + 1, ordinal=2)

    assert len(logged_outcomes([LONG, second], has_text=True)[1]) == 1
    (logged,), texts = logged_outcomes([LONG], has_text=False)
    assert (logged.text_digest, logged.content, texts) == ("", None, {})


@pytest.mark.parametrize(
    ("change", "fault"), [(lambda _: None, "not stored"), (lambda text: text + b" ", "other content")]
)
def test_a_text_that_is_missing_or_another_is_an_error_that_names_the_call(change, fault):
    (logged,), texts = logged_outcomes([LONG], has_text=True)

    with pytest.raises(CorruptLog, match=f"'ana', cycle 1, ordinal 1 is .*{fault}") as lost:
        with_text(logged, change(texts[logged.text_digest]))

    assert (lost.value.error_code, lost.value.details) == ("call_text_is_lost", {"receipt": "llm.ana.1.1"})


def test_an_event_gets_the_texts_that_are_given_and_a_fact_the_form_of_a_short_one():
    logged, texts = logged_outcomes([LONG, ended(TEXT_INLINE_MAX + 2, agent="bob")], has_text=True)
    event, digest = invoked_event(ENVELOPE, logged), logged[0].text_digest

    whole = with_texts(event, {digest: texts[digest]})

    assert whole.event.data.items == (LONG, logged[1])
    (data, _) = as_record(event).data["items"]
    assert data_with_text(data, texts[digest]) == json.loads(TypeAdapter(CallOutcome).dump_json(LONG))
