"""A run over the server that cannot go on ends at once and says why. Catches: a refused submission passed over."""

from __future__ import annotations

import asyncio
import sys
from contextlib import aclosing

import pytest
from factories import group, role, scenario
from nats_runs import hash_in_memory, over_nats
from run_builders import canonical_hash
from superuser import superuser

from econsim import subjects
from econsim.adapters.nats.connection import connect, reliable_publish
from econsim.adapters.nats.rpc import submit
from econsim.app import Server, running
from econsim.routers import SERVICES
from econsim.runs.remote import open_run, run_events
from econsim.schemas.clock import RunClosed
from econsim.schemas.ledger import TREASURY, Chain, Kind, Submit, Transfer
from econsim.schemas.market import Accepted, Rejected

pytestmark = pytest.mark.nats

SHORT = {"ticks_per_period": 2}
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
        async with aclosing(run_events(client, run)) as events:
            found = [addressed.event.data async for addressed in events]
    await client.close()

    closed = next(data for data in found if isinstance(data, RunClosed))
    assert closed.failure == (
        "the ledger refused 1 cpu from treasury to seller_001: exists_with_different_fields (chain deal.2.seller_001)"
    )
    assert (closed.periods, closed.ticks) == (2, 20)


async def test_a_run_with_dead_letters_says_how_many_and_where_to_look(server, run, tmp_path) -> None:
    client = await connect(server.url, superuser(server), "test-run")
    unreadable = subjects.PLACE_ORDERS(resource="good", run=run, agent="host_1")
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
            *(sys.executable, "-m", "econsim", *options, "run", "smith1962", "--name", run, "--periods", "1"),
            stdout=asyncio.subprocess.PIPE,
        )
        shown, _ = await command.communicate()
    await client.close()

    assert command.returncode == 1
    assert "1 message of this run could not be processed" in " ".join(shown.decode().split())
    assert f"econsim dead-letters list --run {run}" in " ".join(shown.decode().split())


async def test_odd_scripted_orders_are_refused_one_by_one_and_the_same_on_both_transports(
    server, run
) -> None:
    odd = {
        "off-grid": {"price": 1.005},
        "too-dear": {"price": 1_000},
        "nothing": {"quantity": 0},
        "too-many": {"quantity": 1_000_000},
        "good": {},
    }
    steps = [
        {"tick": 1, "resource": "cpu", "verb": "bid", "order_id": name, "price": 1, **terms}
        for name, terms in odd.items()
    ]
    wanted = scenario(
        group("s", "scripted", script=steps), group("t", roles=[role("ask", values=[[1]])]), clock=SHORT
    )

    events = await over_nats(server, wanted, run)

    refused = {item.order_id: item.code for data in datas(events, Rejected) for item in data.items}
    assert refused == {
        "off-grid": "price_is_not_a_multiple_of_the_tick_size",
        "too-dear": "price_is_outside_the_limits_of_the_market",
        "nothing": "quantity_is_not_a_multiple_of_the_lot_size",
        "too-many": "debit_account_would_go_negative",
    }
    assert "good" in {item.order_id for data in datas(events, Accepted) for item in data.items}
    assert canonical_hash(events) == hash_in_memory(wanted)


def datas(events, kind):
    return [addressed.event.data for addressed in events if isinstance(addressed.event.data, kind)]
