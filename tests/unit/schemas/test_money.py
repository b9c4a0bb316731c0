"""Credits as people write them: converted exactly, or refused with the remedy."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from econsim.schemas.ledger import CREDITS, DEBT, format_amount
from econsim.schemas.money import (
    Credits,
    PriceCredits,
    UnitCredits,
    format_credits,
    parse_credits,
    printed_value,
)
from econsim.schemas.types import AMOUNT_MAX, PRICE_MAX


@pytest.mark.parametrize(
    ("written", "micros"),
    [(3, 3_000_000), ("3.25", 3_250_000), (3.25, 3_250_000), ("0.000001", 1), ("-1", -1_000_000), (0, 0)],
)
def test_written_credits_are_converted(written, micros):
    assert parse_credits(written) == micros


@pytest.mark.parametrize(
    "written", ["", "3,25", " 3", "1e3", "three", ".5", "5.", True, None, [3], float("nan"), float("inf")]
)
def test_a_value_that_is_no_amount_is_refused(written):
    with pytest.raises(ValueError, match="is not an amount of credits"):
        parse_credits(written)


def test_more_than_six_decimals_are_refused():
    with pytest.raises(ValueError, match="more than six decimals"):
        parse_credits("0.0000001")


@given(st.integers(min_value=0, max_value=AMOUNT_MAX))
def test_formatted_credits_are_read_back_exactly(micros):
    assert parse_credits(format_credits(micros)) == micros


@pytest.mark.parametrize(
    ("micros", "text"),
    [(3_250_000, "3.25"), (10_000_000, "10"), (1, "0.000001"), (0, "0"), (-500_000, "-0.5")],
)
def test_micro_credits_are_formatted_without_trailing_zeros(micros, text):
    assert format_credits(micros) == text


def test_money_is_formatted_in_credits_and_resources_in_units():
    assert format_amount(1_500_000, CREDITS) == "1.5"
    assert format_amount(1_500_000, DEBT) == "1.5"
    assert format_amount(1_500_000, "cpu") == "1500000"


@pytest.mark.parametrize(
    ("type_", "least", "most"),
    [(Credits, 0, AMOUNT_MAX), (UnitCredits, 0, PRICE_MAX), (PriceCredits, 1, PRICE_MAX)],
)
def test_an_amount_within_its_limits_is_accepted_and_one_beyond_is_refused(type_, least, most):
    adapter = TypeAdapter(type_)

    assert adapter.validate_python(format_credits(least)) == least
    assert adapter.validate_python(format_credits(most)) == most
    for beyond in (least - 1, most + 1):
        with pytest.raises(ValidationError, match="is outside the limits"):
            adapter.validate_python(format_credits(beyond))


def test_an_amount_is_written_in_credits():
    assert TypeAdapter(Credits).dump_python(3_250_000) == "3.25"


@pytest.mark.parametrize(("value", "text"), [(True, "true"), ("a", "'a'"), (3, "3"), (None, "None")])
def test_a_wrong_value_is_printed_as_a_file_has_it(value, text):
    assert printed_value(value) == text


def test_a_long_wrong_value_is_cut():
    assert printed_value("x" * 100) == "'" + "x" * 59 + "…"
