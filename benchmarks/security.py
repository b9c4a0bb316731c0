"""The cost of a secured bus: the same services, orders and requests on a secured server and on an open one.

Secured: operator mode, a user with explicit permissions for each service, an account for each agent, whose
orders and questions cross into `SIM` by imports. Open: a nats-server without any of it, where agents write
the long names themselves. Both stand side by side and are measured in turn.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter, process_time

from nats.aio.client import Client

from benchmarks import rig
from benchmarks.loads import RESOURCE, externals
from benchmarks.options import Options
from benchmarks.table import Line
from econsim import subjects
from econsim.adapters.jetstream import provision
from econsim.adapters.jetstream.quota_table import KeyQuotaTable
from econsim.adapters.nats.connection import connect
from econsim.adapters.server import binary
from econsim.adapters.server.state_directory import free_port
from econsim.app import Server, running
from econsim.identity.agent_account import short_name
from econsim.routers import SERVICES
from econsim.runs.launch.agent_accounts import ensure_accounts
from econsim.runs.remote import open_run
from econsim.schemas.ledger import GetBalance
from econsim.schemas.orders import PlaceAsk, PlaceBid
from econsim.schemas.quota import QuotaUpdate
from econsim.schemas.scenario import Scenario
from econsim.schemas.subject import Subject
from econsim.services.reply_check import ReplySubjectCheck

REPEATS = 7
AGENTS = 20
ORDERS = 3_000
WINDOW = 16
"""Orders under way at once, of each agent."""
QUESTIONS = 500
ROUNDS = 5
"""Turns with and without the check."""
COST_MAX = 1.10
"""Open over secured, at most: ten percent."""
TICKS = 100
"""Minutes the market stays open, at most."""
CHECKED_MIN = 0.9
"""Requests with the check over requests without it, at least."""
UNBOUNDED = 2**40
UNITS = 1_000
"""Units each seller has: more than it ever sells here."""

CONFIG = """
listen: "127.0.0.1:{port}"
max_payload: 8388608
jetstream {{ store_dir: "{store}", sync_interval: always }}
"""

Name = Callable[[str, Subject], str]
"""Agent and row of the table → the subject that the agent writes."""


@dataclass(slots=True)
class Side:
    """One of the two servers, with a run that is open."""

    clients: dict[str, Client]
    """Agent → its connection."""
    name: Name
    """What agents write."""
    control: Client
    """Sees everything."""
    pid: int
    """Its server's process."""
    sent: int = 0
    """Orders sent so far: their ids go on."""


def run(options: Options) -> list[Line]:
    """Measure in turn; the ratios are taken pair by pair."""
    return asyncio.run(_run(1 if options.quick else REPEATS, ORDERS // 5 if options.quick else ORDERS))


async def _run(repeats: int, orders: int) -> list[Line]:
    rates: dict[str, list[float]] = {"open": [], "secured": []}
    efforts: dict[str, list[float]] = {"open": [], "secured": []}
    waits: dict[str, list[float]] = {"open": [], "secured": []}
    checked: list[float] = []
    async with AsyncExitStack() as stack:
        sides = {
            "open": await stack.enter_async_context(_open()),
            "secured": await stack.enter_async_context(_secured()),
        }
        for turn in range(repeats + 1):
            for name, side in sides.items():
                rate, effort = await _pour(side, orders)
                if turn:  # the first is a warm-up
                    rates[name].append(rate)
                    efforts[name].append(effort)
            for name, wait in (await _ask(sides)).items():
                waits[name].append(wait)
            checked.append(await _checked(sides["secured"]))
    slower = [o / s for o, s in zip(rates["open"], rates["secured"], strict=True)]
    harder = [s / o for o, s in zip(efforts["open"], efforts["secured"], strict=True)]
    later = [s / o for o, s in zip(waits["open"], waits["secured"], strict=True)]
    note = f"{AGENTS} agents, {WINDOW} orders of each under way, settled and logged"
    return [
        Line("open server: orders of agents", "1/s", rates["open"], note=note),
        Line("secured server: orders of agents", "1/s", rates["secured"], note=note),
        Line("order throughput, open over secured", "", slower, at_most=COST_MAX),
        Line(
            "processor time of an order, secured over open",
            "",
            harder,
            note="server, services and agents; holds whatever else the machine does",
        ),
        Line("open server: get_balance, p50", "ms", waits["open"]),
        Line("secured server: get_balance, p50", "ms", waits["secured"]),
        Line("get_balance p50, secured over open", "", later, at_most=COST_MAX),
        Line(
            "get_balance a second, with the check of quotas over without",
            "",
            checked,
            at_least=CHECKED_MIN,
            note=f"{AGENTS} agents, {WINDOW} questions of each under way, in turn",
        ),
    ]


def _scenario() -> Scenario:
    """Return a market of external agents that stays open for as long as this takes."""
    found = externals(AGENTS, UNITS)
    return found.model_copy(update={"clock": found.clock.model_copy(update={"ticks_per_period": TICKS})})


@asynccontextmanager
async def _secured() -> AsyncIterator[Side]:
    async with AsyncExitStack() as stack:
        embedded, control = await stack.enter_async_context(rig.private_server())
        server = Server(embedded.url, embedded.creds, embedded.trust)
        await stack.enter_async_context(running(tuple(SERVICES), server))
        await _opened(control)
        accounts = {each.agent: each.creds for each in await ensure_accounts(server, rig.RUN, _scenario())}
        clients = {agent: await connect(embedded.url, creds, agent) for agent, creds in accounts.items()}
        for client in clients.values():
            stack.push_async_callback(client.close)
        yield await _ready(Side(clients, _short, control, embedded.pid))


@asynccontextmanager
async def _open() -> AsyncIterator[Side]:
    async with AsyncExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        url, pid = await stack.enter_async_context(_plain_server(home))
        control = await connect(url, None, "bench")
        stack.push_async_callback(control.close)
        await provision.apply(control)
        server = Server(url, lambda role: home / f"{role}.creds")
        await stack.enter_async_context(running(tuple(SERVICES), server))
        await _opened(control)
        agents = [
            f"{side}_{number:03}" for side in ("buyer", "seller") for number in range(1, AGENTS // 2 + 1)
        ]
        clients = {agent: await connect(url, None, agent) for agent in agents}
        for client in clients.values():
            stack.push_async_callback(client.close)
        yield await _ready(Side(clients, _long, control, pid))


@asynccontextmanager
async def _plain_server(home: Path) -> AsyncIterator[tuple[str, int]]:
    """Run a nats-server without credentials."""
    port = free_port()
    config = home / "open.conf"
    config.write_text(CONFIG.format(port=port, store=home / "data"))
    process = await asyncio.create_subprocess_exec(
        str(binary.find()), "--config", str(config), stderr=asyncio.subprocess.DEVNULL
    )
    try:
        yield f"nats://127.0.0.1:{port}", process.pid
    finally:
        process.terminate()
        await process.wait()


async def _opened(control: Client) -> None:
    await KeyQuotaTable(control).change(
        rig.RUN,
        None,
        QuotaUpdate(max_publish_rate=UNBOUNDED, max_order_rate=UNBOUNDED, max_open_orders=UNBOUNDED),
    )
    await open_run(control, rig.RUN, _scenario())


async def _ready(side: Side) -> Side:
    """Wait until every service answers the agents."""
    agent, client = next(iter(side.clients.items()))
    await rig.first_answer(client, side.name(agent, subjects.GET_BALANCE), b"{}")
    return side


def _short(agent: str, row: Subject) -> str:
    places = {"resource": RESOURCE} if "resource" in row.places else {}
    return short_name(row, agent, **places)


def _long(agent: str, row: Subject) -> str:
    places = {"resource": RESOURCE} if "resource" in row.places else {}
    return row(run=rig.RUN, agent=agent, **places)


async def _pour(side: Side, orders: int) -> tuple[float, float]:
    """Send orders from all agents and wait until the queue is done with them.

    Returns orders a second, and the processor milliseconds of one.
    """
    share = orders // len(side.clients)
    started, before = perf_counter(), process_time() + rig.processor_seconds(side.pid)
    await asyncio.gather(*(_trade(side, agent, client, share) for agent, client in side.clients.items()))
    while await provision.depth(side.control, subjects.ORDERS):
        await asyncio.sleep(0.005)
    side.sent += share
    sent, spent = share * len(side.clients), process_time() + rig.processor_seconds(side.pid) - before
    return sent / (perf_counter() - started), 1e3 * spent / sent


async def _trade(side: Side, agent: str, client: Client, share: int) -> None:
    buys = agent.startswith("buyer")
    row = subjects.ENTER_ORDER[subjects.PLACE_BID if buys else subjects.PLACE_ASK]
    model, subject = PlaceBid if buys else PlaceAsk, side.name(agent, row)
    gate = asyncio.Semaphore(WINDOW)

    async def send(number: int) -> None:
        id_ = f"o{number}"
        order = model(command_id=id_, order_id=id_, price=2_000_000, quantity=1)
        async with gate:
            answer = await client.request(subject, order.model_dump_json().encode(), timeout=30)
        assert b'"error"' not in answer.data, answer.data

    await asyncio.gather(*(send(side.sent + i) for i in range(share)))


async def _ask(sides: dict[str, Side]) -> dict[str, float]:
    """Ask both for a balance, in turn, one question at a time; return the medians in milliseconds."""
    times: dict[str, list[float]] = {name: [] for name in sides}
    question = GetBalance().model_dump_json().encode()
    for _ in range(QUESTIONS):
        for name, side in sides.items():
            agent, client = next(iter(side.clients.items()))
            started = perf_counter()
            await client.request(side.name(agent, subjects.GET_BALANCE), question, timeout=5)
            times[name].append((perf_counter() - started) * 1e3)
    return {name: median(found) for name, found in times.items()}


async def _checked(side: Side) -> float:
    """Ask for balances from all agents as fast as answers come; return the rate with the check over the one without.

    Without it the service's middleware lets everything pass, as it does for trusted callers.
    """
    rates: dict[bool, list[float]] = {True: [], False: []}
    check = ReplySubjectCheck.check
    for _ in range(ROUNDS):
        for checking in (True, False):
            ReplySubjectCheck.check = check if checking else _unchecked  # type: ignore[method-assign]  # one service, both ways
            rates[checking].append(await _ask_all(side))
    ReplySubjectCheck.check = check  # type: ignore[method-assign]  # as it was
    return median(rates[True]) / median(rates[False])


async def _unchecked(_: ReplySubjectCheck, __: object) -> None:
    """Let a message pass."""


async def _ask_all(side: Side) -> float:
    """Return requests a second, from all agents at once."""
    question = GetBalance().model_dump_json().encode()

    async def ask(agent: str, client: Client) -> None:
        for _ in range(QUESTIONS // WINDOW):
            await client.request(side.name(agent, subjects.GET_BALANCE), question, timeout=30)

    started = perf_counter()
    asking = [ask(agent, client) for agent, client in side.clients.items() for _ in range(WINDOW)]
    await asyncio.gather(*asking)
    return len(asking) * (QUESTIONS // WINDOW) / (perf_counter() - started)
