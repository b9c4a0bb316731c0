"""Messages, questions and tasks of agents beside a bare acknowledged write to the log's stream, which each of them needs.

The server, the clock, the ledger, the admission gateway and the social service are processes of their own; the agents are one
more, each with its own account. A message needs one write, a question two with its answer, a task six and four payments.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from statistics import median
from time import perf_counter

from nats.aio.client import Client
from nats.aio.msg import Msg

from benchmarks import loads, rig
from benchmarks.options import Options
from benchmarks.table import Line
from econsim import subjects
from econsim.adapters.jetstream.quota_table import KeyQuotaTable
from econsim.adapters.nats.connection import connect
from econsim.adapters.nats.rpc import ask
from econsim.adapters.poll import Poll
from econsim.agents.channel import AgentChannel
from econsim.agents.social import SocialService
from econsim.app import Server
from econsim.errors import EconsimError
from econsim.runs.launch.agent_accounts import ensure_accounts
from econsim.runs.launch.processes import spread
from econsim.runs.remote import open_run
from econsim.schemas.quota import QuotaUpdate
from econsim.schemas.social import AskAgent, Question

REPEATS = 5
TURNS = 25
"""Actions of each kind in one repetition, one at a time; 30 messages a minute go to one agent."""
AGENTS = 32
"""Agents that act at once for the rate, in pairs."""
PLENTY = 10**9
POLL_S = 0.05
CALLBACK_WRITES_MAX = 20.0


def run(options: Options) -> list[Line]:
    """Measure what an action takes, and how many a run takes a second."""
    return asyncio.run(_run(1, TURNS // 5) if options.quick else _run(REPEATS, TURNS))


async def _run(repeats: int, turns: int) -> list[Line]:
    async with _run_open() as bench:
        await bench.callbacks(0, 3)
        bare = [await bench.bare_writes(turns) for _ in range(repeats)]
        callbacks = [await bench.callbacks(number + 1, turns) for number in range(repeats)]
        tasks = [await bench.tasks(number, turns) for number in range(repeats)]
        rates = [await bench.rate(number) for number in range(repeats)]
    return [
        Line("bare acknowledged write to the log, p50", "ms", bare),
        Line("question of a person to an agent, until its answer is stored, p50", "ms", callbacks),
        Line(
            "such a question in bare writes",
            "",
            [each / write for each, write in zip(callbacks, bare, strict=True)],
            at_most=CALLBACK_WRITES_MAX,
            note="asked, delivered, answered: two writes to the log",
        ),
        Line("task from delegation to payment, p50", "ms", tasks, note="six writes, four payments"),
        Line("messages of 32 agents at once", "1/s", rates),
        Line(
            "messages a second in bare writes a second, one after the other",
            "",
            [rate * write / 1e3 for rate, write in zip(rates, bare, strict=True)],
            note="one leader stores one message after the other",
        ),
    ]


class _Bench:
    """An open run, its agents, and an operator."""

    def __init__(self, client: Client, operator: Client, clients: dict[str, Client]) -> None:
        """Act by these connections: of the server's owner, an operator, and each agent."""
        self._client, self._operator, self._clients = client, operator, clients
        self._services = {
            name: SocialService(AgentChannel(each, rig.RUN, name)) for name, each in clients.items()
        }
        self._names = sorted(clients)

    async def bare_writes(self, turns: int) -> float:
        """Return the milliseconds of a write, the median."""
        stream, subject = self._client.jetstream(), subjects.CYCLE_COMPLETED(run="bare", agent="bare")
        return await _median(turns, lambda _: stream.publish(subject, os.urandom(500)))

    async def callbacks(self, number: int, turns: int) -> float:
        """Return the milliseconds from a question to the stored answer of an agent, the median."""
        agent = self._names[number]
        service, arrived = self._services[agent], asyncio.Queue[str]()

        async def receive(message: Msg) -> None:
            question = Question.model_validate_json(message.data)
            if question.answer is None:
                arrived.put_nowait(question.question_id)

        listening = await self._clients[agent].subscribe(subjects.QUESTION_CHANGED.short, cb=receive)
        subject = subjects.ASK_AGENT(run=rig.RUN, operator="operator")

        async def turn(place: int) -> None:
            request = AskAgent(request_id=f"q{number}-{place}", agent=agent, text="Well?", deadline_ms=60_000)
            await ask(self._operator, subject, request, Question)
            await service.answer(await arrived.get(), "yes")

        try:
            return await _median(min(turns, 10), turn)
        finally:
            await listening.unsubscribe()

    async def tasks(self, number: int, turns: int) -> float:
        """Return the milliseconds of a whole task, the median."""
        one, other = self._names[0], self._names[1]
        delegator, taker = self._services[one], self._services[other]

        async def turn(place: int) -> None:
            task = await delegator.delegate_task(other, "Dig.", 1, 60, task_id=f"t{number}-{place}")
            await taker.accept_task(task.task_id)
            await taker.deliver_result(task.task_id, "A hole.")
            assert (await delegator.accept_result(task.task_id)).paid == 1

        return await _median(turns, turn)

    async def rate(self, number: int) -> float:
        """Return messages a second of all agents, a few each to each of some others."""
        started, count = perf_counter(), 0

        async def send(place: int) -> int:
            service = self._services[self._names[place]]
            for turn in range(5):
                recipient = self._names[(place + turn + number + 1) % len(self._names)]
                await service.send_message(recipient, "Hello.", message_id=f"m{number}-{turn}")
            return 5

        count = sum(await asyncio.gather(*(send(place) for place in range(len(self._names)))))
        return count / (perf_counter() - started)

    async def consent(self) -> None:
        """Have every agent consent to every other."""

        async def consent(name: str) -> None:
            for other in self._names:
                if other != name:
                    await self._services[name].set_consent(other, is_allowed=True)

        await asyncio.gather(*map(consent, self._names))


async def _median(turns: int, act: Callable[[int], Awaitable[object]]) -> float:
    times: list[float] = []
    for turn in range(turns):
        started = perf_counter()
        await act(turn)
        times.append((perf_counter() - started) * 1e3)
    return median(times)


@asynccontextmanager
async def _run_open() -> AsyncIterator[_Bench]:
    """Open a run with external agents that consent to each other."""
    async with AsyncExitStack() as stack:
        server, client = await stack.enter_async_context(rig.private_server())
        here = Server(server.url, server.creds, server.trust)
        state = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        names = ("clock", "ledger", "admission", "social")
        await stack.enter_async_context(spread(names, here, state, print))
        wanted = loads.externals(AGENTS, 1)
        clock = wanted.clock.model_copy(update={"ticks_per_period": 100})
        wanted = wanted.model_copy(update={"clock": clock})
        accounts = await ensure_accounts(here, rig.RUN, wanted)
        await open_run(client, rig.RUN, wanted)
        quotas = QuotaUpdate(max_publish_rate=PLENTY, max_stream_bytes=PLENTY)
        await KeyQuotaTable(client).change(rig.RUN, None, quotas)
        clients = {
            account.agent: await connect(server.url, account.creds, account.agent) for account in accounts
        }
        for each in clients.values():
            stack.push_async_callback(each.close)
        operator = await connect(server.url, server.creds("operator"), "operator")
        stack.push_async_callback(operator.close)
        bench = _Bench(client, operator, clients)
        await _until_served(bench)
        yield bench


async def _until_served(bench: _Bench) -> None:
    async for _ in Poll(POLL_S):
        try:
            await bench.consent()
        except EconsimError:
            continue
        return
