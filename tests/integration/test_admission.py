"""Admission on a real server, under load: order, limits of the queue, floods, several workers, restarts.

Only the admission service runs, on a server of this module's own: nobody removes the orders that it stores.
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
from eventually import eventually
from factories import group, scenario
from requirements import requirement
from superuser import superuser

from econsim import app, subjects
from econsim.adapters.clock import SystemClock, random_id
from econsim.adapters.jetstream import provision, queue_depth
from econsim.adapters.jetstream.audit_log import read
from econsim.adapters.jetstream.quota_table import KeyQuotaTable
from econsim.adapters.nats.connection import connect
from econsim.adapters.nats.rate_gate import CROSSED
from econsim.adapters.server.embedded import EmbeddedServer
from econsim.agents.channel import AgentChannel
from econsim.app import Server
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
async def server_of_its_own():
    """A server of this module's own, and a superuser on it."""
    async with EmbeddedServer(Path(), ephemeral=True) as server:
        nc = await connect(server.url, superuser(server), "test")
        await provision.apply(nc)
        yield SimpleNamespace(server=Server(server.url, server.creds, server.trust), nc=nc)
        await nc.close()


@pytest_asyncio.fixture(loop_scope="module")
async def agents(server_of_its_own, run):
    """A run that is open with an empty queue and its agents connected, with high limits; no worker admits yet."""
    server = server_of_its_own
    await server.nc.jetstream().purge_stream(subjects.ORDERS)
    wanted = scenario(*(group(agent, "external") for agent in AGENTS), clock={"mode": "real_time"})
    opened = RunOpened(scenario=wanted, salt=random_id())
    addressed = Envelope(run, opened.salt, 0, SystemClock().now()).event(subjects.RUN_OPENED, "test", opened)
    await server.nc.jetstream().publish(addressed.subject, addressed.json())
    await KeyQuotaTable(server.nc).change(run, None, ANY)
    async with AsyncExitStack() as stack:
        clients = {}
        for account in await ensure_accounts(server.server, run, wanted):
            clients[account.agent] = await connect(server.server.url, account.creds, account.agent)
            stack.push_async_callback(clients[account.agent].close)
        yield Agents(server, run, clients)


class Agents:
    """The agents of one run, and the workers of the admission service."""

    def __init__(self, server, run, clients):
        self.server, self.nc, self.run, self.clients = server.server, server.nc, run, clients
        self.received = []

    @asynccontextmanager
    async def admission_running(self, workers=1, deliver=None, lose_replies=False):
        """Run the admission service; begins when it knows the run. `deliver` stands between connection and gateway."""
        services = [app.make("admission", self.server) for _ in range(workers)]
        self.received = [0] * workers
        try:
            for number, service in enumerate(services):
                await service.context.broker.start()
                self.watch(number, service.context.client, deliver, lose_replies)
                await service.start()
            await eventually(lambda: all(self.run in service.context.runs for service in services))
            yield
        finally:
            for service in services:
                await service.stop()
                await service.context.broker.stop()

    def watch(self, number, client, deliver, lose_replies):
        """Count the messages that a worker's gateway receives."""
        subscribe, publish = client.subscribe, client.publish

        async def counted(subject, *rest, cb=None, **more):
            async def receive(message):
                self.received[number] += 1
                await (deliver(cb, message) if deliver else cb(message))

            return await subscribe(subject, *rest, cb=receive if subject == gateway.PATTERN else cb, **more)

        async def lost(subject, *rest, **more):
            if not subject.startswith(CROSSED.decode()):
                await publish(subject, *rest, **more)

        client.subscribe = counted
        if lose_replies:
            client.publish = lost

    async def reports(self, agent, numbers, event="said", **data):
        """Report numbers all at once; return the answers."""
        bodies = [json.dumps({"data": {"n": number} | data}).encode() for number in numbers]
        asking = (self.clients[agent].request(f"agent.{agent}.{event}", each, timeout=20) for each in bodies)
        return [json.loads(answer.data) for answer in await asyncio.gather(*asking)]

    async def orders(self, agent, numbers):
        """Place orders all at once; return the answers."""
        asking = (self.clients[agent].request("market.cpu.place_bid", bid(n), timeout=20) for n in numbers)
        return [json.loads(answer.data) for answer in await asyncio.gather(*asking)]

    async def in_turn(self, agent, numbers):
        """Place orders one after the other; return the answers."""
        return [answer for number in numbers for answer in await self.orders(agent, [number])]

    async def events(self, subject):
        return [json.loads(event.payload) async for event in read(self.nc, self.run, [subject])]

    async def reported(self, agent):
        return [event["data"]["data"]["n"] for event in await self.events(f"agent.{agent}.said.{self.run}")]

    async def queued(self):
        """Return the numbers of the orders in the queue, by agent and in order."""
        stream, found = self.nc.jetstream(), {agent: [] for agent in AGENTS}
        state = (await stream.stream_info(subjects.ORDERS)).state
        for sequence in range(state.first_seq, state.last_seq + 1):
            message = await stream.get_msg(subjects.ORDERS, sequence)
            found[message.subject.rpartition(".")[2]].append(int(json.loads(message.data)["order_id"]))
        return found


def bid(number):
    return (
        PlaceBid(command_id=f"c{number}", order_id=str(number), price=1, quantity=1)
        .model_dump_json()
        .encode()
    )


def codes(answers):
    """Return the number of answers by code; an admitted message counts as stored."""
    return Counter(each["refusal"]["code"] if "refusal" in each else "stored" for each in answers)


async def test_each_agents_messages_are_stored_in_the_order_they_were_sent(agents):
    async with agents.admission_running():
        answers = await asyncio.gather(
            *(say(agent, range(100)) for agent in AGENTS for say in (agents.reports, agents.orders))
        )

    assert {code for each in answers for code in codes(each)} == {"stored"}
    assert await agents.queued() == {agent: list(range(100)) for agent in AGENTS}
    for agent in AGENTS:
        assert await agents.reported(agent) == list(range(100))


async def test_an_agent_over_its_rate_delays_nobody_else(agents):
    await KeyQuotaTable(agents.nc).change(agents.run, "bert", QuotaUpdate(max_publish_rate=1))
    async with agents.admission_running():
        bert, anna = await asyncio.gather(
            agents.reports("bert", range(200)), agents.reports("anna", range(200))
        )

    assert codes(anna) == {"stored": 200}
    assert codes(bert)["publish_rate_is_exceeded"] >= 190
    assert all(0 < each["refusal"]["retry_after_ms"] <= 1_000 for each in bert if "refusal" in each)


async def test_a_flood_is_announced_once_and_ends_the_agents_connections_while_the_others_go_on(
    agents, monkeypatch
):
    monkeypatch.setattr(app, "FLOOD_MAX", 500)
    # One second that does not end: a flood that spans two is announced in each.
    monkeypatch.setattr(app, "RateGate", partial(app.RateGate, now=lambda: 1.0))
    announced, anna = [], agents.clients["anna"]
    async with watch_agents(agents.server, announced.append), agents.admission_running():
        await agents.reports("anna", [0])
        placing = asyncio.create_task(agents.orders("bert", range(200)))
        for number in range(3_000):
            await anna.publish("agent.anna.shouted", str(number).encode())
        answers = await placing
        await eventually(lambda: announced and not anna.is_connected)

    (event,) = await agents.events(subjects.AGENT_SUSPENDED(run=agents.run))
    assert event["data"] == {"agent": "anna", "received": 500, "allowed": 100_000}
    assert codes(answers) == {"stored": 200}
    assert (await agents.queued())["bert"] == list(range(200))
    assert [each for each in announced if "thrown out" in each] == announced
    assert len(announced) == 1


async def test_orders_that_no_market_takes_hold_back_only_their_agent(agents, monkeypatch):
    monkeypatch.setattr(queue_depth, "AGENT_MAX", 20)
    monkeypatch.setattr(queue_depth, "POLL_INTERVAL_S", 0.001)
    async with agents.admission_running():
        anna = await agents.in_turn("anna", range(60))
        bert = await agents.orders("bert", range(10))
        again = await agents.orders("anna", [99])
        report = await agents.reports("anna", [1])

    assert codes(anna).keys() == {"stored", "agent_has_too_many_waiting"}
    # Some may be on their way while the queue is looked at.
    assert 20 <= codes(anna)["stored"] <= 40
    assert codes(again) == {"agent_has_too_many_waiting": 1}
    assert again[0]["refusal"]["retry_after_ms"] == queue_depth.RETRY_MS
    assert codes([*bert, *report]) == {"stored": 11}


@requirement("queue.backpressure")
async def test_the_queue_as_a_whole_has_a_limit_for_agents_and_new_room_is_noticed(agents, monkeypatch):
    monkeypatch.setattr(queue_depth, "TOTAL_MAX", 20)
    monkeypatch.setattr(queue_depth, "POLL_INTERVAL_S", 0.02)
    async with agents.admission_running():
        for agent in AGENTS:
            await agents.in_turn(agent, range(10))
        full = await agents.orders("carl", [99])
        report = await agents.reports("carl", [1])
        stored = sum(map(len, (await agents.queued()).values()))
        await agents.nc.jetstream().purge_stream(subjects.ORDERS)
        await asyncio.sleep(10 * queue_depth.POLL_INTERVAL_S)
        again = await agents.orders("carl", [99])

    assert codes(full) == {"queue_is_full": 1}
    assert 20 <= stored <= 30
    assert codes([*report, *again]) == {"stored": 2}


@requirement("queue.competing", "operations.scaling")
async def test_two_workers_share_the_work_and_together_exceed_no_quota(agents):
    limit = 20_000
    await KeyQuotaTable(agents.nc).change(agents.run, "anna", QuotaUpdate(max_stream_bytes=limit))
    async with agents.admission_running(workers=2):
        answers = await agents.reports("anna", range(200))

    events = [event async for event in read(agents.nc, agents.run, [f"agent.anna.said.{agents.run}"])]
    stored = sum(len(event.payload) for event in events)
    assert min(agents.received) >= 20
    assert codes(answers).keys() == {"stored", "stream_bytes_are_exceeded"}
    assert len(events) == codes(answers)["stored"]
    assert limit * 0.7 <= stored <= limit


async def test_a_worker_that_stops_answers_the_messages_it_received(agents):
    async def slowly(receive, message):
        await asyncio.sleep(0.002)
        await receive(message)

    async with agents.admission_running(deliver=slowly):
        asking = asyncio.create_task(agents.reports("anna", range(150)))
        await eventually(lambda: sum(agents.received) >= 20)
        before = sum(agents.received)
    answers = await asyncio.wait_for(asking, 20)

    assert before < 150
    assert codes(answers) == {"stored": 150}


async def place_order(agents, number):
    """Place an order as the SDK does, until it is stored."""
    row, order = subjects.ENTER_ORDER[subjects.PLACE_BID], PlaceBid.model_validate_json(bid(number))
    return await AgentChannel(agents.clients["anna"], agents.run, "anna").send(row, order, resource="cpu")


@requirement("queue.process_then_ack")
async def test_over_a_restart_in_the_middle_of_a_burst_every_order_is_stored_once(agents):
    places = asyncio.Semaphore(20)

    async def place(number):
        async with places:
            return await place_order(agents, number)

    async with agents.admission_running():
        placing = asyncio.gather(*map(place, range(400)))
        await eventually(lambda: sum(agents.received) >= 100)
    stored = await provision.depth(agents.nc, subjects.ORDERS)
    async with agents.admission_running():
        receipts = await placing

    assert 0 < stored < 400
    assert len({receipt.seq for receipt in receipts}) == 400
    assert sorted((await agents.queued())["anna"]) == list(range(400))


async def test_an_order_whose_worker_died_before_it_answered_is_stored_once(agents):
    async with agents.admission_running(lose_replies=True):
        placing = asyncio.gather(*(place_order(agents, number) for number in range(100)))
        await eventually(lambda: sum(agents.received) == 100)
    stored = await provision.depth(agents.nc, subjects.ORDERS)
    async with agents.admission_running():
        receipts = await placing

    assert stored == 100
    assert all(receipt.duplicate for receipt in receipts)
    assert sorted((await agents.queued())["anna"]) == list(range(100))
