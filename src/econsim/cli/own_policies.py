"""The directory from which the services of a command may run a scenario's own policies, once their sources are those of the run."""

from __future__ import annotations

from collections.abc import Sequence
from os.path import commonpath
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from econsim.app import Server
    from econsim.schemas.scenario import Scenario


async def policies_of(scenarios: Sequence[Scenario], _: Server) -> Path | None:
    """Return the directory that holds, or is above, the own policies of scenarios; none without any.

    Raises ScenarioError if one cannot be loaded, or has another source than when its scenario was read.
    """
    import asyncio

    from econsim.adapters.policies import load_policies

    own = [scenario for scenario in scenarios if scenario.own_policies]
    for scenario in own:
        await asyncio.to_thread(load_policies, scenario)
    places = [scenario.policies_from for scenario in own if scenario.policies_from]
    # Installed policies have no directory; the one of the command stands for the permission to run them.
    return Path(commonpath(places)) if places else Path() if own else None


async def policies_of_log(wanted: str, server: Server) -> Path | None:
    """Do as `policies_of` for a run of the log that is to be resumed; raises NotFound or Conflict as its resumption does."""
    from econsim.adapters.jetstream.run_reader import reader
    from econsim.adapters.nats.connection import connect
    from econsim.cli.run_names import resolve
    from econsim.identity.roles import OBSERVER
    from econsim.runs.remote import opening_of

    client = await connect(server.url, reader(server.creds(OBSERVER)), "econsim-run-reader")
    try:
        opening = await opening_of(client, await resolve(client, wanted))
    finally:
        await client.close()
    return await policies_of([opening.scenario], server)
