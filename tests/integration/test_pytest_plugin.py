"""Fixture `economy` over the NATS server of the test session, in the ways people run their tests."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest
from factories import group, role, scenario
from run_builders import small_scenario

from econsim import join
from econsim.errors import Unavailable
from econsim.testing import session_server

pytestmark = [pytest.mark.nats, pytest.mark.slow]

EXAMPLES = Path(__file__).parents[2] / "examples"


def one_seller(**clock):
    """Return a market on which one seller waits for external agent ana, who has a value of 3 credits."""
    seller = group("seller", "truthful", roles=[role("ask", values=[[1]])])
    ana = group("ana", "external", credits=10, roles=[role("bid", values=[[3]])])
    return scenario(seller, ana, clock={"ticks_per_period": 4, "deadline_ms": 20_000, **clock})


async def buy(run, name):
    """Bid 2 credits at the first tick."""
    async with join(run, name) as me:
        async for tick in me.ticks():
            if tick.number == 1:
                await me.economy.place_bid("cpu", "2")


async def leave(run, name):
    """Leave after the first tick."""
    async with join(run, name) as me:
        async for _ in me.ticks():
            return


async def fail(run, name):
    """Raise an error of its own at the first tick."""
    async with join(run, name) as me:
        async for _ in me.ticks():
            raise ZeroDivisionError


async def stay(run, name):
    """Join, and never end."""
    async with join(run, name) as me:
        async for _ in me.ticks():
            pass
        await asyncio.Event().wait()


def test_a_run_has_one_hash_over_both_transports(economy):
    over_nats = economy.run(small_scenario("zi_c"), transport="nats")

    assert over_nats.hash == economy.run(small_scenario("zi_c")).hash


def test_a_bot_joins_with_the_public_api_and_its_trades_are_facts(economy, monkeypatch):
    monkeypatch.setenv("ECONSIM_NATS", "nats://127.0.0.1:1")

    run = economy.run(one_seller(), bots={"ana": buy})

    (trade,) = run.facts("trade_executed", actor="ana")
    assert (trade.data["buyer"], trade.data["price"]) == ("ana", 1_000_000)
    assert run.agent("ana").profit == 2_000_000


async def test_an_async_test_goes_on_beside_its_bots(economy):
    loops = []

    async def bot(run, name):
        loops.append(asyncio.get_running_loop())
        await buy(run, name)

    run = await economy.run_async(one_seller(), bots={"ana": bot})

    assert loops == [asyncio.get_running_loop()]
    assert run.facts("trade_executed", actor="ana")


def test_an_agent_that_the_scenario_lacks_joins_it(economy):
    run = economy.run(small_scenario("zi_c"), bots={"bob": leave})

    assert run.agent("bob").profit == 0
    assert run.figures.closed


def test_the_error_of_a_bot_is_the_error_of_the_test_and_others_can_follow(economy):
    with pytest.raises(ZeroDivisionError):
        economy.run(one_seller(), bots={"ana": fail})

    assert economy.run(one_seller(), bots={"ana": buy}).facts("trade_executed")


def test_a_bot_that_does_not_end_fails_the_test(economy, monkeypatch):
    monkeypatch.setattr(session_server, "BOT_END_S", 0.1)

    with pytest.raises(Unavailable, match="a bot goes on"):
        economy.run(one_seller(), bots={"ana": stay})


def test_the_example_passes_as_its_readers_run_it_on_two_workers_at_once(tmp_path):
    """From an empty directory with a configuration of its own: without the settings of this suite."""
    (tmp_path / "pytest.ini").write_text("[pytest]\nasyncio_default_fixture_loop_scope = function\n")
    words = ["-c", tmp_path / "pytest.ini", "-W", "error", "-p", "no:cacheprovider", "-n", "2"]

    done = subprocess.run(
        [sys.executable, "-m", "pytest", *words, EXAMPLES / "e07_test_your_agents.py"],
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip

    assert "4 passed" in done.stdout, done.stdout


def test_the_option_of_the_command_line_says_how_tests_run(tmp_path):
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "test_it.py").write_text(
        "def test_it(economy):\n    assert economy.run('smith1962', periods=1).records[0].correlation_id.startswith('smith1962-')\n"
    )

    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:asyncio", "--econsim-transport", "nats"],
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip

    assert "1 passed" in done.stdout, done.stdout
