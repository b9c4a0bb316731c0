"""An open run whose agents pay for calls of a stub provider, and a client that calls the service, the stub and the bare twin.

The server, clock, ledger and cognition service, the stub and the asking client are processes of their own.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

from nats.aio.client import Client

from benchmarks import budgets, loads, rig, stub
from benchmarks.bare_call import bare_call, bare_processes
from econsim import subjects
from econsim.adapters.jetstream.quota_table import KeyQuotaTable
from econsim.adapters.jetstream.state_store import JetStreamStateStore
from econsim.adapters.nats.rpc import ask, ask_until_answered
from econsim.adapters.poll import Poll
from econsim.app import Server
from econsim.domain.cognition.plan import plan_call
from econsim.domain.cognition.price import actual_cost
from econsim.errors import Unavailable
from econsim.ports import ModelProvider
from econsim.runs.launch.processes import spread
from econsim.runs.remote import open_run
from econsim.schemas.cognition import InvokeLlm, LlmAnswer
from econsim.schemas.ledger import Balance, GetBalance
from econsim.schemas.model_call import Call, CallPosition, ChatMessage, ChatRole, Prompt, TokenUsage
from econsim.schemas.quota import QuotaUpdate
from econsim.schemas.scenario_cognition import Cognition
from econsim.services.cognition.providers import close_providers, configured_providers
from econsim.services.gc_tuning import collect_rarely
from econsim.services.ledger.stored import StoredLedger

PLENTY = 10**12
"""Credits of agents that never run out, and quotas that never end, in micro-credits and tokens."""
WAIT_S, POLL_S = 60.0, 0.05
COGNITION = Cognition.model_validate({"models": [{"offers": [{"provider": stub.PROVIDER}]}]})
PROMPT = Prompt(
    messages=(
        ChatMessage(ChatRole.SYSTEM, "You trade on a market. Answer with JSON alone."),
        ChatMessage(ChatRole.USER, '{"agent":"buyer_001","tick":1,"period":1,"credits":"100"}' * 8),
    ),
    max_tokens=100,
)
"""Prompt of every call: half a kilobyte."""
PAYLOAD = PROMPT.model_dump_json().encode()
"""Request of the bare twin."""

CallOf = Callable[[str, int], Awaitable[object]]
"""Makes the call of an agent at a cycle."""


class Turns(NamedTuple):
    """Milliseconds of calls of each kind, made in turn."""

    paid: list[float]
    """Calls by `llm.invoke`."""
    direct: list[float]
    """Calls of the provider itself."""
    bare: list[float]
    """Calls of the bare twin."""


class Callers:
    """An open run, and a provider."""

    def __init__(self, client: Client, provider: ModelProvider) -> None:
        """Ask by this client, and this provider directly."""
        self._client = client
        self._provider = provider
        self._cycle = 0

    async def turns(self, at_once: int, calls: int) -> Turns:
        """Make calls of all kinds in turn: so many at once, `calls` of each of those."""
        paid: list[float] = []
        direct: list[float] = []
        bare: list[float] = []
        rounds = calls if at_once == 1 else 2
        for _ in range(rounds):
            paid += await self._times(self._invoke, at_once, calls // rounds)
            direct += await self._times(self._complete, at_once, calls // rounds)
            bare += await self._times(self._bare, at_once, calls // rounds)
        return Turns(paid, direct, bare)

    async def rate(self, at_once: int, calls: int) -> float:
        """Return paid calls a second, so many at once."""
        started = perf_counter()
        return len(await self._times(self._invoke, at_once, calls)) / (perf_counter() - started)

    async def spend(self) -> budgets.Audit:
        """Make a thousand calls at once on budgets of a few; return what the ledger says about them."""
        names = [f"poor_{number:03}" for number in range(1, budgets.AGENTS + 1)]
        refused = await budgets.spend(names, self._invoke)
        found = StoredLedger()
        async for entry in JetStreamStateStore(self._client).history(rig.RUN):
            found.fold(entry)
        return budgets.audit(found.entries, names, costs(self._provider).worst, refused)

    async def wait_for_credits(self) -> None:
        """Wait until the services answer and the agents have their credits."""
        subject = subjects.GET_BALANCE(run=rig.RUN, agent=f"poor_{budgets.AGENTS:03}")
        async for _ in Poll(POLL_S):
            if (await ask_until_answered(self._client, subject, GetBalance(), Balance)).credits.posted:
                break
        subject, request = _request("rich_001", 0, 1)
        async for _ in Poll(POLL_S):
            with suppress(Unavailable):
                await ask_until_answered(self._client, subject, request, LlmAnswer, WAIT_S)
                break

    async def _times(self, call: CallOf, at_once: int, calls: int) -> list[float]:
        """Return the milliseconds of calls of so many agents at once, `calls` of each."""
        times: list[float] = []
        first, self._cycle = self._cycle + 1, self._cycle + calls

        async def work(agent: str) -> None:
            for cycle in range(first, first + calls):
                started = perf_counter()
                await call(agent, cycle)
                times.append((perf_counter() - started) * 1e3)

        async with asyncio.TaskGroup() as group:
            for number in range(1, at_once + 1):
                group.create_task(work(f"rich_{number:03}"))
        return times

    async def _invoke(self, agent: str, cycle: int, ordinal: int = 1) -> LlmAnswer:
        subject, request = _request(agent, cycle, ordinal)
        return await ask(self._client, subject, request, LlmAnswer, WAIT_S)

    async def _bare(self, *_: object) -> None:
        await bare_call(self._client, PAYLOAD)

    async def _complete(self, agent: str, cycle: int) -> None:
        await self._provider.complete(Call(CallPosition(agent, cycle, 1), PROMPT))


@asynccontextmanager
async def open_callers(rich: int) -> AsyncIterator[Callers]:
    """Start the stub, a server and the services; open a run of so many rich agents, and of agents with a budget."""
    collect_rarely()  # as services do: one look at all objects of this process took 190 ms of a tail
    async with AsyncExitStack() as stack:
        state = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        file = await stack.enter_async_context(stub.provider_file(state))
        providers = configured_providers(file, {})
        stack.push_async_callback(close_providers, providers)
        server, client = await stack.enter_async_context(rig.private_server())
        os.environ["ECONSIM_PROVIDERS"] = str(file)
        where = Server(server.url, server.creds)
        await stack.enter_async_context(spread(("clock", "ledger", "cognition"), where, state, print))
        prices = costs(providers[stub.PROVIDER])
        scenario = loads.callers(
            {"rich": (rich, PLENTY), "poor": (budgets.AGENTS, budgets.budget(prices))}, COGNITION
        )
        await open_run(client, rig.RUN, scenario)
        update = QuotaUpdate(max_llm_tokens_per_hour=PLENTY, max_llm_spend=PLENTY)
        await KeyQuotaTable(client).change(rig.RUN, None, update)
        callers = Callers(client, providers[stub.PROVIDER])
        await callers.wait_for_credits()
        async with bare_processes(server, client):
            yield callers


def costs(provider: ModelProvider) -> budgets.Costs:
    """Return the worst-case price of a call, and the price of what the stub counts."""
    plan = plan_call(
        COGNITION,
        Call(CallPosition("rich_001", 1, 1), PROMPT),
        lambda _, prompt: provider.count_input(prompt),
    )
    usage = TokenUsage(stub.INPUT_TOKENS, stub.OUTPUT_TOKENS)
    return budgets.Costs(plan.worst.price, actual_cost(COGNITION, plan.model.offers[0], usage).price)


def _request(agent: str, cycle: int, ordinal: int) -> tuple[str, InvokeLlm]:
    fields = {name: getattr(PROMPT, name) for name in Prompt.model_fields}
    request = InvokeLlm.model_construct(**fields, cycle=cycle, ordinal=ordinal)
    return subjects.INVOKE_LLM(run=rig.RUN, agent=agent), request
