"""Sentences for a schema's complaints: each kind of complaint in the words of econsim, with the values that are right.

Cannot catch: a kind of complaint that no schema raises yet.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import pytest
from pydantic import BaseModel, Field, ValidationError

from econsim.runs.value_errors import sentence


class Colour(StrEnum):
    RED = "red"
    GREEN = "green"


class Table(BaseModel, strict=True):
    number: Annotated[int, Field(ge=1, le=9)] = 1
    low: Annotated[int, Field(ge=1)] = 1
    high: Annotated[int, Field(le=9)] = 1
    above: Annotated[float, Field(gt=0)] = 1
    below: Annotated[float, Field(lt=1)] = 0
    real: Annotated[float, Field(allow_inf_nan=False)] = 0
    text: Annotated[str, Field(min_length=2, max_length=3)] = "ab"
    name: Annotated[str, Field(pattern=r"^[a-z]+$")] = "a"
    list: Annotated[tuple[int, ...], Field(min_length=1, max_length=2)] = (1,)
    colour: Annotated[Colour, Field(strict=False)] = Colour.RED


@pytest.mark.parametrize(
    ("key", "value", "what", "remedy"),
    [
        ("number", 0, "0 is too small", "write a number from 1 to 9"),
        ("number", 10, "10 is too large", "write a number from 1 to 9"),
        ("number", "1", "'1' is no whole number", "write one like 3, without quotes"),
        ("number", 1.5, "1.5 is no whole number", "write one like 3, without quotes"),
        ("low", 0, "0 is too small", "write a number from 1 upwards"),
        ("high", 10, "10 is too large", "write a number from 9 downwards"),
        ("above", 0.0, "0.0 is too small", "write a number above 0.0"),
        ("below", 1.0, "1.0 is too large", "write a number below 1.0"),
        ("real", "x", "'x' is no number", "write a number like 3.5, without quotes"),
        ("real", float("inf"), "inf is no number that can be measured", "write one like 3.5"),
        ("text", 7, "7 is no text", 'write it in quotes, like "cpu"'),
        ("text", "a", "'a' is too short", "write at least 2 characters"),
        ("text", "abcd", "'abcd' is too long", "write at most 3 characters"),
        ("name", "No!", "'No!' is no name", "use a-z 0-9 _ -, a letter or digit first"),
        ("list", (), "() has too few entries", "write at least 1"),
        ("list", (1, 2, 3), "(1, 2, 3) has too many entries", "write at most 2"),
        ("list", 1, "1 is no list", "write one in brackets, like [3.25, 3.00]"),
        ("colour", "gren", "'gren' is not one of the words of this key", "did you mean 'green'?"),
        ("colour", 7, "7 is not one of the words of this key", "write 'red' or 'green', in quotes"),
    ],
)
def test_a_complaint_names_the_value_and_what_would_be_right(key, value, what, remedy):
    with pytest.raises(ValidationError) as caught:
        Table.model_validate({key: value})

    assert sentence(caught.value.errors()[0], Table) == (what, remedy)


def test_a_complaint_without_a_sentence_still_names_the_value():
    problem = {"type": "new_kind", "loc": ("number",), "input": 7, "msg": "Input should be better"}

    assert sentence(problem, Table) == ("7 cannot be used here", "")
