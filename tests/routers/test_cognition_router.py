"""The cognition service's handlers on a broker in memory: right answers, typed refusals. Shows no restarts, no time."""

import json
from types import SimpleNamespace

import pytest
from call_worlds import BUDGET, PRICE, World
from faststream.nats import NatsBroker, TestNatsBroker
from requirements import requirement

from econsim.routers import cognition
from econsim.services.context import ServiceContext
from econsim.services.handlers import BindMessage, error_replies
from econsim.subjects import INVOKE_LLM, INVOKE_LLMS

ASK = {"messages": [{"role": "user", "content": "Bid?"}], "max_tokens": 100}


@pytest.fixture
def world():
    return World()


@pytest.fixture
async def request_of(world):
    """Send a request to the handlers of a run in which ana is external and host_1 runs bob_001."""
    broker = NatsBroker()
    broker.add_middleware(BindMessage(ServiceContext("cognition", broker)))
    broker.add_middleware(error_replies())
    context = SimpleNamespace(broker=broker, client=world.client)
    subscribers = cognition.request_subscribers(context, world.run, world.worker().invoker)
    async with TestNatsBroker(broker) as memory:

        async def request(subject, **body):
            reply = await memory.request(json.dumps(body).encode(), subject)
            return json.loads(reply.body)

        request.subscribers = subscribers  # the broker itself holds them weakly
        yield request
        for each in subscribers:
            await each.stop()


def code(reply):
    return reply.get("error", {}).get("code")


INVOKE = INVOKE_LLM(run="run", agent="ana")


@requirement("cognition.invoke", "cognition.metering")
async def test_an_agent_gets_an_answer_with_its_price_and_receipt(world, request_of):
    found = await request_of(INVOKE, **ASK)

    assert (found["content"], found["receipt"], found["price"]) == ("I pass.", "llm.ana.0.1", PRICE)
    assert world.money == (BUDGET - PRICE, 0)


async def test_a_repeat_at_a_position_is_not_paid_again(world, request_of):
    first, again = [await request_of(INVOKE, **ASK, cycle=3, ordinal=2) for _ in range(2)]

    assert (first, world.money) == (again, (BUDGET - PRICE, 0))


async def test_calls_without_a_position_are_calls_of_their_own(world, request_of):
    receipts = [(await request_of(INVOKE, **ASK))["receipt"] for _ in range(3)]

    assert receipts == ["llm.ana.0.1", "llm.ana.0.2", "llm.ana.0.3"]
    assert world.money == (BUDGET - 3 * PRICE, 0)


BAD = {
    "no message": ({"messages": []}, "message_is_invalid"),
    "a role that is none": ({"messages": [{"role": "boss", "content": "x"}]}, "message_is_invalid"),
    "no tokens": ({"max_tokens": 0}, "message_is_invalid"),
    "2^63 tokens": ({"max_tokens": 2**63}, "message_is_invalid"),
    "a fraction of a token": ({"max_tokens": 1.5}, "message_is_invalid"),
    "a schema that is no object": ({"response_schema": [1]}, "message_is_invalid"),
    "a schema that is none": ({"response_schema": {"type": "objekt"}}, "response_schema_is_not_valid"),
    "a model that is not there": ({"model": "gpt"}, "model_is_not_in_this_run"),
    "a model that is no name": ({"model": "gpt 5"}, "message_is_invalid"),
    "a prompt that is too long": ({"max_tokens": 131_072}, "prompt_is_too_long"),
    "another agent": ({"agent_id": "bob"}, "agent_id_does_not_match_subject"),
    "an ordinal that is none": ({"ordinal": 65}, "message_is_invalid"),
    "a cycle before the first": ({"cycle": -1}, "message_is_invalid"),
    "a deadline of an hour": ({"deadline_ms": 3_600_000}, "message_is_invalid"),
    "a temperature of hell": ({"temperature": 666}, "message_is_invalid"),
    "a field that is not there": ({"price": 0}, "message_is_invalid"),
    "more than it has": ({"max_tokens": 10_000}, "debit_account_would_go_negative"),
}


@pytest.mark.parametrize("what", BAD)
async def test_what_is_wrong_is_refused_by_name_and_costs_nothing(world, request_of, what):
    fields, expected = BAD[what]

    found = await request_of(INVOKE, **{**ASK, **fields})

    assert code(found) == expected
    assert found["error"]["message"]
    assert (world.money, world.logged()) == ((BUDGET, 0), [])


async def test_an_agent_of_no_run_is_refused(request_of):
    assert code(await request_of(INVOKE_LLM(run="run", agent="eve"), **ASK)) == "agent_is_not_in_this_run"


async def test_another_prompt_at_a_position_is_a_conflict(world, request_of):
    await request_of(INVOKE, **ASK, cycle=0, ordinal=1)

    found = await request_of(INVOKE, **{**ASK, "max_tokens": 99}, cycle=0, ordinal=1)

    assert code(found) == "exists_with_different_fields"
    assert world.money == (BUDGET - PRICE, 0)


@pytest.mark.parametrize("agent", ["ana", "bob_001"])
async def test_a_host_may_not_ask_for_agents_that_are_not_its_own(world, request_of, agent):
    hosted = {"agent": agent, "cycle": 1, "ordinal": 1, "prompt": ASK}

    found = await request_of(INVOKE_LLMS(run="run", agent="host_2"), command_id="c", tick=1, calls=[hosted])

    assert code(found) == "sender_is_not_allowed"
    assert world.money == (BUDGET, 0)


async def test_each_call_of_a_batch_has_its_answer_or_its_reason(request_of):
    calls = [
        {"agent": "bob_001", "cycle": 1, "ordinal": n, "prompt": {**ASK, "max_tokens": tokens}}
        for n, tokens in ((1, 10), (2, 10_000))
    ]

    found = await request_of(INVOKE_LLMS(run="run", agent="host_1"), command_id="c", tick=1, calls=calls)

    answered, refused = found["answers"]
    assert (answered["receipt"], refused["code"]) == ("llm.bob_001.1.1", "debit_account_would_go_negative")


async def test_a_growing_answer_is_sent_to_its_agent_alone(world, request_of):
    await request_of(INVOKE, **ASK, partial=True)

    ((subject, payload, _),) = world.client.published
    assert (subject, json.loads(payload)["content"]) == ("system.llm.partial.run.ana", "I pass.")


async def test_the_calls_of_a_run_are_one_leader_task(world):
    (task,) = cognition.service.run_tasks(ServiceContext("cognition", NatsBroker()), world.run)

    assert task.lease == "cognition.run"
