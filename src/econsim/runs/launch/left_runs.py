"""Runs with policies of one's own that a command left open when it ended without a word: it was killed, or such a policy ended it.

Services take every open run. Those of the next command would run the policies of such a run again, and end by them too, or set its agents
aside, because its policies are not theirs to run. So these runs are stopped first; `econsim resume` goes on with one.
"""

from __future__ import annotations

from collections.abc import Callable

from nats.aio.client import Client

from econsim import subjects
from econsim.adapters.jetstream.audit_log import last_event
from econsim.adapters.nats.connection import connect
from econsim.adapters.nats.rpc import ask
from econsim.app import Server, running
from econsim.domain.audit.decoding import event_of
from econsim.errors import EconsimError
from econsim.identity.roles import OPERATOR
from econsim.runs.launch.key_audit import operator_name
from econsim.schemas.clock import RunOpened, RunStoppedEvent, StopRun
from econsim.services.leadership import runs_of_log


async def left_runs(server: Server) -> list[str]:
    """Return the open runs whose scenario has policies of its own; with no service at work, nobody is at work on them."""
    client = await connect(server.url, server.creds("clock"), "econsim-left-runs")
    try:
        found, _ = await runs_of_log(client.jetstream())
        openings = {run: await last_event(client, subjects.RUN_OPENED(run=run)) for run in sorted(found)}
    finally:
        await client.close()
    events = {run: event_of(RunOpened, each.subject, each.payload) for run, each in openings.items() if each}
    return [run for run, event in events.items() if event and event.data.scenario.own_policies]


async def stop_runs(server: Server, runs: list[str], notify: Callable[[str], None]) -> None:
    """Stop runs that were left open, and say why."""
    creds = server.creds(OPERATOR)
    async with running(("clock",), server):
        commander = await connect(server.url, creds, "econsim-left-runs")
        try:
            for run in runs:
                notify(await _stop(commander, operator_name(creds), run))
        finally:
            await commander.close()


async def _stop(commander: Client, operator: str, run: str) -> str:
    """Stop a run; return a sentence about it."""
    try:
        await ask(commander, subjects.STOP_RUN(operator=operator), StopRun(run=run), RunStoppedEvent)
    except EconsimError as error:
        return f"run {run}, which another command left open, was not stopped: {error}"
    return (
        f"the command of run {run} ended without a word: it was killed, or a policy of its scenario ended it (`os._exit`, a crash in C, want "
        f"of memory); the run is stopped, and `econsim resume {run}` goes on with it"
    )
