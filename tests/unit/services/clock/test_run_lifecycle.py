"""Opening, stopping, resuming and closing a run: one event each, whoever asks how often."""

import pytest
from fake_consumers import ConsumerNats, service_context
from run_builders import small_scenario

from econsim.domain.agent.active_run import active_run
from econsim.domain.audit.envelope import Envelope
from econsim.errors import Conflict, ScenarioError
from econsim.schemas.clock import OpenRun, RunClosed, RunStopped, Ticked
from econsim.services.clock.run_lifecycle import close_run, open_run, stop_run
from econsim.subjects import RUN_CLOSED, RUN_STOPPED, TICKED

REQUEST = OpenRun(run="run", scenario=small_scenario())


@pytest.fixture
def client():
    return ConsumerNats()


@pytest.fixture
def context(client):
    return service_context("clock", client)


async def opened(context):
    return active_run(await open_run(context, REQUEST, "anna"))


async def test_a_run_is_opened_once_however_often_it_is_asked_for(client, context):
    first = await open_run(context, REQUEST, "anna")
    second = await open_run(context, REQUEST, "bert")

    assert first == second
    assert [event["actor"] for event in client.events("opened")] == ["anna"]


async def test_of_two_operators_who_open_a_name_at_once_one_is_refused(client, context):
    publish = context.jetstream.publish

    async def publish_late(*message, **options):
        context.jetstream.publish = publish
        await open_run(context, OpenRun(run="run", scenario=small_scenario(seed=2)), "bert")
        return await publish(*message, **options)

    context.jetstream.publish = publish_late
    with pytest.raises(Conflict):
        await open_run(context, REQUEST, "anna")

    assert [event["actor"] for event in client.events("opened")] == ["bert"]


async def test_a_name_stands_for_one_scenario(context):
    await open_run(context, REQUEST, "anna")

    with pytest.raises(Conflict, match="exists with another scenario") as refused:
        await open_run(context, OpenRun(run="run", scenario=small_scenario(seed=2)), "anna")

    assert refused.value.error_code == "run_exists_with_different_scenario"


async def test_a_scenario_with_impossible_agents_opens_no_run(client, context):
    wanted = small_scenario(markets=[{"resource": "cpu", "lot_size": 2}])

    with pytest.raises(ScenarioError):
        await open_run(context, OpenRun(run="run", scenario=wanted), "anna")

    assert not client.events()


async def test_a_stop_says_how_far_the_run_came(client, context):
    run = await opened(context)
    data = Ticked(period=2, tick_of_period=1)
    await client.add(Envelope("run", run.data.salt, 7, "now").event(TICKED, "clock", data))

    found = await stop_run(context, run, "bert")

    assert (found.actor, found.tick, found.data) == ("bert", 7, RunStopped(ticks=7, periods=2))


async def test_a_stopped_run_resumes_when_it_is_opened_again(client, context):
    await stop_run(context, await opened(context), "bert")

    await open_run(context, REQUEST, "carl")
    await open_run(context, REQUEST, "dora")

    assert [event["actor"] for event in client.events("resumed")] == ["carl"]


async def test_a_run_may_stop_and_resume_many_times(client, context):
    run = await opened(context)
    for _ in range(3):
        await stop_run(context, run, "anna")
        await open_run(context, REQUEST, "anna")

    assert (len(client.events("stopped")), len(client.events("resumed"))) == (3, 3)
    assert len({event["event_id"] for event in client.events()}) == 7


async def test_a_run_that_is_stopped_twice_has_one_stop_and_resumes_once(client, context):
    run = await opened(context)

    first = await stop_run(context, run, "anna")
    second = await stop_run(context, run, "bert")
    await open_run(context, REQUEST, "carl")

    assert first == second
    assert (len(client.events("stopped")), len(client.events("resumed"))) == (1, 1)


async def test_of_two_operators_who_stop_a_run_at_once_one_is_refused(client, context):
    run = await opened(context)
    earlier = Envelope("run", run.data.salt, 0, "now").event(
        RUN_STOPPED, "bert", RunStopped(ticks=0, periods=0)
    )
    publish = context.jetstream.publish

    async def publish_late(*message, **options):
        await client.add(earlier)
        return await publish(*message, **options)

    context.jetstream.publish = publish_late
    with pytest.raises(Conflict):
        await stop_run(context, run, "anna")

    assert [event["actor"] for event in client.events("stopped")] == ["bert"]


async def test_a_run_closes_once_and_is_marked_as_interrupted(client, context):
    run = await opened(context)

    found = await close_run(context, run, "anna")
    context.clock.time = "2026-01-01T00:00:01.000000000Z"
    again = await close_run(context, run, "bert")

    assert (found.data.interrupted, found.actor, again) == (True, "anna", found)
    assert len(client.events("closed")) == 1


@pytest.mark.parametrize("tick", [0, 9])
async def test_a_run_that_its_clock_has_ended_cannot_be_closed(client, context, tick):
    run = await opened(context)
    data = RunClosed(ticks=tick, periods=1, journal_sequence=1)
    await client.add(Envelope("run", run.data.salt, tick, "now").event(RUN_CLOSED, "clock", data))

    with pytest.raises(Conflict):
        await close_run(context, run, "anna")


async def test_a_closed_run_is_not_resumed(client, context):
    run = await opened(context)
    await stop_run(context, run, "anna")
    await close_run(context, run, "anna")

    await open_run(context, REQUEST, "anna")

    assert not client.events("resumed")
