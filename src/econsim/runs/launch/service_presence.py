"""Presence of services in a run: a command that starts none itself says which ones are missing.

Workers show by their leases what they serve, so one request sees all services but `admission` and `mcp`, which have none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from nats.aio.client import Client

from econsim.adapters.jetstream.leases import held_leases
from econsim.adapters.nats.connection import connect
from econsim.adapters.poll import Poll
from econsim.app import Server
from econsim.domain.agent.population import population
from econsim.domain.scenario.own_tools import uses_files, uses_people_or_tasks
from econsim.errors import Unavailable
from econsim.identity.nats_jwt import read_claims
from econsim.schemas.executor import Execution
from econsim.schemas.scenario import THINKING, Scenario

POLL_INTERVAL_S: Final = 5.0
"""Pause in seconds between two looks at the leases; a service that is missing twice is named."""

LEASES: Final = {
    "ledger": "ledger.{run}",
    "market": "book.{run}",
    "cognition": "cognition.{run}",
    "clock": "clock.{run}",
    "agent": "host.{run}",
    "executor": "executor.{run}",
    "admin": "dead_letter_collector",
    "social": "social.{run}",
    "workspace": "collector.workspace",
}
"""First tokens of a lease that shows a service at work in a run."""


async def watch_services(
    server: Server, run: str, scenario: Scenario, execution: Execution, notify: Callable[[str], None]
) -> None:
    """Name the services of a run that no worker serves, whenever there are others, until cancelled.

    Services that this process started are not watched. Does nothing without the credentials of a service.
    """
    watched = LEASES.keys() - set(server.started)
    watched -= {"ledger", "market", "clock", "agent"} if execution is Execution.WHOLE else {"executor"}
    agents = population(scenario)
    if all(agent.host is None for agent in agents):
        watched -= {"agent"}
    if all(agent.host is not None for agent in agents):
        watched -= set() if uses_people_or_tasks(scenario) else {"social"}
        watched -= set() if uses_files(scenario) else {"workspace"}
    if not any(agent.policy in THINKING for agent in agents):
        watched -= {"cognition"}
    creds = server.creds("clock")
    if not watched or not creds.is_file() or read_claims(creds).role != "clock":
        return
    missing_before, named = set[str](), set[str]()
    client = await connect(server.url, creds, "econsim-run-services")
    try:
        async for _ in Poll(POLL_INTERVAL_S):
            missing = watched - await _serving_now(client, run)
            lasting = missing & missing_before
            if lasting - named:
                names = [name for name in LEASES if name in lasting]
                notify(
                    f"run {run} is not served by {', '.join(names)}; "
                    f"start what is missing with `econsim up {' '.join(names)}`"
                )
            missing_before, named = missing, lasting
    finally:
        await client.close()


async def _serving_now(client: Client, run: str) -> set[str]:
    """Return the services that serve a run now; every service if the server does not answer."""
    try:
        return serving(await held_leases(client), run)
    except Unavailable:
        return set(LEASES)


def serving(leases: Iterable[str], run: str) -> set[str]:
    """Return the services that serve a run, by the leases that are held."""
    held = [f"{lease}." for lease in leases]
    starts = {name: f"{tokens.format(run=run)}." for name, tokens in LEASES.items()}
    return {name for name, start in starts.items() if any(lease.startswith(start) for lease in held)}
