"""Every example runs as a reader would run it: as a program of its own."""

import asyncio
import os
import re
import sys
from pathlib import Path

import pytest
from eventually import eventually
from factories import group, role, scenario
from live_run import four_ticks, live_run, ticks_told_twice
from typer.testing import CliRunner

from econsim.adapters.jetstream.audit_log import read
from econsim.agents.channel import AgentChannel
from econsim.agents.tools import ToolService
from econsim.cli import app
from econsim.cli.verification import verify_run
from econsim.config import settings
from econsim.domain.audit.decoding import decode
from econsim.runs import scenario_file
from econsim.runs.overrides import apply_overrides
from econsim.schemas.market import Traded
from econsim.subjects import TRADE_EXECUTED

EXAMPLES = Path(__file__).parents[2] / "examples"


async def run_example(name, *arguments, cwd=None, **where):
    """Run an example to its end, with no settings but these; return its status, what it printed and what it complained of."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("ECONSIM_")}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(EXAMPLES / f"{name}.py"),
        *arguments,
        env={**kept, **where},
        cwd=cwd,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        out, errors = await asyncio.wait_for(process.communicate(), 240)
    finally:
        if process.returncode is None:
            process.kill()
    return process.returncode, out.decode(), errors.decode()


async def econsim(*words):
    """Run a command to its end, beside what runs here; return what it printed."""
    done = await asyncio.to_thread(CliRunner().invoke, app, words)
    assert done.exit_code == 0, done.output
    return done.stdout


async def example(name, *arguments, server=None, creds=None, **variables):
    """Run an example to its end; return what it printed."""
    where = {"ECONSIM_NATS": server.url, "ECONSIM_CREDS": str(creds)} if server else {}
    where |= {f"ECONSIM_{name.upper()}": value for name, value in variables.items()}
    status, out, errors = await run_example(name, *arguments, **where)
    assert status == 0, errors
    return out


@pytest.mark.parametrize(
    "name",
    [
        "e01_fifteen_line_bot",
        "e02_read_the_log",
        "e04_plain_nats_agent",
        "e05_thinking_bot",
        "e06_tool_bot",
        "e09_play_a_policy",
    ],
)
@pytest.mark.slow
async def test_an_example_without_arguments_says_how_it_is_used(name):
    status, _, errors = await run_example(name)

    assert (status, errors.startswith("usage: "), errors.count("\n")) == (1, True, 1)


@pytest.mark.parametrize("called", [("e01_fifteen_line_bot", "demo", "ana"), ("e02_read_the_log", "demo")])
@pytest.mark.slow
async def test_an_example_without_a_server_says_so_in_a_line(called, tmp_path):
    status, _, errors = await run_example(*called, cwd=tmp_path)

    assert status == 1
    assert errors.startswith("no NATS server is running here; start one with `econsim up`")
    assert {line.split(";")[0] for line in errors.splitlines()} == {"no NATS server is running here"}


async def trades_of(nc, run):
    found = [
        decode(e.subject, e.payload).event.data
        async for e in read(nc, run, [TRADE_EXECUTED.pattern(run=run)])
    ]
    return [trade for data in found if isinstance(data, Traded) for trade in data.items]


@pytest.mark.nats
async def test_the_bot_earns_in_genesis_and_the_log_has_its_trades(server, run, tmp_path):
    market = apply_overrides(scenario_file.load("genesis"), periods=1, externals=["ana"])

    async with live_run(server, run, market, away=["ana"]) as live:
        output = await example("e01_fifteen_line_bot", run, "ana", server=server, creds=live.creds["ana"])
        printed = await example("e02_read_the_log", run, server=server, creds=server.creds("observer"))

    books = await verify_run(settings(nats=server.url, creds=server.creds("observer"), state=tmp_path), run)
    assert books.findings == ()
    earned = output.splitlines()[-1]
    assert earned == "earned 0.36 credits"
    assert output.count("filled") == printed.count("ana ") == 2


@pytest.mark.nats
async def test_a_policy_of_one_s_own_earns_as_an_outside_agent(server, run, tmp_path):
    file = tmp_path / "market.toml"
    file.write_text(
        """
        name = "market"
        clock = { ticks_per_period = 8, deadline_ms = 20000 }
        markets = [{ resource = "cpu" }]
        [[agents]]
        name = "seller"
        policy = "truthful"
        roles = [{ resource = "cpu", side = "ask", values = [[1.00, 1.50]] }]
        [[agents]]
        name = "ana"
        policy = "external"
        roles = [{ resource = "cpu", side = "bid", values = [[3.00, 2.50]] }]
        """
    )

    async with live_run(server, run, scenario_file.load(file)) as live:
        where = {"server": server, "creds": live.creds["ana"]}
        output = await example("e09_play_a_policy", run, "ana", str(file), **where)

    assert output == "earned 3.00 credits\n"


@pytest.mark.nats
async def test_a_plain_client_trades_with_its_creds_file_alone(server, run):
    sellers = group("seller", "truthful", roles=[role("ask", values=[[1, 1.5, 3]])])
    market = scenario(sellers, group("ana", "external"), clock={"ticks_per_period": 8, "deadline_ms": 20_000})

    async with live_run(server, run, market) as live:
        output = await example("e04_plain_nats_agent", server=server, creds=live.creds["ana"], agent="ana")
        trades = await trades_of(live.nc, run)

    assert {trade.buyer for trade in trades} == {"ana"}
    assert output.count("bought at") == len(trades) == 2


@pytest.mark.nats
async def test_a_plain_client_acts_once_at_a_tick_that_comes_twice(server, run):
    async with live_run(server, run, four_ticks()) as live, ticks_told_twice(live):
        output = await example("e04_plain_nats_agent", server=server, creds=live.creds["ana"], agent="ana")
        trades = await trades_of(live.nc, run)

    assert output.count("duplicate") == len(trades) == 3


@pytest.mark.nats
async def test_a_thinking_bot_pays_for_each_answer(server, run):
    sellers = group("seller", "truthful", roles=[role("ask", values=[[1, 1.5, 3]])])
    market = scenario(sellers, group("ana", "external"), clock={"ticks_per_period": 3, "deadline_ms": 20_000})

    async with live_run(server, run, market) as live:
        output = await example("e05_thinking_bot", run, "ana", server=server, creds=live.creds["ana"])

    assert [line.split(" for ")[0] for line in output.splitlines()] == [
        f"tick {tick}: rules" for tick in (1, 2, 3)
    ]


@pytest.mark.slow
async def test_the_tools_of_the_example_are_listed_and_tried_without_a_run(monkeypatch):
    monkeypatch.setenv("ECONSIM_TOOLS", str(EXAMPLES / "tools" / "tools.toml"))

    listed = await econsim("tools", "list")
    called = await econsim("tools", "call", "forecast", "price_of", "resource=cpu")

    assert ["forecast", "price_of", "0.05"] in [line.split()[:3] for line in listed.splitlines()]
    assert called.startswith("  | 2.20\nno money moved")


@pytest.mark.nats
async def test_a_bot_pays_for_the_tool_that_a_command_lists_and_tries(server, run, monkeypatch):
    monkeypatch.setenv("ECONSIM_TOOLS", str(EXAMPLES / "tools" / "tools.toml"))
    market = scenario(
        group("ana", "external", credits=10), clock={"ticks_per_period": 2, "deadline_ms": 60_000}
    )

    async with live_run(server, run, market) as live:
        where = ("--nats", server.url, "--creds", str(live.creds["ana"]), "--run", run, "--agent", "ana")
        offered = ToolService(AgentChannel(live.externals["ana"], run, "ana"))
        await eventually(offered.list)
        listed = await econsim("tools", "list", *where)
        paid = await econsim("tools", "call", "forecast", "price_of", "resource=gpu", *where)
        output = await example("e06_tool_bot", run, "ana", server=server, creds=live.creds["ana"])

    assert ["forecast", "price_of", "0.05"] in [line.split()[:3] for line in listed.splitlines()]
    assert "5 a second" in listed
    assert paid.startswith("  | 7.50\nana paid 0.05 credits; receipt mcp.ana.")
    assert [line.split(",")[0] for line in output.splitlines()] == [
        "forecast price_of: 0.05 credits",
        "tick 1: 2.20 for 0.05 credits",
        "tick 2: 2.20 for 0.01 credits",
    ]


@pytest.mark.slow
async def test_the_study_measures_efficiency():
    assert "over 8 seeds" in await example("e03_memory_study")


@pytest.mark.slow
async def test_the_learner_earns_more_than_zi_c():
    said = re.fullmatch(
        r"the learner earns ([0-9.]+) credits a day, zi_c ([0-9.]+)\n", await example("e10_learn_to_trade")
    )

    assert float(said[1]) > 1.2 * float(said[2])


async def test_a_run_is_judged_and_a_failure_shows_the_nearest_event():
    status, out, errors = await run_example("e08_judge_a_run")

    assert (status, errors) == (0, "")
    assert out.startswith("FAILS  trade_executed where price >= 4 happens within 80 ticks")
    assert "nearest: #" in out
