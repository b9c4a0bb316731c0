"""What changes from period to period changes over NATS as in memory, in the shared and the whole execution, and after restarts."""

from __future__ import annotations

from contextlib import AsyncExitStack

import pytest
from economies import changing
from factories import group, role, scenario
from live_run import live_run
from nats_runs import hash_in_memory, over_nats, played
from run_builders import canonical_hash
from snapshot_times import write_snapshots_always

from econsim.agents.session import join
from econsim.domain.ledger.verify import verify_journal
from econsim.domain.verification.log import LogChecks
from econsim.schemas.executor import Execution
from econsim.schemas.ledger import TransferPosted, TransferRefused

pytestmark = pytest.mark.nats

RESTARTS = {
    ("market.tick_cleared", 18): "market",
    ("system.ticked", 20): "agent",
    ("system.ticked", 27): "clock",
    ("market.tick_cleared", 34): "ledger",
    ("market.tick_cleared", 36): "market",
}
"""Services that start again in periods that have rules of their own: of a tax on sellers, then of one on buyers in calls."""


@pytest.mark.parametrize("execution", [Execution.SHARED, Execution.WHOLE])
async def test_every_kind_of_change_has_one_hash_over_nats_and_in_memory(server, run, execution) -> None:
    events = await over_nats(server, changing(), run, execution)

    assert canonical_hash(events) == hash_in_memory(changing())


async def test_services_that_start_again_have_the_rules_of_the_period(server, run, monkeypatch) -> None:
    write_snapshots_always(monkeypatch)

    events = await played(server, run, changing(), RESTARTS)

    journal = [each.event for each in events if isinstance(each.event.data, TransferPosted | TransferRefused)]
    checks = LogChecks()
    for place, addressed in enumerate(events, 1):
        checks.add(place, addressed)
    assert canonical_hash(events) == hash_in_memory(changing())
    assert verify_journal(journal).findings == ()
    assert checks.report(journal).findings == ()


async def test_an_external_agent_sees_the_values_of_the_period_and_its_tax(server, run) -> None:
    wanted = scenario(
        group("anna", "external", roles=[role("bid", values=[[3, 2]])]),
        clock={"periods": 3, "ticks_per_period": 2, "deadline_ms": 20_000},
        changes=[
            {"first_period": 2, "last_period": 2, "group": "anna", "shift": 0.5},
            {"first_period": 3, "group": "anna", "present": False},
            {"first_period": 2, "market": "cpu", "tax": 0.25},
        ],
    )
    async with AsyncExitStack() as stack:
        live = await stack.enter_async_context(live_run(server, run, wanted))
        me = await stack.enter_async_context(join(run, "anna", nats=server.url, creds=live.creds["anna"]))
        roles = {tick.period: me.values["cpu"] async for tick in me.ticks()}

    found = [(each.values, each.tax) for each in roles.values()]
    assert found == [((3, 2), 0), ((3.5, 2.5), 0.25), ((), 0.25)]
