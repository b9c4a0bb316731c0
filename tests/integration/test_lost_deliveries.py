"""A book has every command once and in its order, whatever is lost on the way or comes twice."""

import asyncio

import pytest
from nats_runs import hash_in_memory, over_nats, shortened

from econsim import streams
from econsim.adapters.deliveries import Deliveries
from econsim.domain.canonical import canonical_hash
from econsim.launch.choose import chosen
from econsim.workers import host

pytestmark = [pytest.mark.nats, pytest.mark.timeout(120)]

SCENARIO = shortened("genesis", ticks=6)


@pytest.fixture
def lost(monkeypatch):
    """Lose, once each, the deliveries whose subject holds this text and whose payload holds that."""
    wanted, gone, hear = [], [], Deliveries.hear

    async def lose(self, message):
        what = (message.subject, message.data)
        if what not in gone and any(
            word in message.subject and text in message.data for word, text in wanted
        ):
            gone.append(what)
        else:
            await hear(self, message)

    monkeypatch.setattr(Deliveries, "hear", lose)
    return wanted, gone


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
async def test_what_is_lost_on_its_way_is_asked_for_again(server, run, lost, subject, tick):
    wanted, gone = lost
    wanted.append((subject, tick))

    events = await over_nats(server, SCENARIO, run)

    assert gone
    assert canonical_hash(events) == hash_in_memory(SCENARIO)


async def test_an_order_held_for_so_long_that_it_comes_again_is_placed_once(server, run, monkeypatch):
    answer, again = host._answer, []

    async def late(link, stamp, name, desk):
        if name == "host_2" and stamp.tick == 2:
            await asyncio.sleep(2.5)
        await answer(link, stamp, name, desk)

    async def count(self, message):
        if ".place_orders." in message.subject and message.metadata.num_delivered > 1:
            again.append(message.subject)
        await hear(self, message)

    hear = Deliveries.hear
    monkeypatch.setattr(Deliveries, "hear", count)
    monkeypatch.setattr(host, "_answer", late)
    monkeypatch.setattr(streams, "BOOK_ACK_WAIT_S", 1)

    events = await over_nats(server, chosen(SCENARIO, hosts=2), run)

    assert again
    assert canonical_hash(events) == hash_in_memory(SCENARIO)
