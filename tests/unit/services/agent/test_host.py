"""A host over memory: it answers each tick once, in order, whatever it was doing when it stopped."""

import asyncio
import json

import pytest
from factories import NOON, active, group, role, scenario
from fake_consumers import ConsumerNats, service_context
from run_builders import small_scenario
from snapshot_times import write_snapshots_always

from econsim import subjects
from econsim.domain.agent.host_agents import HostAgents
from econsim.domain.audit.envelope import Envelope
from econsim.domain.execution.in_memory import run as run_in_memory
from econsim.domain.runtime.policy_agents import PolicyAgents
from econsim.domain.runtime.thinking_agents import ThinkingAgents
from econsim.schemas.base import ErrorBody
from econsim.schemas.clock import RunClosed, Ticked
from econsim.schemas.cognition import InvokeLlms, LlmAnswers
from econsim.schemas.orders import PlaceOrders
from econsim.schemas.types import MICROS_PER_CREDIT
from econsim.services.agent import host

SCENARIO = small_scenario()
RUN = active(SCENARIO, "run", "salt")
LOG = [each for each in run_in_memory(SCENARIO, "run", "salt") if each.subject.split(".")[2] != "closed"]
TICKS = [each for each in LOG if each.event.type == subjects.TICKED.type]


@pytest.fixture
def client():
    return ConsumerNats()


async def fill(client, events=LOG):
    for each in events:
        await client.add(each)


async def close(client):
    data = RunClosed(ticks=1, periods=1, journal_sequence=1)
    await client.add(Envelope("run", "salt", 0, NOON).event(subjects.RUN_CLOSED, "clock", data))


def answered(client):
    return [event["data"]["tick"] for event in client.events("cycle_completed")]


def commands(client):
    return [PlaceOrders.model_validate_json(body) for _, body in client.stored(subjects.ORDERS)]


async def serve(client, run=RUN):
    async with asyncio.timeout(20):
        await host.serve(service_context("agent", client), run, 0)


def no_thoughts(payload):
    """Answer calls of models with a failure each."""
    calls = InvokeLlms.model_validate_json(payload).calls
    return LlmAnswers(answers=tuple(ErrorBody(code="failed", message="no") for _ in calls))


async def test_a_host_answers_every_tick_once_and_ends_with_the_run(client):
    await fill(client)
    await close(client)

    await serve(client)

    assert answered(client) == [each.event.tick for each in TICKS]


@pytest.mark.parametrize(("mode", "thought"), [("lock_step", [1, 2, 3]), ("real_time", [1])])
async def test_agents_do_not_think_at_ticks_that_open_while_they_think_in_real_time(client, mode, thought):
    thinker = group("bob", "llm", roles=[role("bid", values=[[3]])])
    run = active(scenario(thinker, clock={"mode": mode, "ticks_per_period": 3}))
    client.answers[subjects.INVOKE_LLMS.pattern(run="run")] = no_thoughts
    for tick in (1, 2, 3):
        ticked = Ticked(period=1, tick_of_period=tick)
        await client.add(Envelope("run", "salt", tick, NOON).event(subjects.TICKED, "clock", ticked))
    await close(client)

    await serve(client, run)

    assert [event["tick"] for event in client.events("cognitive_cycles_started")] == thought
    assert answered(client) == [1, 2, 3]


async def test_a_host_sends_what_its_agents_choose(client):
    await fill(client, LOG[: LOG.index(TICKS[0]) + 1])
    await close(client)
    agents = HostAgents(SCENARIO, 0)
    for each in LOG[: LOG.index(TICKS[0]) + 1]:
        agents.evolve(each)

    await serve(client)

    (command,) = commands(client)
    assert list(command.actions) == agents.act(1)["cpu"]
    (report,) = client.events("cycle_completed")
    assert report["data"]["actions"] == {"cpu": len(command.actions)}
    assert report["causation_id"] == TICKS[0].event.event_id


async def test_a_host_that_starts_again_answers_only_what_is_not_answered(client):
    half = LOG.index(TICKS[len(TICKS) // 2])
    await fill(client, LOG[:half])
    first = asyncio.create_task(serve(client))
    await client.until(lambda: len(answered(client)) == len(TICKS) // 2)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)

    await fill(client, LOG[half:])
    await close(client)
    await serve(client)

    assert answered(client) == [each.event.tick for each in TICKS]
    assert not client.duplicates


async def test_a_host_folds_only_what_the_log_has_after_its_snapshot(client, monkeypatch):
    monkeypatch.setattr("econsim.services.snapshots.TAIL_MIN", len(LOG))
    half = LOG.index(TICKS[len(TICKS) // 2])
    await fill(client, LOG[:half])
    first = asyncio.create_task(serve(client))
    await client.until(lambda: client.stored("KV_agent_snapshots"))
    await client.until(lambda: len(answered(client)) == len(TICKS) // 2)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    await fill(client, LOG[half:])
    await close(client)

    client.delivered = 0
    await serve(client)

    key, value = client.stored("KV_agent_snapshots")[0]
    heard = {row.type for row in (*host.MARKET_EVENTS, *host.CLOCK_EVENTS)}
    after = client.streams[subjects.AUDIT].messages[host.SNAPSHOT.decode(value).sequence :]
    assert key == "$KV.agent_snapshots.run.host_1"
    assert client.delivered == len([each for each in after if json.loads(each.payload)["type"] in heard])
    assert answered(client) == [each.event.tick for each in TICKS]
    assert [action for each in commands(client) for action in each.actions] == await all_actions()


async def all_actions():
    """Return the actions of a host that was never stopped."""
    client = ConsumerNats()
    await fill(client)
    await close(client)
    await serve(client)
    return [action for each in commands(client) for action in each.actions]


async def test_a_host_with_agents_that_think_folds_the_whole_log(client, monkeypatch):
    write_snapshots_always(monkeypatch)
    run = active(scenario(group("bob", "llm", roles=[role("bid", values=[[3]])])))
    client.answers[subjects.INVOKE_LLMS.pattern(run="run")] = no_thoughts
    ticked = Ticked(period=1, tick_of_period=1)
    await client.add(Envelope("run", "salt", 1, NOON).event(subjects.TICKED, "clock", ticked))
    await close(client)

    await serve(client, run)

    assert not client.stored("KV_agent_snapshots")


async def test_a_repeated_answer_is_the_same_command(client):
    await fill(client, LOG[: LOG.index(TICKS[0]) + 1])
    await close(client)
    await serve(client)
    before = client.stored(subjects.ORDERS)

    log = client.streams[subjects.AUDIT]
    log.messages = [each for each in log.messages if "cycle_completed" not in each.subject]
    await serve(client)

    assert client.stored(subjects.ORDERS) == before


async def test_a_record_that_is_no_event_is_passed_over(client):
    client.store(subjects.PERIOD_OPENED(run="run"), b"{}", {})
    await fill(client, LOG[: LOG.index(TICKS[0]) + 1])
    await close(client)

    await serve(client)

    assert answered(client) == [1]


def test_a_large_answer_goes_in_parts_with_ids_of_their_own():
    actions = HostAgents(SCENARIO, 0).act(1)["cpu"] * 1_000
    envelope = Envelope("run", "salt", 1, NOON, "cause")

    parts = host._commands(envelope, "host_1", {"cpu": actions})

    sizes = [len(json.loads(part.payload)["actions"]) for part in parts]
    assert sum(sizes) == len(actions)
    assert max(sizes) == host.ACTIONS_MAX
    assert len({part.message_id for part in parts}) == len(parts) > 1


def test_the_limits_of_a_host_are_those_of_its_coded_and_of_its_thinking_agents():
    buyers = (
        group("coder", "zip", roles=[role("bid", values=[[1]])]),
        group("thinker", "llm", roles=[role("bid", values=[[3]])]),
    )
    wanted = scenario(*buyers)

    limits = host._limits(HostAgents(wanted, 0), ThinkingAgents(wanted, 0), PolicyAgents(wanted))

    assert limits["cpu"].value == 3 * MICROS_PER_CREDIT
