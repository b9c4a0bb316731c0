"""Kills in real time: the log tells one course of things, and everything in it adds up."""

from __future__ import annotations

import pytest
from kills import THREE_DAYS, Kills, System, each_name, kill, kill_server
from recomputed import discrepancies
from requirements import requirement

from econsim.runs.overrides import apply_overrides

pytestmark = [
    pytest.mark.nats, pytest.mark.slow, pytest.mark.timeout(400), pytest.mark.asyncio(loop_scope="module"),
]  # fmt: skip

REAL_TIME_KILLS: dict[str, Kills] = {
    "the market in a batch that was opened, and between two periods": {
        ("market.batch_opened", 6): kill("market"),
        ("system.period_closed", 20): kill("market"),
    },
    "the market in a batch whose trades are published": {
        ("market.trade_executed", tick): kill("market") for tick in (3, 9, 14)
    },
    "the clock, in a period and between two": {
        ("system.ticked", 6): kill("clock"),
        ("system.period_closed", 20): kill("clock"),
    },
    "one after the other": {
        ("system.ticked", 4): kill("market"),
        ("system.ticked", 8): kill_server,
        ("system.ticked", 12): kill("agent"),
        ("system.ticked", 16): kill("ledger"),
    },
}


@pytest.mark.parametrize("name", each_name(REAL_TIME_KILLS))
@requirement("economic.atomic_money")
async def test_in_real_time_everything_adds_up_whatever_was_killed(
    name: str, run: str, system: System
) -> None:
    """Arrival decides there, so two runs differ; but the log must tell one course of things, item by item."""
    scenario = apply_overrides(THREE_DAYS, real_time=True)
    hasty = scenario.model_copy(update={"clock": scenario.clock.model_copy(update={"tick_ms": 300})})

    events = await system.run(run, hasty, REAL_TIME_KILLS[name])

    assert not REAL_TIME_KILLS[name], "the run ended before everything was killed"
    assert discrepancies(events) == []
