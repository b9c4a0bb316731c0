"""The tool gateway killed while it calls: every caller gets one answer, every call is paid once, nothing stays reserved."""

from __future__ import annotations

import asyncio
import json
import os
from collections import Counter
from pathlib import Path

import pytest
import pytest_asyncio
from eventually import eventually
from factories import group, scenario
from kills import System, kill
from requirements import requirement
from superuser import superuser

from econsim import subjects
from econsim.adapters.jetstream import provision
from econsim.adapters.nats.connection import connect
from econsim.adapters.nats.rpc import ask_until_answered
from econsim.adapters.server.embedded import EmbeddedServer
from econsim.app import Server
from econsim.cli.verification import verify_run
from econsim.config import settings
from econsim.runs.launch.processes import spread
from econsim.runs.launch.server import provision_streams
from econsim.runs.remote import open_run
from econsim.schemas.ledger import Balance, GetBalance

pytestmark = [
    pytest.mark.nats,
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.asyncio(loop_scope="module"),
]

FAULTS = Path(__file__).parents[1] / "faulty_tool_server.py"
CALLS = 12
PRICE = 250_000


def tool_file(directory):
    directory.chmod(0o777)
    file = directory / "tools.toml"
    file.write_text(f"""
[servers.faulty]
kind = "stdio"
command = "python"
args = ["{FAULTS}", "{directory / "calls"}"]
isolation = "limits"
[servers.faulty.tools.slow]
price = 0.25
repeatable = true
[servers.faulty.tools.echo]
price = 0.25
""")
    return file


async def balance(client, run):
    subject = subjects.GET_BALANCE(run=run, agent="ana")
    return (await ask_until_answered(client, subject, GetBalance(), Balance)).credits


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def system(tmp_path_factory):
    """The server and the three services that calls need, in processes of their own."""
    directory = tmp_path_factory.mktemp("tools")
    os.environ["ECONSIM_TOOLS"] = str(tool_file(directory))
    try:
        async with EmbeddedServer(directory) as embedded:
            server = Server(embedded.url, embedded.creds)
            await provision_streams(server)
            async with spread(("clock", "ledger", "mcp"), server, directory, lambda _: None) as processes:
                yield System(embedded, processes)
    finally:
        del os.environ["ECONSIM_TOOLS"]


@pytest.mark.parametrize("victim", ["mcp", "ledger"])
@requirement("gateway.retries", "gateway.cost")
async def test_calls_outlast_the_death_of_a_service(system, run, victim):
    timing = {"mode": "real_time", "ticks_per_period": 10_000, "tick_ms": 1_000}
    client = await connect(system.embedded.url, superuser(system.embedded), "test-tools")
    await open_run(client, run, scenario(group("ana", "external", credits=100), clock=timing))
    before = await eventually(lambda: owned(client, run))

    replies = await killed_while_calling(client, run, lambda: kill(victim)(system))

    await eventually(lambda: is_empty(client))
    after = await balance(client, run)
    await client.close()
    books = await verify_run(settings(nats=system.embedded.url, creds=system.embedded.creds("observer")), run)
    assert Counter(reply["error"] and reply["error"]["code"] for reply in replies.values()) == {None: CALLS}
    assert (before - after.posted, after.pending) == (CALLS * PRICE, 0)
    assert books.findings == ()


async def owned(client, run):
    return (await balance(client, run)).posted


async def is_empty(client):
    return await provision.depth(client, "mcp_requests") == 0


def body_of(id_):
    body = {"msg_id": id_, "tool": "slow", "params": {"s": 0.1}, "timeout_ms": 60_000}
    return json.dumps(body).encode()


async def killed_while_calling(client, run, strike):
    """Send calls, kill as soon as the first one is answered; return the last reply to each."""
    replies, answered = {}, asyncio.Event()

    async def receive(message):
        reply = json.loads(message.data)
        if reply["error"] and reply["error"]["retryable"]:
            await client.publish(command, body_of(reply["msg_id"]))
            return
        replies[reply["msg_id"]] = reply
        answered.set()

    await client.subscribe(subjects.TOOL_REPLIED.pattern(run=run, agent="ana"), cb=receive)
    command = subjects.CALL_TOOL(server="faulty", run=run, agent="ana")
    for number in range(CALLS):
        await client.publish(command, body_of(f"call{number}"))
    await eventually(answered.is_set)
    strike()
    await eventually(lambda: len(replies) == CALLS, timeout_s=90)
    return replies
