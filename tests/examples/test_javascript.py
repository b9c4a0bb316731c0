"""The example in JavaScript runs with the real client from its package, where node and npm are present."""

import asyncio
import json
import os
import shutil
from pathlib import Path

import pytest
from factories import group, role, scenario
from live_run import four_ticks, live_run, ticks_told_twice

from econsim.adapters.jetstream.audit_log import read
from econsim.domain.audit.decoding import decode
from econsim.subjects import TRADE_EXECUTED

SOURCE = Path(__file__).parents[2] / "examples" / "javascript"
LOCK = SOURCE / "package-lock.json"

needs_node = pytest.mark.skipif(
    not (shutil.which("node") and shutil.which("npm")), reason="node and npm are not installed"
)


async def started(directory, *command, **variables):
    """Run a command to its end, with no settings but these; return its status, what it printed and what it complained of."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("ECONSIM_")}
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=directory,
        env={**kept, **variables},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        out, errors = await asyncio.wait_for(process.communicate(), 100)
    finally:
        if process.returncode is None:
            process.kill()
    return process.returncode, out.decode(), errors.decode()


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """Install the example's packages as its page says, in a copy of its directory."""
    copy = tmp_path_factory.mktemp("javascript")
    for name in ("package.json", "package-lock.json", "plain_nats_agent.mjs"):
        shutil.copy(SOURCE / name, copy)
    status, _, errors = asyncio.run(started(copy, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"))
    assert status == 0, errors
    return copy


def test_every_package_is_locked_by_its_digest_and_by_no_address():
    wanted = json.loads((SOURCE / "package.json").read_text())["dependencies"]
    packages = {name: each for name, each in json.loads(LOCK.read_text())["packages"].items() if name}

    assert all(version.replace(".", "").isdigit() for version in wanted.values())
    assert all(each["integrity"].startswith("sha512-") for each in packages.values())
    assert not [name for name, each in packages.items() if "resolved" in each]


@needs_node
@pytest.mark.slow
async def test_the_agent_without_settings_says_how_it_is_used(installed):
    status, _, errors = await started(installed, "node", "plain_nats_agent.mjs")

    assert (status, errors.startswith("usage: ECONSIM_NATS=URL"), errors.count("\n")) == (1, True, 1)


@needs_node
@pytest.mark.nats
async def test_an_agent_in_javascript_trades_with_its_creds_file_alone(installed, server, run):
    sellers = group("seller", "truthful", roles=[role("ask", values=[[1, 1.5, 3]])])
    market = scenario(sellers, group("ana", "external"), clock={"ticks_per_period": 8, "deadline_ms": 20_000})

    async with live_run(server, run, market) as live:
        where = {"ECONSIM_NATS": server.url, "ECONSIM_CREDS": str(live.creds["ana"]), "ECONSIM_AGENT": "ana"}
        status, out, errors = await started(installed, "node", "plain_nats_agent.mjs", **where)
        trades = [
            trade
            async for each in read(live.nc, run, [TRADE_EXECUTED.pattern(run=run)])
            for trade in decode(each.subject, each.payload).event.data.items
        ]

    assert (status, errors) == (0, "")
    assert {trade.buyer for trade in trades} == {"ana"}
    assert out.count("bought at") == len(trades) == 2


@needs_node
@pytest.mark.nats
async def test_an_agent_in_javascript_acts_once_at_a_tick_that_comes_twice(installed, server, run):
    async with live_run(server, run, four_ticks()) as live, ticks_told_twice(live):
        where = {"ECONSIM_NATS": server.url, "ECONSIM_CREDS": str(live.creds["ana"]), "ECONSIM_AGENT": "ana"}
        _, out, _ = await started(installed, "node", "plain_nats_agent.mjs", **where)

    assert out.count("is stored") == 3
