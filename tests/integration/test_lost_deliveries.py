"""A book has every command once and in its order, whatever is lost on the way or comes twice."""

import asyncio

import pytest
from nats_runs import hash_in_memory, over_nats, shortened
from run_builders import canonical_hash

from econsim.adapters.jetstream import order_consumers
from econsim.adapters.jetstream.ordered_push import OrderedPush
from econsim.runs.overrides import apply_overrides
from econsim.schemas.orders import Verb
from econsim.services.agent import host
from econsim.services.market.batch import BatchRunner

pytestmark = [pytest.mark.nats, pytest.mark.timeout(120)]

SCENARIO = shortened("genesis", ticks=6)


@pytest.mark.parametrize(
    ("subject", "tick"),
    [
        pytest.param("market.cpu.place_orders", b'"tick":3,', id="a tick's orders"),
        pytest.param(
            "market.cpu.close_tick",
            b'"tick":3,',
            id="the mark that closes a tick, behind which nothing comes",
        ),
        pytest.param(
            "market.memory.trade_executed", b'"tick":3,', id="trades on their way to those who read the log"
        ),
        pytest.param("system.clock.ticked", b'"tick":4,', id="the tick itself, for which everybody waits"),
    ],
)
async def test_a_lost_delivery_is_requested_again(server, run, monkeypatch, subject, tick):
    lost, receive = [], OrderedPush.receive

    async def lose(self, message):
        """Lose each of these once."""
        if subject in message.subject and tick in message.data and message.subject not in lost:
            lost.append(message.subject)
        else:
            await receive(self, message)

    monkeypatch.setattr(OrderedPush, "receive", lose)

    events = await over_nats(server, SCENARIO, run)

    assert lost
    assert canonical_hash(events) == hash_in_memory(SCENARIO)


async def test_an_order_held_for_so_long_that_it_comes_again_is_placed_once(server, run, monkeypatch):
    receive, answer, process = OrderedPush.receive, host.answer_tick, BatchRunner.process
    again, placed = [], []

    async def late(context, envelope, name, *rest, **options):
        if name == "host_2" and envelope.tick == 2:
            await asyncio.sleep(2.5)
        return await answer(context, envelope, name, *rest, **options)

    async def count(self, message):
        if ".place_orders." in message.subject and message.metadata.num_delivered > 1:
            again.append(message.subject)
        await receive(self, message)

    async def note(self, actions, *rest):
        placed.extend(action.order_id for action in actions if action.verb in {Verb.BID, Verb.ASK})
        await process(self, actions, *rest)

    monkeypatch.setattr(OrderedPush, "receive", count)
    monkeypatch.setattr(host, "answer_tick", late)
    monkeypatch.setattr(BatchRunner, "process", note)
    monkeypatch.setattr(order_consumers, "BOOK_ACK_WAIT_S", 1)

    events = await over_nats(server, apply_overrides(SCENARIO, hosts=2), run)

    assert again
    assert len(placed) == len(set(placed)) > 100
    assert canonical_hash(events) == hash_in_memory(SCENARIO)
