"""A batch as the terminal reads it: results from its files, progress of running cells from the log."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Final

from econsim import subjects
from econsim.adapters.jetstream import run_reader
from econsim.cli.run_log import verified_record
from econsim.cli.watched_run import WatchedRun
from econsim.errors import NotFound, Unavailable
from econsim.evaluation.bench.plan import Cell, scenario_of
from econsim.evaluation.bench.records import CELLS, BatchFiles
from econsim.evaluation.bench.results import HOLDS, CellResult
from econsim.evaluation.bench.statistics import counts
from econsim.terminal.batch_source import FAILED, PASSED, RUNNING, WAITING, BatchView, CellRow

if TYPE_CHECKING:
    from nats.aio.client import Client

    from econsim.terminal.source import RunSource

LOOKED_AT_MAX: Final = 64
"""Cells without a result whose progress is asked for: the first ones, since cells are begun in their order."""


class WatchedBatch:
    """The source of a batch's view."""

    def __init__(self, files: BatchFiles, client: Client | None, creds: Path | None) -> None:
        """Read a batch's files, and with a client also the logs of its runs; raises NotFound without such a batch."""
        self._files = files
        self._record = files.record()
        self._client = client
        self._creds = creds
        self._size = -1
        self._results: list[CellResult] = []

    async def look(self) -> BatchView:
        """Return the batch at this moment."""
        plan, results = self._record.plan, {each.number: each for each in self._read()}
        left = [cell for cell in plan.cells if cell.number not in results][:LOOKED_AT_MAX]
        ticks = {cell.number: await self._tick(cell) for cell in left}
        tally = tuple((each.treatment, each.name, each.outcomes) for each in counts(self._results))
        rows = tuple(self._row(cell, results.get(cell.number), ticks.get(cell.number)) for cell in plan.cells)
        return BatchView(plan.batch, self._record.transport, self._files.is_running, rows, tally)

    async def open_run(self, cell: CellRow) -> RunSource:
        """Return the log of a cell's run; raises NotFound."""
        if self._client is None:
            message = "runs in memory leave no log to watch: run the batch with --transport nats"
            raise NotFound(message)
        if await run_reader.newest(self._client, subjects.RUN_OPENED(run=cell.run)) is None:
            message = f"run {cell.run} was not opened yet, or is no longer in the log"
            raise NotFound(message)
        return WatchedRun(self._client, cell.run, self._creds)

    def _read(self) -> list[CellResult]:
        """Return the results so far; they are read again only when there are more."""
        path = self._files.path / CELLS
        size = path.stat().st_size if path.exists() else 0
        if size != self._size:
            self._size, self._results = size, self._files.results(self._record.plan)
        return self._results

    async def _tick(self, cell: Cell) -> int | None:
        """Return the newest tick of a cell that runs; none if it does not run, or nobody can tell."""
        if self._client is None:
            return None
        run = cell.run(self._record.plan.batch)
        try:
            found = await run_reader.newest(self._client, subjects.TICKED(run=run))
        except Unavailable:
            # The batch's command has ended, and its server with it: the files still tell what was done.
            return None
        return verified_record(found).tick if found else None

    def _row(self, cell: Cell, result: CellResult | None, tick: int | None) -> CellRow:
        clock = scenario_of(self._record.plan.treatment(cell).scenario).clock
        row = CellRow(
            number=cell.number,
            treatment=cell.treatment,
            seed=cell.seed,
            run=cell.run(self._record.plan.batch),
            state=WAITING if tick is None else RUNNING,
            tick=tick or 0,
            ticks_max=clock.periods * clock.ticks_per_period,
        )
        if result is None:
            return row
        failed = next((each.name for each in result.verdicts if each.outcome != HOLDS), "")
        return CellRow(
            number=row.number,
            treatment=row.treatment,
            seed=row.seed,
            run=row.run,
            state=PASSED if result.passed else FAILED,
            tick=result.ticks,
            outcomes=Counter(each.outcome for each in result.verdicts),
            failure=result.failure or failed,
        )
