"""A system of services in processes of their own, whose parts are killed while it runs.

With restart, a run ends as if nothing had happened. What this cannot show: a power failure, because the operating
system keeps what a killed process wrote.
"""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from superuser import superuser

from econsim.adapters.nats.connection import connect
from econsim.adapters.server.embedded import EmbeddedServer
from econsim.app import Server
from econsim.domain.audit.envelope import AddressedEvent
from econsim.domain.audit.facts import as_record
from econsim.routers import SERVICES
from econsim.runs import scenario_file
from econsim.runs.launch.processes import Processes, spread
from econsim.runs.launch.server import provision_streams
from econsim.runs.overrides import apply_overrides
from econsim.runs.remote import open_run, run_events
from econsim.schemas.executor import Execution
from econsim.schemas.scenario import Scenario

GENESIS = apply_overrides(scenario_file.load("genesis"), periods=1)
THREE_DAYS = GENESIS.model_copy(
    update={"clock": GENESIS.clock.model_copy(update={"periods": 3, "ticks_per_period": 10})}
)
"""Three short days: 30 ticks."""

START_S = 240
"""Longest for all services to start; with two workers each these are eighteen interpreters."""


@dataclass
class System:
    """A server, and each service in processes of its own."""

    embedded: EmbeddedServer
    processes: Processes

    async def run(
        self, name: str, scenario: Scenario, kills: Kills, execution: Execution = Execution.SHARED
    ) -> list[AddressedEvent]:
        """Run a scenario to its end, killing what is asked at its tick; return its log."""
        events = []
        client = await connect(self.embedded.url, superuser(self.embedded), "test-faults")
        await open_run(client, name, scenario, timeout_s=START_S, execution=execution)
        async with aclosing(run_events(client, name)) as log:
            async for addressed in log:
                events.append(addressed)
                if strike := kills.pop((as_record(addressed).type, addressed.event.tick), None):
                    strike(self)
        await client.close()
        return events


@asynccontextmanager
async def started(state: Path, workers: int = 1) -> AsyncIterator[System]:
    """Start a system; stop it at the end of the context."""
    async with EmbeddedServer(state) as embedded:
        server = Server(embedded.url, embedded.creds)
        await provision_streams(server)
        async with spread(tuple(SERVICES), server, state, lambda _: None, workers) as processes:
            yield System(embedded, processes)


Kill = Callable[[System], None]


def kill_server(system: System) -> None:
    os.kill(system.embedded.pid, signal.SIGKILL)


def kill(service: str) -> Kill:
    def kill_service(system: System) -> None:
        os.kill(system.processes.running[service].pid, signal.SIGKILL)

    return kill_service


Kills = dict[tuple[str, int], Kill]
"""(event type, tick) → what is killed when that event is seen."""
IN_TURN = "one after the other"
"""Name of the kills of everything in one run; kills at one service alone are soaked."""


def each_name(kills: Mapping[str, Kills]) -> list[Any]:
    """Return the names of kills as parameters of a test."""
    return [pytest.param(name, marks=() if name == IN_TURN else pytest.mark.soak) for name in kills]
