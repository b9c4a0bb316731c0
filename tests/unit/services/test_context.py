"""The context of a service: usable once its broker has started, and clear about it before."""

import asyncio

import pytest
from faststream.nats import NatsBroker
from run_nats import RunNats, service_context

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
    context = service_context("market", RunNats())

    assert context.meter is context.meter
    assert context.rejections is context.rejections


async def test_the_depth_is_watched_from_start_to_stop():
    watches = []

    class Depth:
        async def watch(self):
            watches.append("begun")
            try:
                await asyncio.Event().wait()
            finally:
                watches.append("ended")

    context = service_context("market", RunNats())
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
    async with running(service_context("market", RunNats()), [first, second]):
        assert first.calls == second.calls == ["start"]

    assert first.calls == second.calls == ["start", "stop"]
