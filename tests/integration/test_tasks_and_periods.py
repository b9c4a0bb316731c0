"""Tasks over the periods of a run on a real server: what is held spans them, what is open at the end comes back."""

import asyncio
import json
from contextlib import aclosing

import pytest
from factories import group, role, scenario
from live_run import live_run
from requirements import requirement

from econsim.adapters.jetstream.audit_log import follow
from econsim.agents.channel import AgentChannel
from econsim.agents.social import SocialService
from econsim.cli.verification import verify_run
from econsim.config import settings
from econsim.domain.audit.decoding import decode
from econsim.schemas.clock import PeriodOpened, RunClosed
from econsim.schemas.social_tasks import TaskState
from econsim.schemas.types import MICROS_PER_CREDIT

pytestmark = [pytest.mark.nats]

PERIODS = {"mode": "real_time", "periods": 3, "ticks_per_period": 5, "tick_ms": 200}


def social(live, agent):
    return SocialService(AgentChannel(live.externals[agent], live.run, agent))


async def reach(live, kind, number=None):
    """Follow the log to an event of this kind; return its data."""
    async with aclosing(follow(live.nc, live.run)) as events:
        async for stored in events:
            data = decode(stored.subject, stored.payload).event.data
            if isinstance(data, kind) and getattr(data, "period", number) == number:
                return data
    raise AssertionError


async def credits_of(live, holder):
    stored = await live.nc.jetstream().get_last_msg(
        "KV_agent_state", f"$KV.agent_state.{live.run}.{holder}.balance"
    )
    return json.loads(stored.data)["posted"]


@requirement("social.delegate", "queue.tasks")
async def test_a_task_outlasts_a_period_and_what_is_open_at_the_end_comes_back(server, run):
    sellers = group("seller", "truthful", roles=[role("ask", values=[[1, 2, 3]])])
    externals = [group(name, "external", credits=100) for name in ("anna", "bert")]
    wanted = scenario(sellers, *externals, clock=PERIODS)

    async with asyncio.timeout(60), live_run(server, run, wanted) as live:
        anna, bert = social(live, "anna"), social(live, "bert")
        long = await anna.delegate_task("bert", "outlast a period", 5, 600)
        await bert.accept_task(long.task_id)
        await reach(live, PeriodOpened, 2)
        await bert.deliver_result(long.task_id, "done")
        await anna.accept_result(long.task_id)
        await anna.wait_for_task(long.task_id, lambda each: each.paid is not None)
        opened = await anna.delegate_task("bert", "stay open", 7, 600)
        closed = await reach(live, RunClosed)

        owned = {agent: await credits_of(live, agent) for agent in ("anna", "bert", "social")}
    found = await verify_run(settings(nats=server.url, creds=server.creds("observer")), run)

    assert (closed.failure, opened.state) == ("", TaskState.OFFERED)
    assert owned == {"anna": 95 * MICROS_PER_CREDIT, "bert": 105 * MICROS_PER_CREDIT, "social": 0}
    assert list(found.findings) == []
