"""Calls of a tool through the gateway beside calls of the same tool directly: with 1, 8 and 32 callers, all arguments distinct.

The server, clock, ledger and gateway are processes of their own; the tool server is a process of the gateway, and one of the client
for the direct calls, by the same adapter. Each call through the gateway is stored, reserved, recorded, told and settled, and
every write is flushed. A bare twin (`bare_tool.py`) sends the same messages and makes the same writes, in turn with both.
"""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, contextmanager
from itertools import count
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter
from typing import NamedTuple

from nats.aio.client import Client
from nats.aio.msg import Msg

from benchmarks import loads, rig
from benchmarks.bare_tool import BareCalls, bare_worker
from benchmarks.options import Options
from benchmarks.table import Line
from econsim import subjects
from econsim.adapters.jetstream.quota_table import KeyQuotaTable
from econsim.adapters.mcp.client import ToolSession, open_session
from econsim.adapters.nats.rpc import ask_until_answered
from econsim.adapters.poll import Poll
from econsim.agents.sandbox.tool_server import launcher
from econsim.app import Server
from econsim.runs.launch.processes import Processes, spread
from econsim.runs.remote import open_run
from econsim.schemas.ledger import Balance, GetBalance
from econsim.schemas.quota import QuotaUpdate
from econsim.schemas.scenario_cognition import Cognition
from econsim.schemas.tool_server_file import StdioTable

REPEATS = 3
CALLERS = (1, 8, 32)
CALLS = 600
"""Calls of each kind in one repetition, of all callers together."""
MANY = 10_000
KILLS = 5
"""Deaths of the gateway's worker while the many calls are made."""
KILL_S = 1.0
"""Seconds from the beginning of a part of the many calls to the death of the worker."""
FAILING, HANGING = 0.2, 0.1
"""Shares of the many calls that fail, and that are not answered before their deadline."""
PATIENCE_MS = 200
"""Deadline of those."""
PLENTY = 10**12
WAIT_S, POLL_S = 60.0, 0.05
START_S = 8.0
"""Seconds after which a second worker surely takes calls."""
ADDED_P50_MS, ADDED_P99_MS = 4.0, 15.0
AT_ONCE = 64
"""Callers for the rates."""
RATE_MIN, GAIN_MIN = 400.0, 1.6
STUB = str(Path(__file__).with_name("tool_stub.py"))
FILE = f"""
[servers.stub]
kind = "stdio"
command = "python"
args = ["{STUB}"]
calls_max = 64
[servers.stub.tools.echo]
price = 0.000001
repeatable = true
[servers.kept]
kind = "stdio"
command = "python"
args = ["{STUB}"]
calls_max = 64
[servers.kept.tools.echo]
price = 0.000001
pure = true
cached_for_s = 86400
"""


class Turns(NamedTuple):
    """Milliseconds of calls of each kind, made in turn."""

    direct: list[float]
    """Calls of the tool itself."""
    paid: list[float]
    """Calls through the gateway."""
    bare: list[float]
    """Calls of the bare twin."""


class Rates(NamedTuple):
    """Calls a second, taken in turn."""

    one_worker: float
    """Calls through one worker."""
    two_workers: float
    """Calls through two workers."""
    bare: float
    """Calls of the bare twin."""


CallOf = Callable[[str, str], Awaitable[object]]
"""Makes the call of an agent with a text."""

SecondWorker = Callable[[], AbstractAsyncContextManager[None]]
"""Runs one more worker of the gateway for the time of a context."""


def run(options: Options) -> list[Line]:
    """Measure what the gateway adds, its rate, and what is left reserved after many calls of which a part fails."""
    return asyncio.run(_run(1, CALLS // 4, MANY // 20) if options.quick else _run(REPEATS, CALLS, MANY))


async def _run(repeats: int, calls: int, many: int) -> list[Line]:
    async with open_gateway(max(CALLERS)) as gateway:
        await gateway.times(gateway.paid, 8, calls // 4)
        lines: list[Line] = []
        for callers in CALLERS:
            turns = [await gateway.turns(callers, calls) for _ in range(repeats)]
            lines += _added(callers, turns)
        lines.append(await _hits(gateway, repeats, calls))
        lines += _rates([await gateway.rates(AT_ONCE, calls) for _ in range(repeats)])
        lines.append(await _left(gateway, many, KILLS if repeats > 1 else 1))
    return lines


def _added(callers: int, turns: Sequence[Turns]) -> list[Line]:
    name = f"{callers} callers"
    p50 = [median(each.paid) - median(each.direct) for each in turns]
    p99 = [_tail(each.paid) - _tail(each.direct) for each in turns]
    bare = [median(each.bare) - median(each.direct) for each in turns]
    is_goal = callers == max(CALLERS)
    return [
        Line(f"a tool directly, {name}, p50", "ms", [median(each.direct) for each in turns]),
        Line(f"the gateway, {name}, p50 added", "ms", p50, at_most=ADDED_P50_MS if is_goal else None),
        Line(f"its bare twin, {name}, p50 added", "ms", bare),
        Line(f"the gateway, {name}, p99 added", "ms", p99, at_most=ADDED_P99_MS if is_goal else None),
    ]


def _rates(rates: Sequence[Rates]) -> list[Line]:
    note = f"{AT_ONCE} callers"
    gain = [each.two_workers / each.one_worker for each in rates]
    return [
        Line(
            "calls of a tool through one worker",
            "1/s",
            [each.one_worker for each in rates],
            at_least=RATE_MIN,
            note=note,
        ),
        Line("calls of its bare twin", "1/s", [each.bare for each in rates], note=note),
        Line(
            "calls through two workers over one",
            "",
            gain,
            at_least=GAIN_MIN,
            note="both workers, the ledger, the server and the client on the same processors",
        ),
    ]


async def _hits(gateway: Gateway, repeats: int, calls: int) -> Line:
    await gateway.hit("rich_001", "")
    times = [median(await gateway.times(gateway.hit, 1, calls)) for _ in range(repeats)]
    return Line("a hit of the gateway's cache, 1 callers, p50", "ms", times)


async def _left(gateway: Gateway, calls: int, kills: int) -> Line:
    """Make many calls of which a part fails, while the worker dies again and again; return the line of what is left reserved."""
    for _ in range(kills):
        async with asyncio.TaskGroup() as group:
            group.create_task(gateway.times(gateway.paid_or_failed, AT_ONCE, calls // kills))
            await asyncio.sleep(KILL_S)
            gateway.kill_worker()
    left = 0
    # A settlement that no reply waits for comes after it, and those of a killed worker are its successor's.
    async for _ in Poll(POLL_S, WAIT_S):
        left = sum([await gateway.reserved(f"rich_{n:03}") for n in range(1, max(CALLERS) + 1)])
        if not left:
            break
    note = (
        f"{FAILING:.0%} fail, {HANGING:.0%} time out, the worker is killed {kills} times; "
        f"{gateway.failures:,} other failures"
    )
    return Line(f"{calls:,} calls: micro-credits left reserved", "", [left], exactly=0.0, note=note)


class Gateway:
    """An open run whose agents call a tool, and a session of one's own with the same tool server."""

    def __init__(
        self,
        client: Client,
        processes: Processes,
        session: ToolSession,
        bare: BareCalls,
        second_worker: SecondWorker,
    ) -> None:
        """Call through the gateway with a client of the services' account, directly with a session, and the twin."""
        self._client = client
        self._processes = processes
        self._session = session
        self._bare = bare
        self._second_worker = second_worker
        self._numbers = count()
        self._waiting: dict[str, asyncio.Future[dict]] = {}
        self.failures = 0
        """Number of calls that failed though they should not."""

    async def listen(self) -> None:
        """Receive the replies to all agents."""
        await self._client.subscribe(subjects.TOOL_REPLIED.pattern(run=rig.RUN), cb=self._receive)

    async def turns(self, callers: int, calls: int) -> Turns:
        """Return the milliseconds of calls of each kind, made in turn."""
        found = Turns([], [], [])
        for _ in range(2):
            for kind, call in zip(found, (self.direct, self.paid, self._bare.call), strict=True):
                kind.extend(await self.times(call, callers, calls // 2))
        return found

    async def rates(self, callers: int, calls: int) -> Rates:
        """Return calls a second through one worker, of the twin, and through two workers."""
        one, bare = (
            await self._rate(self.paid, callers, calls),
            await self._rate(self._bare.call, callers, calls),
        )
        async with self._second_worker():
            await self.times(self.paid, callers, calls)  # until both are warm
            two = await self._rate(self.paid, callers, calls)
        return Rates(one, two, bare)

    async def _rate(self, call: CallOf, callers: int, calls: int) -> float:
        started = perf_counter()
        return len(await self.times(call, callers, 2 * calls)) / (perf_counter() - started)

    async def times(self, call: CallOf, callers: int, calls: int) -> list[float]:
        """Return the milliseconds of so many calls by so many callers at once."""
        times: list[float] = []

        async def work(agent: str) -> None:
            for _ in range(calls // callers):
                started = perf_counter()
                await call(agent, f"text {next(self._numbers)}")
                times.append((perf_counter() - started) * 1e3)

        async with asyncio.TaskGroup() as group:
            for n in range(callers):
                group.create_task(work(f"rich_{n % max(CALLERS) + 1:03}"))
        return times

    async def direct(self, _: str, text: str) -> None:
        """Call the tool without econsim."""
        await self._session.call("echo", {"text": text}, WAIT_S)

    async def paid(self, agent: str, text: str) -> None:
        """Call the tool through the gateway."""
        reply = await self._reply(agent, text)
        self.failures += reply["error"] is not None

    async def paid_or_failed(self, agent: str, text: str) -> None:
        """Call the tool through the gateway; a part of the calls fails on purpose."""
        share = next(self._numbers) % 10 / 10
        fails, hangs = share < FAILING, FAILING <= share < FAILING + HANGING
        asked = f"fail {text}" if fails else f"hang {text}" if hangs else text
        reply = await self._reply(agent, asked, timeout_ms=PATIENCE_MS if hangs else 60_000)
        self.failures += (reply["error"] is not None) is not (fails or hangs)

    async def hit(self, agent: str, _: str) -> None:
        """Make the same call again and again, of a tool whose results are kept."""
        reply = await self._reply(agent, "the same", server="kept")
        self.failures += reply["error"] is not None

    def kill_worker(self) -> None:
        """Kill the first worker of the gateway; its supervisor starts another one."""
        self._processes.running["mcp"].kill()

    async def reserved(self, agent: str) -> int:
        """Return the micro-credits that an agent has reserved."""
        subject = subjects.GET_BALANCE(run=rig.RUN, agent=agent)
        return (await ask_until_answered(self._client, subject, GetBalance(), Balance)).credits.pending

    async def wait_for_tools(self) -> None:
        """Wait until a call is answered with a result."""
        async for _ in Poll(POLL_S):
            if (await self._reply("rich_001", "are you there?"))["error"] is None:
                return

    async def _reply(self, agent: str, text: str, server: str = "stub", timeout_ms: int = 60_000) -> dict:
        id_ = f"call{next(self._numbers)}"
        waiting = self._waiting[id_] = asyncio.get_running_loop().create_future()
        body = {"msg_id": id_, "tool": "echo", "params": {"text": text}, "timeout_ms": timeout_ms}
        command = subjects.CALL_TOOL(server=server, run=rig.RUN, agent=agent)
        await self._client.publish(command, json.dumps(body).encode())
        return await asyncio.wait_for(waiting, WAIT_S)

    async def _receive(self, message: Msg) -> None:
        reply = json.loads(message.data)
        if waiting := self._waiting.pop(reply["msg_id"], None):
            waiting.set_result(reply)


@asynccontextmanager
async def open_gateway(agents: int) -> AsyncIterator[Gateway]:
    """Start a server, the services and a session of one's own; open a run of so many agents."""
    async with AsyncExitStack() as stack:
        state = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        stack.enter_context(_environment("ECONSIM_TOOLS", _written(state / "tools.toml")))
        table = StdioTable(kind="stdio", command="python", args=(STUB,), calls_max=64)
        start = launcher(os.environ, ())
        session = await stack.enter_async_context(open_session("stub", table, start, {}))
        server, client = await stack.enter_async_context(rig.private_server())
        where = Server(server.url, server.creds)
        services = spread(("clock", "ledger", "mcp"), where, state, print)
        processes = await stack.enter_async_context(services)
        bare = await stack.enter_async_context(bare_worker(server, client))

        @asynccontextmanager
        async def second_worker() -> AsyncIterator[None]:
            async with spread(("mcp",), where, state / "second", print):
                await asyncio.sleep(START_S)
                yield

        scenario = loads.callers({"rich": (agents, PLENTY)}, Cognition())
        await open_run(client, rig.RUN, scenario)
        await KeyQuotaTable(client).change(rig.RUN, None, QuotaUpdate(max_mcp_calls_per_hour=PLENTY))
        gateway = Gateway(client, processes, session, bare, second_worker)
        await gateway.listen()
        await gateway.wait_for_tools()
        yield gateway


@contextmanager
def _environment(name: str, value: str) -> Iterator[None]:
    os.environ[name] = value
    try:
        yield
    finally:
        del os.environ[name]


def _written(path: Path) -> str:
    path.write_text(FILE)
    return str(path)


def _tail(times: list[float]) -> float:
    return quantiles(times, n=100)[98]
