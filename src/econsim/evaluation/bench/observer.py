"""The observer of a run over NATS: reads the run's own stream with credentials for nothing else, and judges it.

It runs in a process of its own and asks for stored messages, so that the run never waits for it: it may be late, and any number may
read side by side. Whenever it reads, the events and so the verdicts are the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from pathlib import Path
from typing import Final

from nats.aio.client import Client

from econsim import subjects
from econsim.adapters.jetstream.direct_get import StoredMessage
from econsim.adapters.jetstream.run_reader import follow, journal_entry
from econsim.adapters.nats.connection import connect
from econsim.domain.audit.facts import record
from econsim.domain.expectation.verdict import Verdict
from econsim.errors import InvalidMessage
from econsim.evaluation.bench.cell import CellFold
from econsim.evaluation.bench.plan import Cell, scenario_of
from econsim.evaluation.bench.results import CellResult
from econsim.schemas.scenario import Scenario
from econsim.streams.benchmarks import STREAM_PREFIX
from econsim.subjects import AUDIT

LOOK_EVERY: Final = 200
"""Events between two looks at the verdicts of a run that is watched; an event that breaks an expectation is told with that event."""

PAUSE_S: Final = 0.1
"""Seconds between two looks for new events, some ticks: the server answers ten times a second, not some hundred times."""

Changed = Callable[[tuple[Verdict, ...], int], None]
"""Takes the verdicts so far, and the number of events they rest on."""


def observe(url: str, creds: Path, run: str, scenario: str, cell: Cell) -> CellResult:
    """Judge the run of a cell by its stream until it has ended, in this process."""
    return asyncio.run(_observe(url, creds, run, scenario, cell))


async def _observe(url: str, creds: Path, run: str, scenario: str, cell: Cell) -> CellResult:
    client = await connect(url, creds, "econsim-validator")
    try:
        found = scenario_of(scenario, cell.seed)
        fold = await fold_run(client, run, found, hashed=True)
        return fold.result(cell, run)
    finally:
        await client.close()


async def fold_run(  # noqa: PLR0913 - a run, where it is read, and what is made of it
    client: Client,
    run: str,
    scenario: Scenario,
    *,
    hashed: bool,
    from_log: bool = False,
    on_change: Changed | None = None,
) -> CellFold:
    """Return the fold of a whole run, read from its stream, or from the log; waits for its end.

    Places are counted within the run, as its own stream numbers them, so that both give the same verdicts.
    """
    fold, decided = CellFold(scenario, hashed=hashed), 0
    async with aclosing(whole_run(client, run, AUDIT if from_log else STREAM_PREFIX + run)) as stored:
        async for each in stored:
            place = fold.events + 1 if from_log else each.sequence
            fold.add_stored(each.subject, each.payload, place)
            if on_change and (fold.judge.decided != decided or fold.events % LOOK_EVERY == 0):
                decided = fold.judge.decided
                on_change(fold.judge.verdicts(), fold.events)
    return fold


async def whole_run(client: Client, run: str, stream: str) -> AsyncGenerator[StoredMessage, None]:
    """Yield a run's messages until it is closed and its whole journal was read: entries may be copied after the closing."""
    last, seen, closed = -1, 0, subjects.RUN_CLOSED(run=run)
    async with aclosing(follow(client, run, stream=stream, pause_s=PAUSE_S)) as messages:
        async for each in messages:
            yield each
            last = _closing_entry(each) if each.subject == closed else last
            seen = journal_entry(each.payload) if each.subject.startswith(_ENTRIES) else seen
            if 0 <= last <= seen:
                return


def _closing_entry(closing: StoredMessage) -> int:
    """Return the number of the last entry of the journal, as the closing has it; 0 for a closing that cannot be read."""
    try:
        return int(record(closing.subject, closing.payload).data["journal_sequence"])
    except (InvalidMessage, KeyError, TypeError, ValueError):
        return 0


_ENTRIES: Final = tuple(
    row.template.partition("{run}")[0] for row in (subjects.TRANSFER_POSTED, subjects.TRANSFER_REFUSED)
)
