"""A run over the server that cannot go on ends at once and says why. Catches: a refused submission passed over."""

from __future__ import annotations

import asyncio
import sys
from contextlib import aclosing

import pytest
from factories import group, role, scenario
from superuser import superuser

from econsim import subjects
from econsim.adapters.calls import submit
from econsim.adapters.connection import connect, reliable_publish
from econsim.app import SERVICES, Server, running
from econsim.launch.runs import events_of, open_run
from econsim.schemas.clock import RunClosed
from econsim.schemas.ledger import TREASURY, Chain, Kind, Submit, Transfer

pytestmark = pytest.mark.nats

LONG = {"periods": 3, "ticks_per_period": 20, "mode": "real_time", "tick_ms": 100}


async def test_a_refused_deal_ends_the_run_with_holder_asset_and_reason(server, run) -> None:
    seller = group("seller", "truthful", roles=[role("ask", values=[[1]])])
    taken = Chain(
        "deal.2.seller_001", "test", (Transfer("t", Kind.TRANSFER, TREASURY, "seller_001", "cpu", 7),)
    )
    client = await connect(server.url, superuser(server), "test-run")

    async with running(tuple(SERVICES), Server(server.url, server.creds)):
        await open_run(client, run, scenario(seller, clock=LONG))
        await submit(client, run, "clock", Submit(command_id="taken", tick=0, chains=(taken,)))
        async with aclosing(events_of(client, run)) as events:
            found = [sealed.event.data async for sealed in events]
    await client.close()

    closed = next(data for data in found if isinstance(data, RunClosed))
    assert closed.failure == (
        "the ledger refused 1 cpu from treasury to seller_001: exists_with_different_fields (chain deal.2.seller_001)"
    )
    assert (closed.periods, closed.ticks) == (2, 20)


async def test_a_run_with_dead_letters_says_how_many_and_where_to_look(server, run, tmp_path) -> None:
    client = await connect(server.url, superuser(server), "test-run")
    unreadable = subjects.PLACE_ORDERS(resource="cpu", run=run, agent="host_1")
    await reliable_publish(client.jetstream(), unreadable, b"{", run)
    options = (
        "--nats",
        server.url,
        "--creds",
        str(server.creds("operator").parent),
        "--state",
        str(tmp_path),
    )

    async with running(tuple(SERVICES), Server(server.url, server.creds, server.trust)):
        command = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "econsim", *options, "run", "genesis", "--name", run, "--periods", "1"),
            stdout=asyncio.subprocess.PIPE,
        )
        shown, _ = await command.communicate()
    await client.close()

    assert command.returncode == 1
    assert "1 message of this run could not be processed" in " ".join(shown.decode().split())
    assert f"econsim dead-letters list --run {run}" in " ".join(shown.decode().split())
