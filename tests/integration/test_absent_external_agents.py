"""In lock-step, an external agent that is gone or silent holds a run up for one deadline at most."""

import asyncio
import sys
from contextlib import asynccontextmanager
from datetime import datetime
from itertools import pairwise

import pytest
from live_run import external_scenario, live_run

from econsim import subjects
from econsim.adapters.jetstream.audit_log import follow, read
from econsim.adapters.nats.account_push import account_provisioner
from econsim.adapters.nats.connection import connect
from econsim.agents.session import join
from econsim.app import Server
from econsim.domain.audit.decoding import decode
from econsim.runs.launch import agent_accounts
from econsim.runs.launch.flood_watch import watch_agents
from econsim.runs.launch.key_audit import audit_key_use
from econsim.runs.remote import set_quota
from econsim.schemas.admin import SetQuota, TellTrust
from econsim.schemas.quota import QuotaUpdate

pytestmark = pytest.mark.nats

FOREVER_MS = 600_000
"""A deadline no test outlasts: a run that ends has waited none out."""
TICKS = 100
"""Ticks of each run: more than pass while a bot comes or goes."""
SHORT_MS = 3_000
"""A deadline that is seen beside ticks of some milliseconds."""
BOT = "import asyncio, sys\nfrom econsim import join\n"
BOT += "async def main(run, name, **where):\n    async with join(run, name, **where) as me:\n"
BOT += "        async for tick in me.ticks():\n            print(tick.number, flush=True)\n"
BOT += "asyncio.run(main('{run}', '{agent}', nats='{url}', creds='{creds}'))\n"


@asynccontextmanager
async def lock_step(server, run, deadline_ms=FOREVER_MS):
    """Open a run in lock-step that waits for anna and bert, whose connections are looked at; bert answers all ticks."""
    clock = {"mode": "lock_step", "ticks_per_period": TICKS, "deadline_ms": deadline_ms}
    here = Server(server.url, server.creds, server.trust)
    async with watch_agents(here, print), live_run(server, run, external_scenario(**clock), ["anna"]) as live:
        bert = asyncio.create_task(answer_ticks(server, live, "bert"))
        yield live
        bert.cancel()
        await asyncio.gather(bert, return_exceptions=True)


async def answer_ticks(server, live, agent, ticks=10**9):
    """Join as an agent and answer so many ticks."""
    async with join(live.run, agent, nats=server.url, creds=live.creds[agent]) as me:
        async for tick in me.ticks():
            if (ticks := ticks - 1) < 0:
                return tick.number
    return None


async def wait_for_end(live):
    """Wait for the run's end; return how many of its ticks lasted a short deadline or longer."""
    async with asyncio.timeout(120):
        async for stored in follow(live.nc, live.run, [subjects.RUN_CLOSED.pattern(run=live.run)], 1):
            end = decode(stored.subject, stored.payload).event
            break
    ticks = [each async for each in events(live, subjects.TICKED)]
    times = sorted(datetime.fromisoformat(each.occurred_at[:26]) for each in (*ticks, end))
    assert len(ticks) == end.data.ticks
    return sum((after - before).total_seconds() * 1_000 >= SHORT_MS for before, after in pairwise(times))


async def events(live, subject, **places):
    """Yield the run's events on a subject."""
    async for stored in read(live.nc, live.run, [subject.pattern(run=live.run, **places)]):
        yield decode(stored.subject, stored.payload).event


@asynccontextmanager
async def bot(server, live, agent="anna"):
    """Run a bot in a process of its own, which has answered a tick."""
    code = BOT.format(run=live.run, agent=agent, url=server.url, creds=live.creds[agent])
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE)
    try:
        async with asyncio.timeout(60):
            await process.stdout.readline()
            await process.stdout.readline()
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def test_a_run_waits_no_deadline_for_a_bot_that_was_killed(server, run):
    async with lock_step(server, run) as live, bot(server, live) as process:
        process.kill()

        await wait_for_end(live)


async def test_a_run_waits_no_deadline_for_an_agent_that_was_revoked(server, run, connect_as):
    async with lock_step(server, run) as live, bot(server, live):
        async with account_provisioner(server.url, server.trust) as provisioner:
            await agent_accounts.revoke(server.trust, provisioner, run, "anna")
        change = TellTrust(run=run, who="anna", change="agent_thrown_out")
        await audit_key_use(await connect_as("operator"), "operator", change)

        await wait_for_end(live)


async def test_a_silent_agent_costs_one_deadline_and_is_then_left_behind(server, run):
    async with lock_step(server, run, deadline_ms=SHORT_MS) as live:
        silent = await connect(server.url, live.creds["anna"], "silent")
        waited = await wait_for_end(live)
        await silent.close()

    assert waited == 1


async def test_an_agent_that_never_connects_costs_one_deadline(server, run):
    async with lock_step(server, run, deadline_ms=SHORT_MS) as live:
        assert await wait_for_end(live) == 1


async def test_an_agent_that_connects_again_is_waited_for_again(server, run):
    async with lock_step(server, run) as live:
        left = await answer_ticks(server, live, "anna", ticks=2)
        again = asyncio.create_task(answer_ticks(server, live, "anna"))
        await wait_for_end(live)
        await again

        answers = [each.data.tick async for each in events(live, subjects.CYCLE_COMPLETED, agent="anna")]
    assert left < answers[-1] == TICKS


async def test_an_operator_shortens_an_agents_deadline_while_the_run_waits_for_it(server, run, connect_as):
    async with lock_step(server, run) as live:
        operator = await connect_as("operator")
        at_once = SetQuota(run=run, agent="anna", update=QuotaUpdate(deadline_ms=0))
        await set_quota(operator, "operator", at_once)

        await wait_for_end(live)
