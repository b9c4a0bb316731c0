"""Recorded tools at the gateway: the scenario's answers and prices, whatever the operator's server of that name does."""

from __future__ import annotations

from factories import active, group, scenario
from tool_builders import BUDGET, World, answer, fault, offered

from econsim.services.mcp.recorded_server import servers_of_run

PARAMETERS = {"type": "object", "required": ["q"], "properties": {"q": {"type": "string"}}}


def recorded_world(*answers, **fields):
    """Return a world whose run has recorded answers of `find` at 0.1 credits; the operator's server is broken."""
    found = answers or (answer("from the scenario", params={"q": "x"}),)
    tool = offered("find", *found, server="search", price=0.1, parameters=PARAMETERS)
    world = World(fault("tool_server_failed"), **fields)
    world.run = active(scenario(group("ana", "external"), group("bob", "external"), tools=[tool]))
    return world


async def test_the_scenario_answers_at_its_own_price():
    world = recorded_world()

    reply = await world.call()

    assert (reply["result"]["content"][0]["text"], reply["price"]) == ("from the scenario", 100_000)
    assert (world.server.asked, world.money()) == ([], (BUDGET - 100_000, 0))


async def test_a_call_without_an_answer_costs_nothing():
    world = recorded_world()

    reply = await world.call({"params": {"q": "y"}})

    assert (reply["error"]["code"], reply["price"], world.money()) == (
        "tool_answer_is_not_recorded",
        0,
        (BUDGET, 0),
    )


async def test_arguments_are_checked_by_the_scenarios_schema():
    reply = await recorded_world().call({"params": {"q": 7}})

    assert reply["error"]["code"] == "tool_arguments_are_not_valid"


async def test_an_answer_has_no_deadline():
    world = recorded_world()

    await world.call({"timeout_ms": 50}, age_s=60)

    assert [reply["error"] for reply in world.replies()] == [None]


async def test_a_host_that_takes_over_gets_the_same_receipt_from_another_worker():
    world = recorded_world()

    first = await world.call({"msg_id": "4.1"}, worker=world.worker())
    again = await world.call({"msg_id": "4.1"}, worker=world.worker())

    assert (first, len(world.events()), world.money()) == (again, 1, (BUDGET - 100_000, 0))


async def test_a_broken_server_of_the_same_name_does_not_rest_the_scenarios():
    world = recorded_world()
    recorded, world.run = world.run, active(scenario(group("ana", "external")))
    worker = world.worker()
    for number in range(6):
        await world.call({"msg_id": f"broken{number}"}, worker=worker)
    worker._context.runs["run"] = recorded

    reply = await world.call(worker=worker)

    assert ("search", "open") in world.changes
    assert reply["error"] is None


async def test_the_event_has_the_tick_of_its_command():
    world = recorded_world()

    await world.call({"tick": 3})

    assert [event["tick"] for event in world.client.events()] == [3]


def test_a_run_without_recorded_tools_has_the_operators_servers():
    world = World()

    assert servers_of_run({"search": world.server}, world.run) == {"search": world.server}


async def test_a_refusal_for_lack_of_credits_stays_one_when_its_worker_was_killed():
    world = World(terms={"price": 2})

    reply = await world.call(deliveries=2)

    assert reply["error"]["code"] == "debit_account_would_go_negative"
    assert (world.events(), world.money()) == ([], (BUDGET, 0))


async def test_a_wrong_call_of_a_recorded_tool_stays_refused_when_its_worker_was_killed():
    world = recorded_world()

    reply = await world.call({"params": {"q": 7}}, deliveries=2)

    assert (reply["error"]["code"], world.events()) == ("tool_arguments_are_not_valid", [])
