"""Tests of agents, of a market and of a bot: `pytest examples/e07_test_your_agents.py`."""

import pytest
from e01_fifteen_line_bot import main as bot

from econsim.testing import Economy, assert_expectation, assert_never_occurs


def test_random_bidders_reach_nearly_all_gains_from_trade(economy: Economy) -> None:
    run = economy.run("smith1962", seed=7, periods=20)

    assert run.market("good").efficiency > 0.9


def test_buyers_that_bid_all_they_would_pay_leave_the_gains_to_sellers(economy: Economy) -> None:
    run = economy.run("smith1962", seed=7, periods=20, policies={"buyer": "truthful"})

    profits = {"buyer": 0, "seller": 0}
    for agent in run.figures.holders:
        profits[agent.group] += agent.profit
    assert profits["buyer"] < profits["seller"]


def test_the_bot_never_pays_more_than_its_bid_and_earns(economy: Economy) -> None:
    run = economy.run("genesis", periods=1, bots={"ana": bot})

    assert_never_occurs(run, type="trade_executed", where={"buyer": "ana", "price": {">": 2.02}})
    assert_expectation(run, {"form": "conservation"})
    assert run.agent("ana").profit > 0


@pytest.mark.asyncio
async def test_two_bots_bid_on_the_loop_of_this_test(economy: Economy) -> None:
    run = await economy.run_async("genesis", periods=1, bots={"ana": bot, "bob": bot})

    assert run.facts("bid_accepted", actor="ana")
    assert run.facts("bid_accepted", actor="bob")
