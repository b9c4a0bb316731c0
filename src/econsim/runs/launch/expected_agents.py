"""Expected agents of a run: an account can be made for any name, but a run takes only the agents of its opening."""

from __future__ import annotations

from pathlib import Path

from econsim import subjects
from econsim.adapters.jetstream import run_reader
from econsim.adapters.nats.connection import connect
from econsim.domain.agent.active_run import active_run
from econsim.domain.audit.decoding import event_of
from econsim.errors import EconsimError
from econsim.schemas.clock import RunOpened, RunOpenedEvent


async def why_agent_cannot_join(url: str, creds: Path, run: str, agent: str) -> str:
    """Return the reason why an agent cannot join a run, with the remedy; empty if it can, or if the log cannot be read."""
    try:
        client = await connect(url, run_reader.reader(creds), "econsim-cli-expected-agents")
    except EconsimError:
        return ""
    try:
        opened = await run_reader.newest(client, subjects.RUN_OPENED(run=run))
        closed = await run_reader.newest(client, subjects.RUN_CLOSED(run=run))
    except EconsimError:
        return ""
    finally:
        await client.close()
    event = event_of(RunOpened, opened.subject, opened.payload) if opened else None
    return _why(event, run, agent, ended=closed is not None)


def _why(opened: RunOpenedEvent | None, run: str, agent: str, *, ended: bool) -> str:
    if opened is None:
        way = f"`econsim run SCENARIO --name {run} --external {agent}`"
        return f"run {run} is not open, and {agent} is in it only if it is opened so: {way}"
    if ended:
        return (
            f"run {run} has ended; open another with {agent} in it: `econsim run SCENARIO --external {agent}`"
        )
    found = active_run(opened).agents.get(agent)
    if found is None:
        return f"run {run} has no agent {agent} and takes none while it goes on; open one that has: `--external {agent}`"
    if found.host is not None:
        return f"{agent} of run {run} is the scenario's own, which a host runs; open one with another: `--external NAME`"
    return ""
