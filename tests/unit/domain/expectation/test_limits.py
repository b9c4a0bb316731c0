"""Limits as they are written: met exactly they are kept, and what is no number, or a word that no field has, is refused.

Catches: decimal fractions that binary ones miss by a hair, text that counts as a number, a typing mistake that makes a rule hold for ever.
"""

from dataclasses import replace

import pytest
from expectation_builders import bid, form, price, tick, trade, verdict
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from econsim.domain.expectation.verdict import Ruling
from econsim.errors import InvalidExpectation

BID, TRADE = {"type": "bid_accepted"}, {"type": "trade_executed"}


def at(entry, microseconds):
    return replace(entry, occurred_at=f"2026-01-01T00:00:{microseconds / 10**6:09.6f}Z")


@given(start=st.integers(0, 10**7), distance=st.integers(1, 10**4))
def test_a_bound_of_time_is_kept_to_the_microsecond(start, distance) -> None:
    rule = form(form="then", trigger=BID, event=TRADE, within={"ms": distance / 1000})

    assert verdict(rule, [at(bid(), start), at(trade(), start + distance)]).outcome is Ruling.HOLDS
    assert verdict(rule, [at(bid(), start), at(trade(), start + distance + 1)]).outcome is Ruling.FAILS


@pytest.mark.parametrize(
    ("low", "high", "outcome"), [(0.7, 0.8, Ruling.HOLDS), (0.7, 0.800001, Ruling.FAILS)]
)
def test_a_band_is_kept_to_the_micro_credit(low, high, outcome) -> None:
    rule = form(form="stable", key="cpu.price", band=0.1, lasting={"ticks": 2})

    assert verdict(rule, [price(1, low), tick(1), price(2, high), tick(2), tick(3)]).outcome is outcome


@pytest.mark.parametrize("number", ["5", True])
def test_text_and_truth_values_are_no_numbers(number) -> None:
    rules = [
        {"form": "happens", "event": TRADE, "within": {"ms": number}},
        {"form": "stable", "key": "cpu.price", "band": number, "lasting": {"ticks": 2}},
        {
            "form": "latency",
            "trigger": BID,
            "event": TRADE,
            "same": ["n"],
            "percentile": number,
            "at_most": {"ticks": 1},
        },
        {"form": "equilibrium_price", "resource": "cpu", "tolerance_percent": number},
    ]

    for rule in rules:
        with pytest.raises(ValidationError, match="valid number"):
            form(**rule)


@pytest.mark.parametrize("number", [10**400, -(10**400), float("inf")])
def test_a_number_beyond_all_others_is_refused(number) -> None:
    with pytest.raises(ValidationError, match=r"compare with a finite number, between -1e\+300 and 1e\+300"):
        form(form="sum", event=TRADE, field="price", value={">=": number})


@pytest.mark.parametrize("constraint", [{"==": "bidd"}, {"!=": "bidd"}, {"in": ["ask", "bidd"]}])
def test_a_word_that_a_field_never_has_is_refused_with_the_nearest(constraint) -> None:
    rule = form(form="never", event={**TRADE, "where": {"taker": constraint}})

    with pytest.raises(InvalidExpectation, match="taker is never 'bidd'; did you mean 'bid'"):
        verdict(rule, [])


@pytest.mark.parametrize("unit", ["ticks", "ms", "events"])
def test_no_events_at_all_are_no_test_of_a_bound(unit) -> None:
    rule = form(form="then", trigger=BID, event=TRADE, within={unit: 1})

    assert verdict(rule, []).outcome is Ruling.VACUOUS
