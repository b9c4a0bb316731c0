"""A strategist's answer: parameters within bounds, clamped with a sentence, and a schema that keeps the same bounds."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from econsim.domain.cognition.schema_check import schema_fault, text_fault
from econsim.domain.cognition.strategy import BOUNDS, Strategy, parse_strategies, strategy_schema

ROW = {
    "resource": "cpu",
    "margin_min_percent": 5,
    "margin_max_percent": 25,
    "learning_percent": 40,
    "activity_percent": 60,
    "units_max": 3,
}


def answer(*rows):
    return json.dumps({"strategies": rows})


def parsed(text, resources=("cpu",), **fields):
    return parse_strategies(text, resources, **fields)


@pytest.mark.parametrize("text", [answer(ROW), f"So: ```{json.dumps([ROW])}```", json.dumps(ROW)])
def test_parameters_are_read_from_what_models_write(text):
    assert parsed(text).strategies == {"cpu": Strategy(5, 25, 40, 60, 3)}
    assert not parsed(text).remarks


@pytest.mark.parametrize(
    ("name", "said", "used"),
    [
        ("margin_max_percent", 400, 90),
        ("activity_percent", 0, 1),
        ("units_max", -5, 0),
        ("learning_percent", "101", 100),
    ],
)
def test_a_value_out_of_bounds_is_clamped_with_a_sentence(name, said, used):
    found = parsed(answer({**ROW, name: said}))

    assert getattr(found.strategies["cpu"], name) == used
    assert f"{name} {said} of cpu is outside" in found.remarks[0]


def test_margins_in_the_wrong_order_are_exchanged():
    found = parsed(answer({**ROW, "margin_min_percent": 50}))

    assert found.strategies["cpu"].margin_min_percent == 25
    assert "both are exchanged" in found.remarks[0]


def test_a_parameter_that_is_left_out_or_is_no_number_keeps_its_present_value():
    present = {"cpu": Strategy(margin_max_percent=20, units_max=7)}

    found = parsed('{"strategies": [{"margin_max_percent": 10, "units_max": "many"}]}', present=present)

    assert found.strategies == {"cpu": Strategy(margin_max_percent=10, units_max=7)}
    assert found.remarks == ("units_max 'many' of cpu is not a whole number; 7 stays",)


def test_an_unknown_market_is_left_out_alone():
    found = parsed(answer({**ROW, "resource": "gold"}, ROW), ("cpu", "gpu"))

    assert [*found.strategies] == ["cpu"]
    assert found.remarks == ("'gold' is no market; there are cpu, gpu",)


@given(
    st.text()
    | st.dictionaries(st.sampled_from([*ROW, "x"]), st.integers() | st.floats() | st.text()).map(json.dumps)
)
def test_no_answer_raises_and_every_parameter_is_within_its_bounds(text):
    for strategy in parsed(text).strategies.values():
        assert all(BOUNDS[name].least <= getattr(strategy, name) <= BOUNDS[name].most for name in BOUNDS)


def test_the_schema_takes_what_is_within_bounds_and_nothing_else():
    schema = strategy_schema(("cpu",))

    assert schema_fault(schema) is None
    assert text_fault(schema, answer(ROW)) is None
    assert all(text_fault(schema, answer({**ROW, name: bounds.most + 1})) for name, bounds in BOUNDS.items())
