"""Scenarios of megabytes over the server: opened once, and followed however long a service reads them."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest
from factories import group, role, scenario
from superuser import superuser

from econsim import subjects
from econsim.adapters.jetstream.run_reader import newest
from econsim.adapters.nats.connection import connect
from econsim.app import Server, running
from econsim.errors import Unavailable
from econsim.routers import SERVICES
from econsim.runs import remote
from econsim.runs.remote import open_run, run_connection, run_events
from econsim.schemas.clock import RunClosed
from econsim.schemas.scenario import SCENARIO_BYTES_MAX

pytestmark = pytest.mark.nats


def scripted(steps, **clock):
    """Return a scenario with a script of so many steps."""
    script = [
        {"tick": 1_000 + row, "resource": "cpu", "verb": "cancel", "order_id": f"order-{row}"}
        for row in range(steps)
    ]
    seller = group("seller", "truthful", roles=[role("ask", values=[[1]])])
    buyer = group("buyer", "truthful", roles=[role("bid", values=[[2]])])
    return scenario(
        group("idle", "scripted", script=script), seller, buyer, clock={"ticks_per_period": 2, **clock}
    )


@pytest.mark.slow
async def test_a_script_of_megabytes_runs_to_its_end(server, run) -> None:
    wanted = scripted(25_000)
    assert SCENARIO_BYTES_MAX // 2 < len(wanted.model_dump_json()) < SCENARIO_BYTES_MAX

    here = Server(server.url, server.creds)
    async with (
        running(tuple(SERVICES), here),
        run_connection(here, run, wanted) as open_,
        aclosing(run_events(open_.client, run)) as events,
    ):
        found = [addressed.event.data async for addressed in events]

    assert [(data.ticks, data.failure) for data in found if isinstance(data, RunClosed)] == [(2, "")]


async def test_a_run_that_is_open_is_followed_though_no_answer_came(server, run, monkeypatch) -> None:
    client = await connect(server.url, superuser(server), "test-run")
    async with running(("clock",), Server(server.url, server.creds)):
        opened = await open_run(client, run, scripted(1))

    async def ignored(_):
        await asyncio.sleep(0)

    monkeypatch.setattr(remote, "REQUEST_TIMEOUT_S", 0.5)  # what is waited for never comes
    silent = await client.subscribe(subjects.OPEN_RUN.pattern(), cb=ignored)
    found = await open_run(client, run, scripted(1), timeout_s=1, log_reader=client)
    with pytest.raises(Unavailable, match="no clock service opened the run"):
        await open_run(client, run, scripted(2), timeout_s=1, log_reader=client)
    await silent.unsubscribe()

    assert found == opened
    assert await newest(client, subjects.RUN_OPENED(run=run))
    await client.close()
