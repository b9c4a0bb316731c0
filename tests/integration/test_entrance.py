"""The entrance under load: order kept, nobody waits for another, limits hold, a flood ends, a restart loses nothing.

Only the admission service runs, on a server of this module's own: what it stores nobody takes away.
"""

import asyncio
import json
from collections import Counter
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
import pytest_asyncio
from factories import group, scenario
from requirements import requirement
from superuser import superuser

from econsim import app, subjects
from econsim.adapters.clock import SystemClock, random_id
from econsim.adapters.jetstream import provision, queue_depth
from econsim.adapters.jetstream.audit_log import read
from econsim.adapters.jetstream.quota_table import KeyQuotaTable
from econsim.adapters.nats.connection import connect
from econsim.adapters.server.embedded import EmbeddedServer
from econsim.agents.channel import AgentChannel
from econsim.app import Server, running
from econsim.domain.audit.envelope import Envelope
from econsim.runs.launch.agent_accounts import ensure_accounts
from econsim.runs.launch.flood_watch import watch_agents
from econsim.schemas.clock import RunOpened
from econsim.schemas.orders import PlaceBid
from econsim.schemas.quota import QuotaUpdate
from econsim.services.admission import gateway

pytestmark = [pytest.mark.nats, pytest.mark.asyncio(loop_scope="module")]

AGENTS = ("anna", "bert", "carl")
ANY = QuotaUpdate(max_publish_rate=100_000, max_order_rate=100_000, max_stream_bytes=10**9)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def busy():
    """A server of this module's own, and a superuser on it."""
    async with EmbeddedServer(Path(), ephemeral=True) as server:
        nc = await connect(server.url, superuser(server), "test")
        await provision.apply(nc)
        yield SimpleNamespace(server=Server(server.url, server.creds, server.trust), nc=nc)
        await nc.close()


@pytest_asyncio.fixture(loop_scope="module")
async def door(busy, run, monkeypatch):
    """A run that is open with an empty queue, its agents connected, and no limits to speak of; nobody admits yet."""
    await busy.nc.jetstream().purge_stream(subjects.ORDERS)
    wanted = scenario(*(group(agent, "external") for agent in AGENTS), clock={"mode": "real_time"})
    opened = RunOpened(scenario=wanted, salt=random_id())
    addressed = Envelope(run, opened.salt, 0, SystemClock().now()).event(subjects.RUN_OPENED, "test", opened)
    await busy.nc.jetstream().publish(addressed.subject, addressed.json())
    await KeyQuotaTable(busy.nc).change(run, None, ANY)
    async with AsyncExitStack() as stack:
        clients = {}
        for account in await ensure_accounts(busy.server, run, wanted):
            clients[account.agent] = await connect(busy.server.url, account.creds, account.agent)
            stack.push_async_callback(clients[account.agent].close)
        yield Door(busy, run, clients, remembered(monkeypatch))


def remembered(monkeypatch):
    """Return the entrances there will be, with how much each has heard."""
    made, begin, hear = Counter(), gateway.AdmissionGateway.start, gateway.AdmissionGateway._hear

    async def start(self):
        made[self] = 0
        await begin(self)

    async def counted(self, message):
        made[self] += 1
        await hear(self, message)

    monkeypatch.setattr(gateway.AdmissionGateway, "start", start)
    monkeypatch.setattr(gateway.AdmissionGateway, "_hear", counted)
    return made


class Door:
    """What agents do at the entrance of one run."""

    def __init__(self, busy, run, clients, entrances):
        self.server, self.nc, self.run, self.clients = busy.server, busy.nc, run, clients
        self.entrances = entrances

    @asynccontextmanager
    async def open(self, workers=1):
        """Run the admission service until the context ends; begins when it knows the run."""
        async with running(("admission",) * workers, self.server):
            await until(lambda: all(self.run in each._context.runs for each in self.entrances))
            yield

    async def reports(self, agent, numbers, event="said", **data):
        """Say numbers all at once; return the answers."""
        told = [json.dumps({"data": {"n": number} | data}).encode() for number in numbers]
        asking = (self.clients[agent].request(f"agent.{agent}.{event}", each, timeout=20) for each in told)
        return [json.loads(answer.data) for answer in await asyncio.gather(*asking)]

    async def orders(self, agent, numbers):
        """Place orders all at once; return the answers."""
        asking = (self.clients[agent].request("market.cpu.place_bid", bid(n), timeout=20) for n in numbers)
        return [json.loads(answer.data) for answer in await asyncio.gather(*asking)]

    async def in_turn(self, agent, numbers):
        """Place orders one after the other; return the answers."""
        return [answer for number in numbers for answer in await self.orders(agent, [number])]

    def heard(self):
        """Return how many messages were heard at the entrance."""
        return sum(self.entrances.values())

    async def told(self, subject):
        return [json.loads(event.payload) async for event in read(self.nc, self.run, [subject])]

    async def said(self, agent):
        return [event["data"]["data"]["n"] for event in await self.told(f"agent.{agent}.said.{self.run}")]

    async def queued(self):
        """Return the numbers of the orders in the queue, by agent and in order."""
        stream, found = self.nc.jetstream(), {agent: [] for agent in AGENTS}
        state = (await stream.stream_info(subjects.ORDERS)).state
        for sequence in range(state.first_seq, state.last_seq + 1):
            message = await stream.get_msg(subjects.ORDERS, sequence)
            found[message.subject.rpartition(".")[2]].append(int(json.loads(message.data)["order_id"]))
        return found

    def blocked(self, monkeypatch, agent):
        """Let nobody know an agent's limits until the event returned is set."""
        known, get = asyncio.Event(), KeyQuotaTable.get

        async def late(table, run, name):
            if name == agent:
                await known.wait()
            return await get(table, run, name)

        monkeypatch.setattr(KeyQuotaTable, "get", late)
        return known


async def until(holds):
    """Wait until something holds, which the services tell nobody."""
    async with asyncio.timeout(30):
        while not holds():  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(0.01)


def bid(number):
    return (
        PlaceBid(command_id=f"c{number}", order_id=str(number), price=1, quantity=1)
        .model_dump_json()
        .encode()
    )


def codes(answers):
    """Return how often each refusal came; what was admitted counts as stored."""
    return Counter(each["refusal"]["code"] if "refusal" in each else "stored" for each in answers)


async def test_each_agents_messages_are_stored_in_the_order_they_were_sent(door):
    async with door.open():
        answers = await asyncio.gather(
            *(say(agent, range(100)) for agent in AGENTS for say in (door.reports, door.orders))
        )

    assert {code for each in answers for code in codes(each)} == {"stored"}
    assert await door.queued() == {agent: list(range(100)) for agent in AGENTS}
    for agent in AGENTS:
        assert await door.said(agent) == list(range(100))


async def test_nothing_is_kept_of_an_agent_that_was_seen_to(door):
    async with door.open():
        await asyncio.gather(*(door.reports(agent, range(50)) for agent in AGENTS))

        (heard,) = door.entrances
        assert not heard._lines


async def test_an_agent_whose_limits_nobody_knows_yet_delays_nobody_else(door, monkeypatch):
    known = door.blocked(monkeypatch, "bert")
    async with door.open():
        waiting = asyncio.create_task(door.reports("bert", range(20)))
        answers = await door.reports("anna", range(100))
        before = await door.said("bert")
        known.set()
        late = await waiting

    assert codes(answers) == {"stored": 100}
    assert not before
    assert codes(late) == {"stored": 20}
    assert await door.said("bert") == list(range(20))


async def test_an_agent_over_its_rate_delays_nobody_else(door):
    await KeyQuotaTable(door.nc).change(door.run, "bert", QuotaUpdate(max_publish_rate=1))
    async with door.open():
        bert, anna = await asyncio.gather(door.reports("bert", range(200)), door.reports("anna", range(200)))

    assert codes(anna) == {"stored": 200}
    assert codes(bert)["publish_rate_is_exceeded"] >= 190
    assert all(0 < each["refusal"]["retry_after_ms"] <= 1_000 for each in bert if "refusal" in each)


@pytest.mark.parametrize(
    ("limit", "value", "filler"), [("WAITING_MAX", 8, ""), ("WAITING_BYTES_MAX", 80_000, "x" * 9_900)]
)
async def test_a_line_takes_so_much_and_refuses_the_rest_with_the_time_to_wait(
    door, monkeypatch, limit, value, filler
):
    monkeypatch.setattr(gateway, limit, value)
    known = door.blocked(monkeypatch, "bert")
    async with door.open():
        first = asyncio.create_task(door.reports("bert", [0]))
        await until(lambda: door.heard() == 1)
        rest = asyncio.create_task(door.reports("bert", range(1, 30), filler=filler))
        await until(lambda: door.heard() == 30)
        known.set()
        answers = [*await first, *await rest]

    # The first is being seen to, eight wait.
    assert codes(answers) == {"stored": 9, "agent_sends_too_fast": 21}
    assert {each["refusal"]["retry_after_ms"] for each in answers if "refusal" in each} == {
        queue_depth.RETRY_MS
    }
    assert await door.said("bert") == list(range(9))


async def test_a_message_that_breaks_something_holds_up_none_behind_it(door, monkeypatch):
    report_event = gateway.report_event

    def broken(envelope, where, *rest):
        if where.action == "broke":
            raise ZeroDivisionError
        return report_event(envelope, where, *rest)

    monkeypatch.setattr(gateway, "report_event", broken)
    async with door.open():
        first, behind = await asyncio.gather(
            door.reports("anna", [0], "broke"), door.reports("anna", range(5))
        )

    assert codes(first) == {"service_failed": 1}
    assert codes(behind) == {"stored": 5}


async def test_a_flood_is_told_of_once_and_ends_the_agents_connections_while_the_others_go_on(
    door, monkeypatch
):
    monkeypatch.setattr(app, "FLOOD_MAX", 500)
    # One second that does not end: a flood that spans two is told of in each.
    monkeypatch.setattr(app, "Gate", partial(app.Gate, now=lambda: 1.0))
    told, anna = [], door.clients["anna"]
    async with watch_agents(door.server, told.append), door.open():
        await door.reports("anna", [0])
        placing = asyncio.create_task(door.orders("bert", range(200)))
        for number in range(3_000):
            await anna.publish("agent.anna.shouted", str(number).encode())
        answers = await placing
        await until(lambda: told and not anna.is_connected)

    (event,) = await door.told(subjects.AGENT_SUSPENDED(run=door.run))
    assert event["data"] == {"agent": "anna", "received": 500, "allowed": 100_000}
    assert codes(answers) == {"stored": 200}
    assert (await door.queued())["bert"] == list(range(200))
    assert [each for each in told if "thrown out" in each] == told
    assert len(told) == 1


async def test_what_no_market_takes_fills_up_for_its_own_agent_only(door, monkeypatch):
    monkeypatch.setattr(queue_depth, "AGENT_MAX", 20)
    monkeypatch.setattr(queue_depth, "LOOK_S", 0.001)
    async with door.open():
        anna = await door.in_turn("anna", range(60))
        bert = await door.orders("bert", range(10))
        again = await door.orders("anna", [99])
        report = await door.reports("anna", [1])

    assert codes(anna).keys() == {"stored", "agent_has_too_many_waiting"}
    # Some may be on their way while the queue is looked at.
    assert 20 <= codes(anna)["stored"] <= 40
    assert codes(again) == {"agent_has_too_many_waiting": 1}
    assert again[0]["refusal"]["retry_after_ms"] == queue_depth.RETRY_MS
    assert codes([*bert, *report]) == {"stored": 11}


@requirement("queue.backpressure")
async def test_the_queue_as_a_whole_has_a_limit_for_agents_and_room_is_noticed(door, monkeypatch):
    monkeypatch.setattr(queue_depth, "TOTAL_MAX", 20)
    monkeypatch.setattr(queue_depth, "LOOK_S", 0.02)
    async with door.open():
        for agent in AGENTS:
            await door.in_turn(agent, range(10))
        full = await door.orders("carl", [99])
        report = await door.reports("carl", [1])
        stored = sum(map(len, (await door.queued()).values()))
        await door.nc.jetstream().purge_stream(subjects.ORDERS)
        await asyncio.sleep(10 * queue_depth.LOOK_S)
        again = await door.orders("carl", [99])

    assert codes(full) == {"queue_is_full": 1}
    assert 20 <= stored <= 30
    assert codes([*report, *again]) == {"stored": 2}


@requirement("queue.competing", "operations.scaling")
async def test_two_workers_share_the_work_and_together_exceed_no_quota(door):
    limit = 20_000
    await KeyQuotaTable(door.nc).change(door.run, "anna", QuotaUpdate(max_stream_bytes=limit))
    async with door.open(workers=2):
        answers = await door.reports("anna", range(200))

    events = [event async for event in read(door.nc, door.run, [f"agent.anna.said.{door.run}"])]
    stored = sum(len(event.payload) for event in events)
    assert len(door.entrances) == 2
    assert all(heard >= 20 for heard in door.entrances.values())
    assert codes(answers).keys() == {"stored", "stream_bytes_are_exceeded"}
    assert len(events) == codes(answers)["stored"]
    assert limit * 0.7 <= stored <= limit


async def test_a_worker_that_stops_answers_what_it_was_sent(door, monkeypatch):
    hear = gateway.AdmissionGateway._hear

    async def slowly(self, message):
        await asyncio.sleep(0.002)
        await hear(self, message)

    monkeypatch.setattr(gateway.AdmissionGateway, "_hear", slowly)
    async with door.open():
        asking = asyncio.create_task(door.reports("anna", range(150)))
        await until(lambda: door.heard() >= 20)
        before = door.heard()
    answers = await asyncio.wait_for(asking, 20)

    assert before < 150
    assert codes(answers) == {"stored": 150}


async def placed(door, number):
    """Place an order as the SDK does, until it is stored."""
    row, order = subjects.ENTER_ORDER[subjects.PLACE_BID], PlaceBid.model_validate_json(bid(number))
    return await AgentChannel(door.clients["anna"], door.run, "anna").send(row, order, resource="cpu")


@requirement("queue.process_then_ack")
async def test_over_a_restart_in_the_middle_of_a_burst_every_order_is_stored_once(door):
    places = asyncio.Semaphore(20)

    async def place(number):
        async with places:
            return await placed(door, number)

    async with door.open():
        placing = asyncio.gather(*map(place, range(400)))
        await until(lambda: door.heard() >= 100)
    stored = await provision.depth(door.nc, subjects.ORDERS)
    door.entrances.clear()
    async with door.open():
        receipts = await placing

    assert 0 < stored < 400
    assert len({receipt.seq for receipt in receipts}) == 400
    assert sorted((await door.queued())["anna"]) == list(range(400))


async def test_an_order_whose_worker_died_before_it_answered_is_stored_once(door, monkeypatch):
    async def dead(*_):
        """Answer nobody."""

    with monkeypatch.context() as dying:
        dying.setattr(gateway.AdmissionGateway, "_reply", dead)
        async with door.open():
            placing = asyncio.gather(*(placed(door, number) for number in range(100)))
            await until(lambda: door.heard() == 100)
    stored = await provision.depth(door.nc, subjects.ORDERS)
    door.entrances.clear()
    async with door.open():
        receipts = await placing

    assert stored == 100
    assert all(receipt.duplicate for receipt in receipts)
    assert sorted((await door.queued())["anna"]) == list(range(100))
