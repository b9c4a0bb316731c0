"""JSON in what models write: with fences, prose and all."""

from __future__ import annotations

import pytest

from econsim.domain.cognition.answer_text import without_fence


@pytest.mark.parametrize(
    "text", ['```json\n{"a": 1}\n```', '```\n{"a": 1}\n```', ' \n```json\n{"a": 1}```\n', '{"a": 1}']
)
def test_one_fence_around_a_text_is_taken_off(text):
    assert without_fence(text) == '{"a": 1}'


def test_a_text_with_more_than_a_fence_stays_as_it_is():
    text = 'Here it is:\n```json\n{"a": 1}\n```'

    assert without_fence(text) == text
