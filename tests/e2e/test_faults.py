"""Killing what runs, in mid-run: with restart, the run ends as if nothing had happened.

Lock-step: the canonical hash equals that of the undisturbed run, so no order was lost or filled twice;
the journal verifies, so no money appeared or went. What this cannot show: a power failure, because the
operating system keeps what a killed process wrote.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from contextlib import aclosing
from pathlib import Path

import pytest
from recomputed import discrepancies
from requirements import requirement
from run_builders import canonical_hash
from superuser import superuser
from thinking import thinkers

from econsim.adapters.nats.connection import connect
from econsim.adapters.server.embedded import EmbeddedServer
from econsim.app import Server
from econsim.domain.audit.envelope import AddressedEvent
from econsim.domain.audit.facts import as_record
from econsim.domain.ledger.verify import verify_journal
from econsim.domain.verification.log import LogChecks
from econsim.routers import SERVICES
from econsim.runs import in_memory, scenario_file
from econsim.runs.launch.processes import Processes, spread
from econsim.runs.launch.server import provision_streams
from econsim.runs.overrides import apply_overrides
from econsim.runs.remote import open_run, run_events
from econsim.schemas.ledger import TransferPosted, TransferRefused
from econsim.schemas.scenario import Scenario

pytestmark = [pytest.mark.nats, pytest.mark.slow, pytest.mark.timeout(400)]

GENESIS = apply_overrides(scenario_file.load("genesis"), periods=1)
SCENARIO = GENESIS.model_copy(
    update={"clock": GENESIS.clock.model_copy(update={"periods": 3, "ticks_per_period": 10})}
)
"""Three short days: 30 ticks."""

START_S = 240
"""Longest for all services to start; with two workers each these are eighteen interpreters."""

Kill = Callable[[EmbeddedServer, Processes], None]


def kill_server(server: EmbeddedServer, _: Processes) -> None:
    os.kill(server.pid, signal.SIGKILL)


def kill(service: str) -> Kill:
    def kill_service(_: EmbeddedServer, processes: Processes) -> None:
        os.kill(processes.running[service].pid, signal.SIGKILL)

    return kill_service


Kills = dict[tuple[str, int], Kill]
"""(event type, tick) → what is killed when that event is seen."""

KILLS: dict[str, Kills] = {
    "the server": {("system.ticked", 8): kill_server},
    "the market": {("system.ticked", 8): kill("market")},
    "the agents' host": {("system.ticked", 8): kill("agent")},
    "the ledger": {("system.ticked", 8): kill("ledger")},
    "the clock": {("system.ticked", 8): kill("clock")},
    "the clock between two periods": {("system.period_closed", 10): kill("clock")},
    "one after the other": {
        ("system.ticked", 5): kill("market"),
        ("system.ticked", 10): kill_server,
        ("system.ticked", 15): kill("agent"),
        ("system.ticked", 20): kill("ledger"),
    },
}


@pytest.mark.parametrize("name", KILLS)
@requirement("queue.process_then_ack", "operations.chaos", "operations.no_single_point")
async def test_a_run_ends_as_if_nothing_had_been_killed(name: str, tmp_path: Path) -> None:
    events = await disturbed(tmp_path, KILLS[name])

    journal = [s.event for s in events if isinstance(s.event.data, TransferPosted | TransferRefused)]
    assert not KILLS[name], "the run ended before everything was killed"
    assert canonical_hash(events) == canonical_hash(in_memory.run(SCENARIO))
    assert verify_journal(journal).findings == ()


@requirement("layers.any_subset", "operations.scaling")
async def test_two_workers_of_every_service_share_the_work_and_give_the_same_run(tmp_path: Path) -> None:
    scenario = apply_overrides(SCENARIO, hosts=3)

    events = await disturbed(tmp_path, {}, scenario, workers=2)

    assert canonical_hash(events) == canonical_hash(in_memory.run(SCENARIO))


THINKING = thinkers(hosts=2)
"""Two short days of two hosts: at every other tick four agents think."""

THINKING_KILLS: dict[str, Kills] = {
    "the cognition service before a call": {("system.ticked", 3): kill("cognition")},
    "the cognition service after an outcome": {("system.invoked", 3): kill("cognition")},
    "the ledger in a call": {("agent.cognitive_cycles_started", 3): kill("ledger")},
    "the host of a call": {("agent.cognitive_cycles_started", 3): kill("agent")},
    "the server in a call": {("agent.cognitive_cycles_started", 3): kill_server},
    "one after the other": {
        ("system.invoked", 3): kill("cognition"),
        ("agent.cognitive_cycles_started", 7): kill("agent"),
        ("system.invoked", 9): kill("ledger"),
        ("agent.cognitive_cycles_started", 11): kill_server,
        ("agent.cognitive_cycles_started", 13): kill("cognition"),
    },
}


@pytest.mark.parametrize("name", THINKING_KILLS)
@requirement("runtime.stateless", "cognition.metering")
async def test_every_thought_is_paid_once_whatever_was_killed(name: str, tmp_path: Path) -> None:
    events = await disturbed(tmp_path, THINKING_KILLS[name], THINKING)

    journal = [s.event for s in events if isinstance(s.event.data, TransferPosted | TransferRefused)]
    checks = LogChecks()
    for place, addressed in enumerate(events, 1):
        checks.add(place, addressed)
    assert not THINKING_KILLS[name], "the run ended before everything was killed"
    assert canonical_hash(events) == canonical_hash(in_memory.run(THINKING))
    assert (verify_journal(journal).findings, checks.report(journal).findings) == ((), ())


REAL_TIME_KILLS: dict[str, Kills] = {
    "the server": {("system.ticked", 6): kill_server},
    "the market between two batches": {("system.ticked", 6): kill("market")},
    "the market in a batch that was opened": {("market.batch_opened", 6): kill("market")},
    "the market in a batch whose trades are published": {
        ("market.trade_executed", tick): kill("market") for tick in (3, 9, 14)
    },
    "the market between two periods": {("system.period_closed", 10): kill("market")},
    "the agents' host": {("system.ticked", 6): kill("agent")},
    "the ledger": {("system.ticked", 6): kill("ledger")},
    "the clock": {("system.ticked", 6): kill("clock")},
    "the clock between two periods": {("system.period_closed", 10): kill("clock")},
    "one after the other": {
        ("system.ticked", 4): kill("market"),
        ("system.ticked", 8): kill_server,
        ("system.ticked", 12): kill("agent"),
        ("system.ticked", 16): kill("ledger"),
    },
}


@pytest.mark.parametrize("name", REAL_TIME_KILLS)
@requirement("economic.atomic_money")
async def test_in_real_time_everything_adds_up_whatever_was_killed(name: str, tmp_path: Path) -> None:
    """Arrival decides there, so two runs differ; but the log must tell one course of things, item by item."""
    scenario = apply_overrides(SCENARIO, real_time=True)
    hasty = scenario.model_copy(update={"clock": scenario.clock.model_copy(update={"tick_ms": 300})})

    events = await disturbed(tmp_path, REAL_TIME_KILLS[name], hasty)

    assert not REAL_TIME_KILLS[name], "the run ended before everything was killed"
    assert discrepancies(events) == []


async def disturbed(
    state: Path, kills: Kills, scenario: Scenario = SCENARIO, workers: int = 1
) -> list[AddressedEvent]:
    """Run a scenario with each service in its own process, killing what is asked at its tick."""
    events = []
    async with EmbeddedServer(state) as embedded:
        server = Server(embedded.url, embedded.creds)
        await provision_streams(server)
        async with spread(tuple(SERVICES), server, state, lambda _: None, workers) as processes:
            client = await connect(server.url, superuser(embedded), "test-faults")
            await open_run(client, "disturbed", scenario, timeout_s=START_S)
            async with aclosing(run_events(client, "disturbed")) as log:
                async for addressed in log:
                    events.append(addressed)
                    if strike := kills.pop((as_record(addressed).type, addressed.event.tick), None):
                        strike(embedded, processes)
            await client.close()
    return events
