"""The context of a service: usable once its broker has started, and clear about it before."""

import asyncio

import pytest
from fake_consumers import ConsumerNats, service_context
from faststream.nats import NatsBroker
from market_builder import LOCK_STEP

from econsim.errors import NotFound, Unavailable
from econsim.services import context as context_module
from econsim.services.context import DepthWatch, ServiceContext
from econsim.services.subscriptions import running


@pytest.mark.parametrize("part", ["client", "jetstream", "leases", "meter", "depth", "rejections"])
def test_what_needs_the_connection_says_so_before_the_start(part):
    context = ServiceContext("market", NatsBroker())

    with pytest.raises(RuntimeError, match="service market is not connected"):
        getattr(context, part)


def test_each_process_holds_leases_under_a_name_of_its_own():
    first, second = (ServiceContext("market", NatsBroker()) for _ in range(2))

    assert first.holder == first.holder != second.holder
    assert first.holder.startswith("market")


def test_parts_of_a_context_are_made_once():
    context = service_context("market", ConsumerNats())

    assert context.meter is context.meter
    assert context.rejections is context.rejections


async def test_a_request_to_a_new_worker_waits_for_its_first_look_at_the_open_runs():
    context = service_context("market", ConsumerNats())
    asking = [asyncio.create_task(context.require_run(name)) for name in ("run", "other")]
    await asyncio.sleep(0)

    context.runs["run"] = LOCK_STEP
    context.runs_are_known.set()
    found, refused = await asyncio.gather(*asking, return_exceptions=True)

    assert found is LOCK_STEP
    assert isinstance(refused, NotFound)


async def test_a_known_run_is_not_waited_for():
    context = service_context("market", ConsumerNats())
    context.runs["run"] = LOCK_STEP

    assert await context.require_run("run") is LOCK_STEP


async def test_a_request_does_not_wait_long_for_a_log_that_does_not_answer(monkeypatch):
    monkeypatch.setattr(context_module, "FIRST_LOOK_S", 0.0)

    with pytest.raises(Unavailable, match="has just started"):
        await service_context("market", ConsumerNats()).require_run("run")


async def test_the_depth_is_watched_from_start_to_stop():
    watches = []

    class Depth:
        async def watch(self):
            watches.append("begun")
            try:
                await asyncio.Event().wait()
            finally:
                watches.append("ended")

    context = service_context("market", ConsumerNats())
    context.depth = Depth()
    watch = DepthWatch(context)

    await watch.stop()
    await watch.start()
    await context.client.until(lambda: watches)
    await watch.stop()
    await context.client.until(lambda: len(watches) == 2)

    assert watches == ["begun", "ended"]


async def test_subscribers_run_for_the_time_of_the_context():
    class Recorder:
        def __init__(self):
            self.calls = []

        async def start(self):
            self.calls.append("start")

        async def stop(self):
            self.calls.append("stop")

    first, second = Recorder(), Recorder()
    async with running(service_context("market", ConsumerNats()), [first, second]):
        assert first.calls == second.calls == ["start"]

    assert first.calls == second.calls == ["start", "stop"]
