"""The run of a batch's cells by the batch's transport, with progress: what `econsim bench` and `econsim study` share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from econsim.cli import interrupts
from econsim.cli.bench_options import BenchTransport
from econsim.cli.command_group import run_async
from econsim.cli.output import console, echo, line_printer, prints_to_stderr

if TYPE_CHECKING:
    from econsim.config import Settings
    from econsim.evaluation.bench.plan import Cell
    from econsim.evaluation.bench.records import BatchFiles, BatchRecord
    from econsim.evaluation.bench.results import CellResult


@prints_to_stderr()
def execute(
    config: Settings, files: BatchFiles, record: BatchRecord, jobs: int | None, *, resumed: bool
) -> list[CellResult]:
    """Run the cells that have no result, showing progress; return all results."""
    from econsim.cli.cell_progress import cell_progress

    plan = record.plan
    with files.writer() as writer:
        done = {result.number for result in files.results(plan)}
        left = [cell for cell in plan.cells if cell.number not in done]
        with cell_progress(plan.batch, len(plan.cells), len(done)) as progress:

            def take(result: CellResult) -> None:
                writer.add(result)
                progress(passed=result.passed)

            with _resumable(plan.batch):
                _run_cells(config, record, left, jobs, take, resumed=resumed)
        return files.results(plan)


@contextmanager
def _resumable(batch: str) -> Iterator[None]:
    """Say how to go on with a batch that is stopped in this context."""
    try:
        yield
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt) or interrupts.interrupted():
            echo(f"`econsim bench resume {batch}` runs the rest", err=True)
        raise


def _run_cells(  # noqa: PLR0913 - a batch needs them
    config: Settings,
    record: BatchRecord,
    cells: Sequence[Cell],
    jobs: int | None,
    take: Callable[[CellResult], None],
    *,
    resumed: bool,
) -> None:
    """Run cells by the batch's transport."""
    if not cells:
        return
    if record.transport == BenchTransport.MEMORY:
        from econsim.evaluation.bench.batch import run_in_memory

        run_in_memory(record.plan, cells, jobs, take)
    else:
        run_async(_on_server(config, record, cells, jobs, take, resumed=resumed))


async def _on_server(  # noqa: PLR0913 - a batch on a server needs them
    config: Settings,
    record: BatchRecord,
    cells: Sequence[Cell],
    jobs: int | None,
    take: Callable[[CellResult], None],
    *,
    resumed: bool,
) -> None:
    from econsim.cli.own_policies import policies_of
    from econsim.evaluation.bench.on_server import run_by_workers, run_over_nats
    from econsim.evaluation.bench.plan import scenario_of
    from econsim.runs.launch.services import LaunchOptions, launch

    tell = line_printer(console(stderr=True))
    services = () if record.transport == BenchTransport.WORKERS else None
    scenarios = [scenario_of(treatment.scenario) for treatment in record.plan.treatments]
    launching = LaunchOptions(services, policies_of=partial(policies_of, scenarios))
    async with launch(launching, config, tell) as server:
        if record.transport == BenchTransport.WORKERS:
            await run_by_workers(record, cells, server, take)
        else:
            await run_over_nats(record, cells, server, jobs or 1, tell, take, resumed=resumed)
