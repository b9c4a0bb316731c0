"""Every example runs as a reader would run it: as a program of its own."""

import asyncio
import os
import sys
from pathlib import Path

import pytest
from factories import group, role, scenario
from live_run import live_run

from econsim.adapters.audit_log import read
from econsim.domain.decode import decode
from econsim.schemas.market import Traded
from econsim.subjects import TRADE_EXECUTED

EXAMPLES = Path(__file__).parents[2] / "examples"


async def example(name, *arguments, server=None, creds=None, **variables):
    """Run an example to its end; return what it printed."""
    where = {"ECONSIM_NATS": server.url, "ECONSIM_CREDS": str(creds)} if server else {}
    where |= {f"ECONSIM_{name.upper()}": value for name, value in variables.items()}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(EXAMPLES / f"{name}.py"),
        *arguments,
        env={**os.environ, **where},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        out, errors = await asyncio.wait_for(process.communicate(), 60)
    finally:
        if process.returncode is None:
            process.kill()
    assert process.returncode == 0, errors.decode()
    return out.decode()


async def trades_of(nc, run):
    found = [
        decode(e.subject, e.payload).event.data
        async for e in read(nc, run, [TRADE_EXECUTED.pattern(run=run)])
    ]
    return [trade for data in found if isinstance(data, Traded) for trade in data.items]


@pytest.mark.nats
async def test_the_bot_trades_in_lock_step_and_the_log_tells_of_it(server, run):
    sellers = group("seller", "truthful", roles=[role("ask", values=[[1, 1.5, 3]])])
    market = scenario(
        sellers, group("anna", "external"), clock={"ticks_per_period": 8, "deadline_ms": 20_000}
    )

    async with live_run(server, run, market) as live:
        told = await example("e01_fifteen_line_bot", run, "anna", server=server, creds=live.creds["anna"])
        trades = await trades_of(live.nc, run)
        printed = await example("e02_read_the_log", run, server=server, creds=server.creds("observer"))

    assert {trade.buyer for trade in trades} == {"anna"}
    assert told.count("filled") == len(trades) == 2
    assert "2 trades" in printed


@pytest.mark.nats
async def test_a_plain_client_trades_with_its_creds_file_alone(server, run):
    sellers = group("seller", "truthful", roles=[role("ask", values=[[1, 1.5, 3]])])
    market = scenario(sellers, group("ana", "external"), clock={"ticks_per_period": 8, "deadline_ms": 20_000})

    async with live_run(server, run, market) as live:
        told = await example("e04_plain_nats_agent", server=server, creds=live.creds["ana"], agent="ana")
        trades = await trades_of(live.nc, run)

    assert {trade.buyer for trade in trades} == {"ana"}
    assert told.count("bought at") == len(trades) == 2


@pytest.mark.slow
async def test_the_study_measures_efficiency():
    assert "over 20 seeds" in await example("e03_memory_study")
