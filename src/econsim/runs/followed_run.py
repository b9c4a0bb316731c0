"""A run over NATS followed to its end by a program: its events and figures, as `econsim run` has them, without a display."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

from econsim.adapters.jetstream import dead_letters
from econsim.app import Server
from econsim.domain.audit.envelope import AddressedEvent
from econsim.report.summary import Summary
from econsim.runs.recorder import Recorder
from econsim.runs.remote import execution_of, run_connection, run_events
from econsim.runs.retention import retention_end
from econsim.runs.stored_hash import store_hash
from econsim.schemas.scenario import Scenario


async def follow_run(
    server: Server, state: Path, name: str, scenario: Scenario, notify: Callable[[str], None]
) -> tuple[list[AddressedEvent], Summary]:
    """Open a run, or continue one of this name and scenario, and return its events and figures once it has closed.

    The canonical hash is stored in directory `state`. If the caller leaves before the end, the run is stopped, and `notify` gets a sentence about that. Raises Refused if the name belongs to a run
    of another scenario, Unavailable if no service opens it.
    """
    events: list[AddressedEvent] = []
    execution = execution_of(server, scenario)
    async with run_connection(server, name, scenario, notify=notify, execution=execution) as found:
        recorder = Recorder(None, timed=found.new)
        async with aclosing(run_events(found.client, name)) as coming:
            async for addressed in coming:
                recorder.add(addressed)
                events.append(addressed)
        # Dead letters reach the log a moment later, and the run may have ended by then.
        letters = await dead_letters.count(found.client, name)
    figures = recorder.summary()
    store_hash(state, name, recorder.opening_id, figures.canonical_hash)
    kept_until = retention_end(recorder.opened_at)
    return events, replace(figures, kept_until=kept_until, dead_letters=max(letters, figures.dead_letters))
