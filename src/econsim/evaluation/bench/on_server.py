"""The run of a batch's cells by a server: over NATS, or by workers. Every transport gives the same verdicts and hashes."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from contextlib import aclosing

from nats.aio.client import Client

from econsim.adapters.nats.connection import connect
from econsim.app import Server
from econsim.errors import EconsimError
from econsim.evaluation.bench.batch import OnResult
from econsim.evaluation.bench.leftovers import remove_leftovers
from econsim.evaluation.bench.live import LiveBatch, run_live
from econsim.evaluation.bench.plan import Cell
from econsim.evaluation.bench.pool import process_pool, terminate
from econsim.evaluation.bench.records import BatchRecord
from econsim.evaluation.bench.work import queue_cells, results, store_plan
from econsim.identity.roles import BENCHMARK
from econsim.runs.launch.services import Notify


async def run_over_nats(  # noqa: PLR0913, PLR0917 - a batch over NATS needs them
    record: BatchRecord,
    cells: Sequence[Cell],
    server: Server,
    jobs: int,
    notify: Notify,
    on_result: OnResult,
    *,
    resumed: bool,
) -> None:
    """Run cells over NATS, so many at once; the first that cannot be run ends all of them."""
    for leftover in await remove_leftovers(server):
        notify(f"deleted the stream of run {leftover.run}: {leftover.reason}")
    waiting = list(reversed(cells))
    # More observers than cores would take the services' time; of further runs the verdicts come late, and are the same.
    observers = process_pool(min(jobs, os.cpu_count() or 1))
    batch = LiveBatch(record.plan.batch, server, observers, notify, record.agents, resumed=resumed)

    async def take() -> None:
        while waiting:
            cell = waiting.pop()
            on_result(await run_live(batch, record.plan.treatment(cell).scenario, cell))

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(min(jobs, len(cells))):
                group.create_task(take())
    except BaseExceptionGroup as errors:
        raise _first(errors) from None
    finally:
        terminate(observers)


def _first(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    known = errors.subgroup(EconsimError)
    found = (known or errors).exceptions[0]
    return _first(found) if isinstance(found, BaseExceptionGroup) else found


async def run_by_workers(
    record: BatchRecord, cells: Sequence[Cell], server: Server, on_result: OnResult
) -> None:
    """Have workers on the server run cells, and take their results until all are there."""
    client = await connect(server.url, server.creds(BENCHMARK), "econsim-bench-batch")
    try:
        await store_plan(client, record.plan)
        await queue_cells(client, record.plan.batch, cells)
        await _take_results(client, record.plan.batch, {cell.number for cell in cells}, on_result)
    finally:
        await client.close()


async def _take_results(client: Client, batch: str, missing: set[int], on_result: OnResult) -> None:
    async with aclosing(results(client, batch)) as stored:
        async for result in stored:
            if result.number in missing:
                missing.discard(result.number)
                on_result(result)
            if not missing:
                return
