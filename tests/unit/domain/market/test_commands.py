"""From a command's bytes to actions: form, size and identity."""

import json

import pytest
from factories import group, role, scenario

from econsim.domain.agent.population import population
from econsim.domain.market.commands import UNREADABLE, parse_command, readable_order_id
from econsim.errors import Refused
from econsim.schemas.orders import Action, CloseTick, OrderKind, Verb
from econsim.schemas.subject import Parsed
from econsim.schemas.types import QUANTITY_MAX

ROSTER = {
    agent.id: agent
    for agent in population(
        scenario(group("buyer", roles=[role("bid", values=[[1]])]), group("anna", "external"))
    )
}
CLOSE_TICK = {"command_id": "c", "tick": 1, "period": 1, "tick_of_period": 1}
ORDER = {"command_id": "c", "order_id": "o-1", "price": 1_000_000, "quantity": 2}


def parsed(payload, action="place_bid", agent="anna"):
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return parse_command(Parsed("market", "cpu", action, "run", agent), body, ROSTER)


def batch(**fields):
    action = {"verb": "bid", "agent": "buyer_001", "order_id": "o", "price": 1, "quantity": 1, **fields}
    return {"command_id": "c", "tick": 1, "actions": [action]}


def test_a_bid_is_its_senders():
    assert parsed(ORDER) == (Action(Verb.BID, "anna", "anna.o-1", 1_000_000, 2, OrderKind.LIMIT),)


@pytest.mark.parametrize(
    ("action", "extra", "verb"),
    [
        ("place_ask", {}, Verb.ASK),
        ("replace_order", {"new_order_id": "o-2"}, Verb.REPLACE),
    ],
)
def test_each_command_has_its_verb(action, extra, verb):
    (found,) = parsed(ORDER | extra, action)

    assert found.verb is verb
    assert found.new_order_id == (f"anna.{extra['new_order_id']}" if extra else None)


def test_a_cancel_names_only_its_order():
    assert parsed({"command_id": "c", "order_id": "o-1"}, "cancel_order") == (
        Action(Verb.CANCEL, "anna", "anna.o-1"),
    )


def test_a_host_speaks_for_its_own_agents():
    (found,) = parsed(batch(), "place_orders", "host_1")

    assert found.agent == "buyer_001"


def test_the_clock_closes_ticks():
    assert isinstance(parsed(CLOSE_TICK, "close_tick", "clock"), CloseTick)


@pytest.mark.parametrize(
    ("payload", "action", "agent", "code"),
    [
        (b"{", "place_bid", "anna", "message_is_invalid"),
        (ORDER | {"price": 2**128}, "place_bid", "anna", "message_is_invalid"),
        (ORDER | {"colour": "red"}, "place_bid", "anna", "message_is_invalid"),
        (b" " * 5_000, "place_bid", "anna", "message_is_too_large"),
        (ORDER | {"agent_id": "bert"}, "place_bid", "anna", "agent_id_does_not_match_subject"),
        (ORDER, "place_bid", "nobody", "agent_is_not_in_this_run"),
        (batch() | {"tick": "1"}, "place_orders", "host_1", "message_is_invalid"),
        (batch() | {"actions": 5}, "place_orders", "host_1", "message_is_invalid"),
        (batch(quantity="1") | {"colour": "red"}, "place_orders", "host_1", "message_is_invalid"),
        (CLOSE_TICK, "close_tick", "anna", "only_the_clock_closes_ticks"),
    ],
)
def test_a_wrong_command_is_refused_with_a_code(payload, action, agent, code):
    with pytest.raises(Refused) as refused:
        parsed(payload, action, agent)

    assert refused.value.error_code == code


@pytest.mark.parametrize(
    ("fields", "agent", "order_id", "code"),
    [
        ({"quantity": "1"}, "buyer_001", "o", "action_does_not_follow_its_schema"),
        ({"verb": "steal"}, "buyer_001", "o", "action_does_not_follow_its_schema"),
        ({"colour": "red"}, "buyer_001", "o", "action_does_not_follow_its_schema"),
        ({"price": 2**128, "quantity": 1.5}, "buyer_001", "o", "action_does_not_follow_its_schema"),
        ({"order_id": "../x"}, "buyer_001", UNREADABLE, "action_does_not_follow_its_schema"),
        ({"agent": "Bob!"}, "host_1", "o", "action_does_not_follow_its_schema"),
        ({"agent": "anna"}, "host_1", "o", "agent_belongs_to_another_host"),
        ({"agent": "nobody"}, "host_1", "o", "agent_belongs_to_another_host"),
        ({"new_order_id": "p"}, "buyer_001", "o", "new_order_id_belongs_to_a_replace"),
        ({"verb": "replace"}, "buyer_001", "o", "new_order_id_belongs_to_a_replace"),
    ],
)
def test_one_odd_action_of_a_batch_is_refused_alone(fields, agent, order_id, code):
    odd = batch(**fields)["actions"][0]
    good = batch(order_id="good")["actions"][0]

    before, found, after = parsed(batch() | {"actions": [good, odd, good]}, "place_orders", "host_1")

    assert (found.agent, found.order_id, found.code) == (agent, order_id, code)
    assert before == after == Action(Verb.BID, "buyer_001", "good", 1, 1)


@pytest.mark.parametrize("odd", [None, 7, "bid", [], {}])
def test_an_entry_that_is_no_action_is_refused_in_the_hosts_name(odd):
    (found,) = parsed(batch() | {"actions": [odd]}, "place_orders", "host_1")

    assert (found.agent, found.order_id, found.code) == (
        "host_1",
        UNREADABLE,
        "action_does_not_follow_its_schema",
    )


@pytest.mark.parametrize("number", [QUANTITY_MAX + 1, 2**128, -1])
def test_a_number_beyond_its_bounds_is_left_for_the_market_to_refuse(number):
    (found,) = parsed(batch(quantity=number, price=number), "place_orders", "host_1")

    assert found == Action(Verb.BID, "buyer_001", "o", number, number)


def test_the_order_id_of_a_refused_command_is_readable():
    subject = Parsed("market", "cpu", "place_bid", "run", "anna")

    assert readable_order_id(subject, b'{"order_id": "o-1", "price": -1}') == "anna.o-1"
    assert (
        readable_order_id(subject, b'{"order_id": "../x"}') == readable_order_id(subject, b"{") == UNREADABLE
    )


def test_an_agent_names_its_orders_with_or_without_itself():
    assert parsed(ORDER | {"order_id": "anna.o-1"}) == parsed(ORDER)


@pytest.mark.parametrize("order_id", ["bert.o-1", "buyer_001.1"])
@pytest.mark.parametrize("action", ["place_bid", "cancel_order"])
def test_an_agent_cannot_place_or_cancel_under_anothers_name(order_id, action):
    order = ORDER if action == "place_bid" else {"command_id": "c"}

    with pytest.raises(Refused, match="not anna's") as refused:
        parsed(order | {"order_id": order_id}, action)

    assert refused.value.error_code == "order_belongs_to_another_agent"


def test_an_order_id_of_an_agent_is_at_most_a_token():
    with pytest.raises(Refused, match="at most 64"):
        parsed(ORDER | {"order_id": "o" * 65})
