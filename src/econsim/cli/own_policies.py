"""The directory from which the services of a command may run a scenario's own policies, once their sources are those of the run."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from econsim.app import Server
    from econsim.schemas.scenario import Scenario


async def policies_of(scenario: Scenario, _: Server) -> Path | None:
    """Return the directory of a scenario's own policies; none without any.

    Raises ScenarioError if one cannot be loaded, or has another source than when the scenario was read.
    """
    from econsim.adapters.policies import load_policies

    return Path(scenario.policies_from) if await asyncio.to_thread(load_policies, scenario) else None


async def policies_of_log(wanted: str, server: Server) -> Path | None:
    """Do as `policies_of` for a run of the log that is to be resumed; raises NotFound or Conflict as its resumption does."""
    from econsim.adapters.jetstream.run_reader import reader
    from econsim.adapters.nats.connection import connect
    from econsim.cli.run_log import resolve
    from econsim.identity.roles import OBSERVER
    from econsim.runs.remote import opening_of

    client = await connect(server.url, reader(server.creds(OBSERVER)), "econsim-run-reader")
    try:
        opening = await opening_of(client, await resolve(client, wanted))
    finally:
        await client.close()
    return await policies_of(opening.scenario, server)
