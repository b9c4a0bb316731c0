"""Orders among an agent's messages: their queue, and the agents that may send any."""

import json

import pytest
from factories import active, group, role, scenario

from econsim import subjects
from econsim.domain.admission.orders import check_agent, parse_order, parse_task
from econsim.domain.market.commands import COMMAND_BYTES_MAX
from econsim.errors import InvalidMessage, InvalidSubject, NotAllowed, NotFound, Refused
from econsim.schemas.subject import Parsed, fields

RUN = active(
    scenario(
        group("buyer", roles=[role("bid", values=[[1]])]),
        group("anna", "external"),
        resources=("cpu", "gpu"),
    )
)
ORDER = {"command_id": "c", "order_id": "o-1", "price": 1_000_000, "quantity": 2}
NEW = {"place_bid": {}, "place_ask": {}, "replace_order": {"new_order_id": "o-2"}}


def parse(payload=ORDER, action="place_bid", resource="cpu", agent="anna"):
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return parse_order(Parsed("agent", resource, action, "run", agent), body, RUN)


@pytest.mark.parametrize("action", [*NEW, "cancel_order"])
def test_each_order_goes_to_its_markets_queue_under_the_agents_own_id(action):
    payload = ORDER | NEW[action] if action in NEW else {"command_id": "c", "order_id": "o-1"}

    order = parse(payload, action, "gpu")

    assert order.subject == f"market.gpu.{action}.run.anna"
    assert order.command_id == "c"


def test_a_message_that_is_no_order_is_a_report_whatever_its_payload():
    assert parse(b"\xff", "slept", "anna") is None


@pytest.mark.parametrize("action", ["place_orders", "close_tick"])
def test_commands_of_hosts_and_of_the_clock_are_no_orders_of_an_agent(action):
    assert parse({}, action) is None


def test_a_market_of_another_run_is_not_found():
    with pytest.raises(NotFound, match="no market 'ram'; it has cpu, gpu"):
        parse(resource="ram")


@pytest.mark.parametrize(
    ("place", "name"), [("resource", "a b"), ("action", "Bid"), ("action", "place_bid\n")]
)
def test_a_name_that_is_no_subject_token_is_refused(place, name):
    with pytest.raises(InvalidSubject, match="is not a subject token"):
        parse(**{place: name})


@pytest.mark.parametrize(
    ("payload", "error"),
    [
        (b"", InvalidMessage),
        (b"{", InvalidMessage),
        (ORDER | {"price": 0}, InvalidMessage),
        (ORDER | {"price": 1.5}, InvalidMessage),
        (ORDER | {"quantity": "2"}, InvalidMessage),
        (ORDER | {"colour": "red"}, InvalidMessage),
        (ORDER | {"order_id": "x" * 65}, InvalidMessage),
        (b'{"command_id":"c","order_id":"o","price":NaN,"quantity":1}', InvalidMessage),
        (ORDER | {"agent_id": "bert"}, NotAllowed),
        (ORDER | {"order_id": "bert.o-1"}, NotAllowed),
        (b" " * (COMMAND_BYTES_MAX + 1), InvalidMessage),
    ],
)
def test_an_invalid_order_is_refused_before_the_queue(payload, error):
    with pytest.raises(error):
        parse(payload)


def test_an_agent_may_say_its_name_and_its_orders_full_id():
    assert parse(ORDER | {"agent_id": "anna", "order_id": "anna.o-1"}).command_id == "c"


def test_only_external_agents_act_by_themselves():
    assert check_agent(RUN, "anna").id == "anna"
    with pytest.raises(NotAllowed, match="run by the scenario"):
        check_agent(RUN, "buyer_001")
    with pytest.raises(NotFound, match="'carl' is not in run 'run'"):
        check_agent(RUN, "carl")


def delegate(**fields_):
    body = {"command_id": "t1", "taker": "buyer_001", "text": "dig", "price": 5, "deadline_ms": 1_000}
    where = fields(subjects.ENTER_TASK(run="run", agent="anna"))
    return parse_task(where, json.dumps(body | fields_).encode(), RUN)


def test_a_task_goes_to_the_queue_of_tasks():
    admitted = delegate()

    assert (admitted.subject, admitted.queue) == (
        subjects.DELEGATE_TASK(run="run", agent="anna"),
        subjects.TASKS,
    )
    assert parse_task(fields(subjects.REPORT(run="run", agent="anna", event="slept")), b"{}", RUN) is None


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"taker": "carl"}, "agent_is_not_in_this_run"),
        ({"taker": "anna"}, "agents_must_be_different"),
        ({"price": -1}, "message_is_invalid"),
        ({"price": 2**53}, "message_is_invalid"),
        ({"deadline_ms": 0}, "message_is_invalid"),
        ({"text": ""}, "message_is_invalid"),
        ({"command_id": "a.b"}, "message_is_invalid"),
        ({"boss": 1}, "message_is_invalid"),
        ({"agent_id": "buyer_001"}, "agent_id_does_not_match_subject"),
    ],
)
def test_a_wrong_task_is_refused_before_it_is_stored(wrong, code):
    with pytest.raises(Refused) as refused:
        delegate(**wrong)

    assert refused.value.error_code == code
