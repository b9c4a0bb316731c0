"""Kills in a lock-step run: the canonical hash is that of the undisturbed run, so no order was lost or filled
twice; the journal verifies, so no money appeared or went.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from kills import THREE_DAYS, Kills, System, each_name, kill, kill_server, started
from requirements import requirement
from run_builders import canonical_hash
from thinking import tool_askers

from econsim.domain.execution import in_memory
from econsim.domain.ledger.verify import verify_journal
from econsim.runs import scenario_file
from econsim.schemas.executor import Execution
from econsim.schemas.ledger import TransferPosted, TransferRefused

pytestmark = [
    pytest.mark.nats, pytest.mark.slow, pytest.mark.timeout(400), pytest.mark.asyncio(loop_scope="module"),
]  # fmt: skip

KILLS: dict[str, Kills] = {
    "the server": {("system.ticked", 8): kill_server},
    "the clock, in a period and between two": {
        ("system.ticked", 5): kill("clock"),
        ("system.period_closed", 20): kill("clock"),
    },
    "one after the other": {
        ("system.ticked", 5): kill("market"),
        ("system.ticked", 10): kill_server,
        ("system.ticked", 15): kill("agent"),
        ("system.ticked", 20): kill("ledger"),
    },
}


@pytest.mark.parametrize("name", each_name(KILLS))
@requirement("queue.process_then_ack", "operations.chaos", "operations.no_single_point")
async def test_a_run_ends_as_if_nothing_had_been_killed(name: str, run: str, system: System) -> None:
    events = await system.run(run, THREE_DAYS, KILLS[name])

    journal = [s.event for s in events if isinstance(s.event.data, TransferPosted | TransferRefused)]
    assert not KILLS[name], "the run ended before everything was killed"
    assert canonical_hash(events) == canonical_hash(in_memory.run(THREE_DAYS))
    assert verify_journal(journal).findings == ()


@requirement("queue.process_then_ack", "operations.chaos")
async def test_a_whole_run_ends_as_if_nothing_had_been_killed(run: str, system: System) -> None:
    smith = scenario_file.load("smith1962")
    kills: Kills = {
        ("system.ticked", 200): kill("executor"),
        ("system.ticked", 500): kill_server,
        ("system.ticked", 800): kill("executor"),
    }

    events = await system.run(run, smith, kills, Execution.WHOLE)

    journal = [s.event for s in events if isinstance(s.event.data, TransferPosted | TransferRefused)]
    assert not kills, "the run ended before everything was killed"
    assert canonical_hash(events) == canonical_hash(in_memory.run(smith))
    assert verify_journal(journal).findings == ()


@requirement("layers.any_subset", "operations.scaling")
async def test_two_workers_of_every_service_share_the_work_and_give_the_same_run(tmp_path: Path) -> None:
    async with started(tmp_path, workers=2) as system:
        events = await system.run("shared", tool_askers(hosts=3), {})

    assert canonical_hash(events) == canonical_hash(in_memory.run(tool_askers()))
