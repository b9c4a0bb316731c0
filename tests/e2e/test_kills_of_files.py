"""Kills of the workspace service and of the server while an agent writes: what was acknowledged is there, once, and whole.

The agent repeats a call under its id until it is answered, as a program does that was told nothing. What this cannot show: a
power failure.
"""

from __future__ import annotations

import asyncio
import os
import random
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from kills import System, kill, kill_server
from live_run import external_scenario
from requirements import requirement
from superuser import superuser

from econsim.adapters.jetstream.audit_log import read
from econsim.adapters.jetstream.quota_table import KeyQuotaTable
from econsim.adapters.nats.connection import connect
from econsim.adapters.server.embedded import EmbeddedServer
from econsim.agents.channel import AgentChannel
from econsim.agents.workspace import WorkspaceService
from econsim.app import Server
from econsim.domain.audit.decoding import decode
from econsim.errors import EconsimError
from econsim.runs.launch.agent_accounts import ensure_accounts
from econsim.runs.launch.processes import spread
from econsim.runs.launch.server import provision_streams
from econsim.runs.remote import open_run
from econsim.schemas.quota import QuotaUpdate
from econsim.subjects import FILE_WRITTEN

pytestmark = [pytest.mark.nats, pytest.mark.slow, pytest.mark.soak, pytest.mark.timeout(240)]

RUN = "files"
ROUNDS = 30
KILLS = {6: kill("workspace"), 14: kill_server, 22: kill("workspace")}
"""Round → part that is killed while the calls of the round are under way."""


async def until_answered(call):
    """Make a call until it is answered; it has an id, so repeats change nothing."""
    while True:
        try:
            return await call()
        except EconsimError as error:
            if not (error.retryable or error.error_code == "no_service_answers"):
                raise
            await asyncio.sleep(0.1)


@requirement("workspace.files")
async def test_what_was_acknowledged_is_there_once_and_whole_whatever_was_killed(tmp_path: Path) -> None:
    draw, expected = random.Random(1), {}

    async with AsyncExitStack() as stack:
        system, files, client = await start(stack, tmp_path)
        for number in range(ROUNDS):
            content = draw.randbytes(draw.choice([100, 40_000, 300_000]))
            calls = [
                until_answered(lambda c=content, n=number: files.write(f"f{n % 5}", c, command_id=f"w{n}")),
                until_answered(lambda n=number: files.append("log", f"{n}\n", command_id=f"a{n}")),
            ]
            under_way = asyncio.gather(*calls)
            if number in KILLS:
                KILLS[number](system)
            await under_way
            expected[f"f{number % 5}"] = content

        found = {path: await until_answered(lambda p=path: files.read(p)) for path in expected}
        lines = (await until_answered(lambda: files.read_text("log"))).split()
        events = [decode(each.subject, each.payload).event.data async for each in written(client)]

    assert found == expected
    assert lines == [str(number) for number in range(ROUNDS)]
    assert [event.version for event in events] == list(range(1, 2 * ROUNDS + 1))
    assert len({event.command_id for event in events}) == 2 * ROUNDS


def written(client):
    return read(client, RUN, [FILE_WRITTEN(run=RUN)])


async def start(stack, state):
    """Start a server and the services in processes of their own; return them, an agent's files, and a superuser."""
    embedded = await stack.enter_async_context(EmbeddedServer(state))
    server = Server(embedded.url, embedded.creds, embedded.trust)
    await provision_streams(server)
    names = ("clock", "ledger", "admin", "workspace")
    processes = await stack.enter_async_context(spread(names, server, state, lambda _: None))
    (account, *_) = await ensure_accounts(server, RUN, external_scenario())
    client = await connect(embedded.url, superuser(embedded), "test-files")
    stack.push_async_callback(client.close)
    await open_run(client, RUN, external_scenario(), timeout_s=60)
    await KeyQuotaTable(client).change(RUN, None, QuotaUpdate(max_publish_rate=10_000))
    own = await connect(embedded.url, account.creds, "test-agent")
    stack.push_async_callback(own.close)
    assert os.getpid() not in {process.pid for process in processes.running.values()}
    return System(embedded, processes), WorkspaceService(AgentChannel(own, RUN, account.agent)), client
