"""Actions in a model's answer: what models really write is read, what is wrong is left out alone with a sentence."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from observations import CREDIT, OBSERVATIONS, observed, observed_market, own_order

from econsim.domain.cognition.actions import (
    ACTIONS_MAX,
    MEMORY_LENGTH_MAX,
    action_schema,
    answer_schema,
    parse_actions,
)
from econsim.domain.cognition.schema_check import schema_fault, text_fault
from econsim.schemas.orders import Action, Verb
from econsim.schemas.types import PRICE_MAX

BID = {"verb": "bid", "resource": "cpu", "price": "3.25", "quantity": 2}
CPU = observed_market("cpu", orders=(own_order("lab_001-1-1-0"),))
SEEN = observed(CPU, observed_market("gpu", lot_size=10))


def answer(*rows, **fields):
    return json.dumps({"actions": rows, **fields})


def parsed(text):
    """Return (resource, verb, price, quantity) of every action."""
    found = parse_actions(text, SEEN).actions
    return [(name, each.verb, each.price, each.quantity) for name, rows in found.items() for each in rows]


def refusal(**changes):
    """Return the sentence about a bid with these changes, which is left out."""
    found = parse_actions(answer({**BID, **changes}), SEEN)
    assert not found.actions
    [sentence] = found.refusals
    return sentence


def test_an_action_becomes_an_order_of_the_agent_at_its_position():
    found = parse_actions(answer(BID), SEEN, ordinal=2)

    assert found.actions == {"cpu": (Action(Verb.BID, "lab_001", "lab_001-3-2-0", 3_250_000, 2),)}


def test_a_cancel_names_an_open_order_of_the_agent():
    found = parse_actions(answer({"verb": "cancel", "resource": "cpu", "order_id": "lab_001-1-1-0"}), SEEN)

    assert found.actions == {"cpu": (Action(Verb.CANCEL, "lab_001", "lab_001-1-1-0"),)}


@pytest.mark.parametrize(
    "text",
    [
        f"```json\n{answer(BID)}\n```",
        f"I think 3 < 4 [sic], and {{so}} I bid.\n{answer(BID)}\nGood luck!",
        f"First I thought {answer({**BID, 'price': '1'})}, but now: {answer(BID)}",
        json.dumps([BID]),
        json.dumps(BID),
        json.dumps({"actions": BID}),
        answer({**BID, "price": 3.25}),
        answer({**BID, "price": "$3.250 credits"}),
        answer({**BID, "quantity": "2"}),
        answer({**BID, "quantity": 2.0}),
        answer({**BID, "verb": "BUY", "resource": "CPU "}),
        answer({"action": "bid", "resource": "cpu", "price": "3.25", "quantity": 2}),
        answer(BID, {"verb": "hold"}),
    ],
)
def test_what_models_really_write_is_read(text):
    assert parsed(text) == [("cpu", Verb.BID, 3_250_000, 2)]


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"verb": "short"}, "verb 'short' is none of bid, ask and cancel"),
        ({"resource": "gold"}, "there is no market 'gold'; there are cpu, gpu"),
        ({"price": "a lot"}, "price 'a lot' is not an amount of credits"),
        ({"price": -1}, "price '-1' is not an amount of credits"),
        ({"price": "1.001"}, "near are 1 and 1.01"),
        ({"price": "0.0000001"}, "more than six decimals"),
        ({"price": 2**70}, "is not an amount"),
        ({"price": 900_000_000_000}, "is outside the limits of cpu, 0.01 to 4"),
        ({"price": True}, "price True is not"),
        ({"quantity": 0}, "quantity '0' is not a whole number from 1"),
        ({"quantity": 1.5}, "quantity '1.5' is not a whole number"),
        ({"quantity": [1]}, "quantity a list is not a whole number"),
        ({"resource": "gpu", "quantity": 5}, "not a multiple of the lot size 10"),
        ({"verb": "cancel"}, "order None is not an open order of yours on cpu; yours are lab_001-1-1-0"),
        ({"verb": "cancel", "order_id": "bob-1-1-0"}, "'bob-1-1-0' is not an open order of yours"),
    ],
)
def test_a_wrong_action_is_refused_with_a_sentence(changes, part):
    assert part in refusal(**changes)


def test_a_wrong_action_does_not_touch_the_others():
    found = parse_actions(answer({**BID, "price": "9"}, "bid 3", BID), SEEN)

    assert [order.order_id for order in found.actions["cpu"]] == ["lab_001-3-1-2"]
    assert len(found.refusals) == 2


def test_actions_after_the_first_sixteen_are_left_out():
    found = parse_actions(answer(*[BID] * (ACTIONS_MAX + 4)), SEEN)

    assert len(found.actions["cpu"]) == ACTIONS_MAX
    assert found.refusals == ("the answer has 20 actions; those after the first 16 are left out",)


def test_the_note_for_the_next_thought_is_cut_to_its_limit():
    found = parse_actions(answer(memory="x" * (MEMORY_LENGTH_MAX + 1)), SEEN)

    assert found.memory == "x" * MEMORY_LENGTH_MAX
    assert "memory has 501 characters" in found.refusals[0]


@pytest.mark.parametrize("text", ["", "I pass.", "[]", '{"actions": [', "[" * 100_000, "null"])
def test_an_answer_without_actions_is_refused_with_a_sentence(text):
    found = parse_actions(text, SEEN)

    assert (found.actions, len(found.refusals)) == ({}, 1)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=9)
    | st.sampled_from(["bid", "cpu"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["actions", "verb", "resource", "price", "quantity", "order_id", "memory"]), inner
        )
    ),
    max_leaves=12,
)


@given(st.text() | JSON.map(json.dumps), OBSERVATIONS)
def test_no_answer_raises(text, observation):
    found = parse_actions(text, observation)

    assert all(isinstance(sentence, str) for sentence in found.refusals)


@given(st.integers(1, PRICE_MAX), st.integers(-2, 12))
def test_every_order_is_one_that_its_market_takes(micros, quantity):
    found = parse_actions(answer({**BID, "price": str(micros / CREDIT), "quantity": quantity}), SEEN)

    for order in found.actions.get("cpu", ()):
        assert order.price % CPU.tick_size == 0
        assert CPU.price_min <= order.price <= CPU.price_max
        assert order.quantity >= 1


def test_the_schema_of_an_answer_is_a_schema_and_takes_both_forms_of_action():
    schema = action_schema(("cpu",))

    assert schema_fault(schema) is None
    assert text_fault(schema, answer(BID, {"verb": "cancel", "resource": "cpu", "order_id": "a-1"})) is None


@pytest.mark.parametrize(
    "changes",
    [{"price": 3.25}, {"price": "-1"}, {"quantity": 0}, {"resource": "gold"}, {"verb": "buy"}, {"note": "x"}],
)
def test_the_schema_of_an_answer_refuses_what_is_out_of_bounds(changes):
    assert text_fault(action_schema(("cpu",)), answer({**BID, **changes}))


def test_an_agent_without_open_orders_is_not_asked_for_cancels():
    cancel = answer({"verb": "cancel", "resource": "cpu", "order_id": "lab_001-1-1-0"})

    assert text_fault(answer_schema(SEEN), cancel) is None
    assert text_fault(answer_schema(observed()), cancel)


def test_the_schema_allows_two_actions_a_market_and_eight_in_all():
    most = [
        answer_schema(observed(*[observed_market(f"r{n}") for n in range(markets)])) for markets in (1, 9)
    ]

    assert [schema["properties"]["actions"]["maxItems"] for schema in most] == [2, 8]
