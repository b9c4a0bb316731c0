"""Cells over several workers on one server: a queue of cells, and a bucket of plans and results.

A batch stores its plan and queues its cells; workers take them, each runs its cells in processes of its own, and stores the results.
The first result of a cell counts, so a cell that is delivered again (its worker died, or its acknowledgement was lost) is recorded
once. A batch that is killed leaves queue and results: resumed, it queues what has no result, and reads what has.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from pathlib import Path
from typing import Final

from nats.aio.client import Client
from nats.aio.msg import Msg

from econsim.adapters.jetstream.direct_get import batch_get
from econsim.adapters.jetstream.key_table import BucketKeyTable
from econsim.adapters.jetstream.work_queue import SharedConsumer, WorkQueue
from econsim.adapters.nats.connection import reliable_publish
from econsim.adapters.policies import why_not_allowed
from econsim.errors import Conflict
from econsim.evaluation.bench.cell import attempt, failure_result
from econsim.evaluation.bench.plan import Cell, Plan, scenario_of
from econsim.evaluation.bench.pool import process_pool, terminate
from econsim.evaluation.bench.results import CellResult
from econsim.schemas.base import Message
from econsim.streams.benchmarks import BATCHES, CELLS

CONSUMER: Final = SharedConsumer(CELLS.name, "bench_workers", 10_000)
"""Consumer that all workers share; its bound is on cells under way at all of them."""

TRIES_MAX: Final = 5
"""Deliveries of a cell after which its failure is its result: it ends every process that runs it."""

PLANS_KEPT: Final = 16
"""Plans that a worker keeps: batches that are under way at once."""

POLL_INTERVAL_S: Final = 0.2
"""Pause between two looks for new results, in seconds."""

_log = logging.getLogger(__name__)


def cell_subject(batch: str, number: int) -> str:
    """Return the subject of a cell in the queue."""
    return CELLS.subjects[0].replace("*", batch, 1).replace("*", str(number))


async def store_plan(client: Client, plan: Plan) -> None:
    """Store the plan of a batch; idempotent. Raises Conflict if the server has another plan of its name."""
    try:
        await BucketKeyTable(client, BATCHES).put(f"{plan.batch}.plan", _json(plan), 0)
    except Conflict:
        message = f"the server has another batch {plan.batch!r}; choose another name with --name"
        raise Conflict(message, code="batch_exists") from None


async def queue_cells(client: Client, batch: str, cells: Iterable[Cell]) -> None:
    """Queue cells; one that is queued twice is run once, or its second result is dropped."""
    stream = client.jetstream()
    for cell in cells:
        await reliable_publish(
            stream, cell_subject(batch, cell.number), _json(cell), f"{batch}/{cell.number}"
        )


async def results(client: Client, batch: str) -> AsyncGenerator[CellResult, None]:
    """Yield the results of a batch as they are stored, those of before first, for ever."""
    keys = BATCHES.subjects[0].removesuffix(">") + batch
    start, pattern, plan = 1, f"{keys}.*", f"{keys}.plan"
    while True:
        page = await batch_get(client, BATCHES.name, start, pattern)
        for stored in page.messages:
            start = stored.sequence + 1
            if stored.subject != plan:
                yield CellResult.model_validate_json(stored.payload)
        if not page.messages:
            await asyncio.sleep(POLL_INTERVAL_S)


class Worker:
    """One worker: takes cells of any batch off the queue, and stores their results."""

    def __init__(
        self,
        client: Client,
        processes: int,
        on_result: Callable[[str, CellResult], None],
        policies: Path | None = None,
    ) -> None:
        """Run so many cells at once; `on_result` gets the batch and the result of each cell that was stored here.

        Policies of one's own run from the directory `policies` and below; a cell with others fails.
        """
        self._table = BucketKeyTable(client, BATCHES)
        self._processes = processes
        self._on_result = on_result
        self._policies = policies
        self._plans: dict[str, Plan] = {}
        self._pool: ProcessPoolExecutor | None = None
        self._queue = WorkQueue(client, CONSUMER, self._handle, processes)

    async def start(self) -> None:
        """Begin to take cells."""
        self._pool = process_pool(self._processes)
        await self._queue.start()

    async def stop(self) -> None:
        """Give back the cells that are not finished soon, and end the processes."""
        await self._queue.stop()
        if self._pool:
            terminate(self._pool)

    async def _handle(self, message: Msg) -> None:
        batch = message.subject.rsplit(".", 2)[-2]
        cell = Cell.model_validate_json(message.data)
        key = f"{batch}.{cell.number}"
        if await self._table.get_newest(key):
            return
        plan = await self._plan(batch)
        if plan is None:
            _log.warning("cell %s of batch %s is dropped: the batch is gone", cell.number, batch)
            return
        result = await self._run(plan, cell, message.metadata.num_delivered)
        with suppress(Conflict):
            await self._table.put(key, _json(result), 0)
            self._on_result(batch, result)

    async def _plan(self, batch: str) -> Plan | None:
        """Return the plan of a batch; none if the server has none."""
        if batch not in self._plans:
            stored = await self._table.get_newest(f"{batch}.plan")
            if stored is None:
                return None
            if len(self._plans) >= PLANS_KEPT:
                del self._plans[next(iter(self._plans))]
            self._plans[batch] = Plan.model_validate_json(stored.value)
        return self._plans[batch]

    async def _run(self, plan: Plan, cell: Cell, delivered: int) -> CellResult:
        """Return the result of a cell; a process that dies with it takes the other cells of this worker along, which come again."""
        pool, run = self._pool, cell.run(plan.batch)
        assert pool is not None
        scenario = plan.treatment(cell).scenario
        if delivered > TRIES_MAX:
            return failure_result(
                scenario, cell, run, f"its process ended {TRIES_MAX} times before the cell did"
            )
        if reason := why_not_allowed(scenario_of(scenario), self._policies):
            return failure_result(scenario, cell, run, reason)
        try:
            return await asyncio.get_running_loop().run_in_executor(pool, attempt, scenario, cell, run)
        except BrokenProcessPool:
            if pool is self._pool:
                self._pool = process_pool(self._processes)
            raise


def _json(model: Message) -> bytes:
    return model.model_dump_json().encode()
