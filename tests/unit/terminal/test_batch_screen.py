"""A batch on the screen. Catches: a count that is not the batch's, a failure that only a colour tells."""

from __future__ import annotations

from contextlib import asynccontextmanager

import pytest
from bench_builders import plan, result
from eventually import eventually
from screen_text import screen_text

from econsim.cli.watched_batch import WatchedBatch
from econsim.evaluation.bench.records import BatchFiles, BatchRecord
from econsim.terminal.app import WatchApp
from econsim.terminal.batch_screen import BatchScreen

pytestmark = pytest.mark.slow


@pytest.fixture
def files(tmp_path):
    """Return the files of a batch in memory of four cells, of which none is done."""
    found = BatchFiles(tmp_path, "b")
    found.create(
        BatchRecord(
            plan=plan(seeds=(1, 2, 3, 4)), transport="memory", command="econsim", started_at="", versions={}
        )
    )
    return found


@asynccontextmanager
async def watching(files, size=(100, 24)):
    app = WatchApp(BatchScreen(WatchedBatch(files, None, None)))
    async with app.run_test(size=size, notifications=True) as pilot:
        yield pilot


async def test_results_are_counted_as_they_come(files) -> None:
    with files.writer() as writer:
        writer.add(result(1, seed=1))
        async with watching(files) as pilot:
            await eventually(lambda: "RUNNING  1 of 4 cells" in screen_text(pilot))
            writer.add(result(2, outcome="fails", seed=2))
            await eventually(lambda: "2 of 4 cells  0 running  ✓ 1  ✗ 1" in screen_text(pilot))
            lines = screen_text(pilot).splitlines()

    assert ["✓ passed" in lines[2], "✗ failed" in lines[3], "waiting" in lines[4]] == [True] * 3
    assert "it trades" in lines[3]


async def test_a_batch_that_nobody_runs_says_how_to_go_on(files) -> None:
    async with watching(files, (120, 24)) as pilot:
        await eventually(lambda: "UNFINISHED" in screen_text(pilot))
        assert "econsim bench resume b" in screen_text(pilot)


async def test_a_run_in_memory_has_no_log_and_says_so(files) -> None:
    async with watching(files) as pilot:
        await eventually(lambda: "0 of 4 cells" in screen_text(pilot))
        await pilot.press("enter")
        await eventually(lambda: "runs in memory leave no log" in screen_text(pilot))
