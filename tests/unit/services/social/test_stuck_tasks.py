"""The sweep of stuck tasks over memory: which commands become dead letters, when, and which stay in the queue."""

import asyncio
from contextlib import suppress

import pytest
from factories import run_opened
from social_worlds import SocialWorld, command

from econsim import subjects
from econsim.domain.audit.envelope import Envelope
from econsim.schemas.clock import RunClosed
from econsim.services.social import stuck_tasks
from econsim.streams import DEAD_LETTER


@pytest.fixture
async def world():
    world = SocialWorld()
    await world.leader()
    return world


async def open_run(world):
    opened = run_opened(world.run.data.scenario)
    await world.client.jetstream().publish("system.run.opened.run", opened.model_dump_json().encode())


async def close_run(world):
    closed = RunClosed(ticks=1, periods=1, journal_sequence=1, failure="")
    event = Envelope("run", "salt", 1, "now").event(subjects.RUN_CLOSED, "clock", closed)
    await world.client.jetstream().publish(event.subject, event.json())


async def sweep_until(world, condition, grace_s=0.0):
    """Run the task of stuck tasks until a condition holds."""
    serving = asyncio.create_task(stuck_tasks.serve(world.contexts[-1], grace_s, poll_interval_s=0.01))
    try:
        await world.client.until(condition)
    finally:
        serving.cancel()
        with suppress(asyncio.CancelledError):
            await serving


def queued(world):
    return world.client.stored(subjects.TASKS)


def dead_letters(world):
    """Return the code of each dead letter."""
    return [each.headers["dead-letter-code"] for each in world.client.streams[DEAD_LETTER.name].messages]


@pytest.mark.parametrize("was_open", [False, True], ids=["never opened", "closed"])
async def test_tasks_of_a_run_that_is_not_open_become_dead_letters(world, was_open):
    if was_open:
        await open_run(world)
        await close_run(world)
    await world.send()
    await world.send(command("t2"))

    await sweep_until(world, lambda: not queued(world))

    assert dead_letters(world) == ["run_is_not_open"] * 2


async def test_tasks_of_an_open_run_stay_although_this_worker_does_not_know_it(world):
    await open_run(world)
    await world.send()
    await world.client.command(subjects.DELEGATE_TASK(run="other", agent="ana"), b"{}")

    await sweep_until(world, lambda: len(queued(world)) == 1)

    assert [subject for subject, _ in queued(world)] == [subjects.DELEGATE_TASK(run="run", agent="ana")]


async def test_a_task_waits_for_its_run_to_open_before_it_is_given_up(world):
    await world.send()
    looks = []

    await sweep_until(world, lambda: looks.append(0) or len(looks) > 10, grace_s=60)

    assert len(queued(world)) == 1
    assert dead_letters(world) == []
