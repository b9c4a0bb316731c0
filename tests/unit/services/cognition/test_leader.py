"""The leader of a run's calls: it takes over what a leader before left, whatever of it has reached the log."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import pytest
from call_builders import Provider, Silent, answer, call
from call_worlds import BEGIN, BUDGET, PRICE, World

from econsim.errors import Unavailable
from econsim.services.cognition import leader
from econsim.services.leadership import LeadershipLost


@asynccontextmanager
async def until(*work):
    """Do work for the time of the context."""
    tasks = [asyncio.create_task(each) for each in work]
    yield
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@pytest.fixture
def world():
    return World()


async def dead_after(world, step):
    """Let a worker die in the middle of ana's call, after this step of it."""
    worker = world.worker(Silent() if step == "reserve" else Provider())
    if step == "record":
        settled = asyncio.Event()
        worker.journal.settle = lambda *_: settled.wait()
    asking = asyncio.create_task(worker.invoker.invoke(call(deadline_ms=30_000)))
    await world.client.until(lambda: worker.provider.asked and (step == "reserve" or world.logged()))
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    return worker


async def test_the_next_leader_settles_an_outcome_in_the_log(world):
    await dead_after(world, "record")
    await world.ledger.copy()

    await world.successor()

    assert world.money == (BUDGET - PRICE, 0)


async def test_an_outcome_whose_reservation_reaches_the_log_later_is_settled_too(world):
    await dead_after(world, "record")
    successor = await world.successor()
    assert world.money[1]

    async with until(successor.leader.watch(1), successor.leader.sweep()):
        await world.ledger.copy()
        await world.client.until(lambda: world.money == (BUDGET - PRICE, 0))


async def test_a_repeat_finds_the_reservation_and_pays_once(world):
    await dead_after(world, "reserve")
    await world.ledger.copy()
    successor = await world.successor(Provider(answer("I bid.")))

    outcome = await successor.invoker.invoke(call())

    assert (outcome.content, world.money) == ("I bid.", (BUDGET - PRICE, 0))


async def test_a_call_that_nobody_asks_for_again_is_released_when_no_host_will(world):
    await dead_after(world, "reserve")
    await world.ledger.copy()
    successor = await world.successor()
    assert not successor.calls.expired_reservations(BEGIN.replace("00:00:00", "00:01:29"))
    successor.context.clock.time = BEGIN.replace("00:00:00", "00:01:31")

    async with until(successor.leader.sweep()):
        await world.client.until(lambda: world.money == (BUDGET, 0))

    ((item,),) = world.logged()
    assert (item["failure"], item["price"]) == ("outcome_is_unknown", 0)


async def test_a_leader_that_another_worker_overtook_steps_back(world):
    started = asyncio.Queue()

    def take(_context, _run, invoker):
        started.put_nowait(invoker)
        return ()

    serving = asyncio.create_task(leader.serve(world.context(), world.run, {"rules": Provider()}, take))
    stale = await started.get()
    await stale.invoke(call(ordinal=2))
    stale._journal.newest = 99  # where no outcome lies: the log goes on without this worker

    with pytest.raises(Unavailable, match="another worker took over"):
        await stale.invoke(call())
    with pytest.raises(BaseExceptionGroup) as ended:
        await serving
    assert ended.group_contains(LeadershipLost)
