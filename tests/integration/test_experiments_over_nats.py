"""Shipped scenarios over a real server come to the same as in memory, to the last event."""

from __future__ import annotations

import pytest
from nats_runs import hash_in_memory, over_nats, shortened
from requirements import requirement
from run_builders import canonical_hash

from econsim.report.aggregate import RunAggregator
from econsim.runs import scenario_file

pytestmark = pytest.mark.nats


async def test_the_oracle_is_exactly_zero_over_nats(server, run) -> None:
    scenario = shortened("gode_sunder_oracle", periods=2, ticks=2000)
    tally = RunAggregator()

    for addressed in await over_nats(server, scenario, run):
        tally.add(addressed)

    summary = tally.summary()
    periods = summary.markets[0].periods
    assert [(period.efficiency, period.volume) for period in periods] == [(0.0, 11), (0.0, 11)]
    assert sum(holder.profit for holder in summary.holders) == 0


@pytest.mark.parametrize("name", scenario_file.names())
@requirement("benchmark.reproducible")
async def test_a_shipped_scenario_has_one_hash_over_nats_and_in_memory(server, run, name) -> None:
    scenario = shortened(name)

    events = await over_nats(server, scenario, run)

    assert canonical_hash(events) == hash_in_memory(scenario)
