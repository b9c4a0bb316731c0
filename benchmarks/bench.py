"""Batches of `econsim bench`: the engine's share of cells in memory, runs side by side, and a run that is watched beside one that is not.

Over NATS the services are in this process; server, services and observer are told apart by their processor time.
"""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Callable, Coroutine
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from nats.aio.client import Client

from benchmarks import rig
from benchmarks.options import Options
from benchmarks.table import Line
from econsim import subjects
from econsim.adapters.jetstream.audit_log import last_event
from econsim.adapters.poll import Poll
from econsim.adapters.server.embedded import EmbeddedServer
from econsim.app import Server
from econsim.domain.execution import in_memory
from econsim.evaluation.bench.batch import run_in_memory, treatment_of
from econsim.evaluation.bench.live import LiveBatch, run_live
from econsim.evaluation.bench.plan import Cell, Plan, scenario_of
from econsim.evaluation.bench.pool import process_pool
from econsim.evaluation.bench.records import BatchFiles, BatchRecord
from econsim.runs.remote import execution_of, run_connection
from econsim.services.gc_tuning import collect_rarely

SMALL = {"genesis": 250, "smith1962": 1_000}
"""Scenario of small cells, of one period each → number of cells; in the second all agents are coded, and its driver is another."""
ROUNDS = 10
"""Parts of a batch in memory, in which cells take turns with the engine alone."""
SHARE_MIN = 0.8
SHORT = ("smith1962", 1)
"""Scenario and periods of runs that are made at once."""
AT_ONCE = 20
AT_ONCE_MAX = 1.5
"""Runs at once, and their cost at most over the same runs one by one."""
WATCHED = ("genesis", 2)
WATCHED_MAX = 1.05
REPEATS = 5
PAIRS = 8
"""Pairs of a watched run and one that is not; which of them comes first changes from pair to pair."""
POLL_S = 0.05
"""Pause between two looks whether a run that nobody watches is closed."""


class Cost(NamedTuple):
    """Processor seconds."""

    services: float
    """Seconds of the services and of the client that opens runs."""
    server: float
    """Seconds of the server."""


def run(options: Options) -> list[Line]:
    """Measure cells in memory, then runs over NATS."""
    collect_rarely()
    shares = [_engine(name, cells // 10 if options.quick else cells) for name, cells in SMALL.items()]
    return [*shares, *asyncio.run(_live(1 if options.quick else REPEATS, 2 if options.quick else PAIRS))]


def _engine(name: str, cells: int) -> Line:
    """Run batches of cells with their records on disk, and the engine alone on the same scenarios and seeds, in turn."""
    treatment, numbers = treatment_of(name, 1), count(1)
    shares = []
    with TemporaryDirectory() as state:
        for batch in (f"b{number}" for number in range(ROUNDS)):
            part = [
                Cell(number=next(numbers), treatment=treatment.name, seed=seed)
                for seed in range(cells // ROUNDS)
            ]
            plan = Plan(batch=batch, treatments=(treatment,), cells=tuple(part))
            files = BatchFiles(Path(state), batch)
            record = BatchRecord(plan=plan, transport="memory", command="", started_at="", versions={})
            files.create(record)

            def engine(plan: Plan = plan) -> None:
                for cell in plan.cells:
                    for _ in in_memory.run(scenario_of(treatment.scenario, cell.seed), cell.run(plan.batch)):
                        pass

            def whole(plan: Plan = plan, files: BatchFiles = files) -> None:
                with files.writer() as writer:
                    run_in_memory(plan, plan.cells, 1, writer.add)

            shares.append(_timed(engine) / _timed(whole))
    what = f"engine's share of the processor time of {cells:,} cells of {name} in memory"
    return Line(what, "", shares, at_least=SHARE_MIN, note="one period each, judged and recorded")


def _timed(act: Callable[[], None]) -> float:
    gc.collect()
    started = time.process_time()
    act()
    return time.process_time() - started


async def _live(repeats: int, pairs: int) -> list[Line]:
    observers, numbers = process_pool(2), count(1)
    try:
        async with rig.private_server() as (server, client), rig.all_services(server):
            batch = LiveBatch("b", Server(server.url, server.creds, trust=server.trust), observers, print)
            small, large = (treatment_of(*each).scenario for each in (SHORT, WATCHED))
            for scenario in (small, large):
                await _cost(server, [_watched(batch, scenario, next(numbers))])
            at_once, watched = [], []
            for _ in range(repeats):
                one_by_one = [
                    await _cost(server, [_watched(batch, small, next(numbers))]) for _ in range(AT_ONCE)
                ]
                together = await _cost(
                    server, [_watched(batch, small, next(numbers)) for _ in range(AT_ONCE)]
                )
                at_once.append(sum(together) / sum(map(sum, one_by_one)))
            for pair in range(pairs):
                # The server slows down as streams are added, so the second of a pair takes more, whichever it is.
                costs = {}
                for is_watched in (pair % 2 == 1, pair % 2 == 0):
                    run = (
                        _watched(batch, large, next(numbers))
                        if is_watched
                        else _unwatched(client, batch, large, next(numbers))
                    )
                    costs[is_watched] = await _cost(server, [run])
                watched.append((costs[False], costs[True]))
    finally:
        observers.shutdown(cancel_futures=True)
    note = f"{WATCHED[0]}, {WATCHED[1]} periods; the observer is a process of its own"
    return [
        Line(
            f"{AT_ONCE} runs at once over one by one",
            "",
            at_once,
            at_most=AT_ONCE_MAX,
            note="processor time of services and server",
        ),
        Line(
            "a watched run over one that is not",
            "",
            [sum(with_) / sum(without) for without, with_ in watched],
            at_most=WATCHED_MAX,
            note=note,
        ),
        Line(
            "a watched run over one that is not: services",
            "",
            [with_.services / without.services for without, with_ in watched],
            at_most=WATCHED_MAX,
            note=note,
        ),
        Line(
            "a watched run over one that is not: server",
            "",
            [with_.server / without.server for without, with_ in watched],
            at_most=WATCHED_MAX,
            note=note,
        ),
    ]


async def _cost(server: EmbeddedServer, runs: list[Coroutine[None, None, object]]) -> Cost:
    """Return what runs take that are made at once."""
    watch = rig.Watch.start(server)
    async with asyncio.TaskGroup() as group:
        for each in runs:
            group.create_task(each)
    found = watch.read()
    return Cost(found["client_cpu_s"], found["server_cpu_s"])


async def _watched(batch: LiveBatch, scenario: str, number: int) -> None:
    """Run a cell with its observer."""
    found = scenario_of(scenario)
    result = await run_live(batch, scenario, Cell(number=number, treatment=found.name, seed=found.seed))
    assert not result.failure, result.failure


async def _unwatched(client: Client, batch: LiveBatch, scenario: str, number: int) -> None:
    """Run the same without observer and stream, until it is closed."""
    run, found = f"{batch.name}-{number}", scenario_of(scenario)
    execution = execution_of(batch.server, found)
    async with run_connection(batch.server, run, found, execution=execution):
        async for _ in Poll(POLL_S):
            if await last_event(client, subjects.RUN_CLOSED(run=run)):
                return
