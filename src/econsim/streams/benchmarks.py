"""Streams of benchmarks: one for each run, and those by which workers share the cells of a batch."""

from __future__ import annotations

from typing import Final

from econsim.schemas.stream import DAY_S, Source, Stream
from econsim.schemas.subject import token
from econsim.streams.buckets import bucket
from econsim.subjects import AUDIT

STREAM_PREFIX: Final = "benchmark_"
"""First part of the name of a run's stream; the rest is the run."""

CELLS_MAX: Final = 1_000_000
"""Cells that wait for workers at once, of all batches."""

BATCH_AGE_S: Final = 7 * DAY_S
"""Seconds that a batch waits for workers, and that its results wait for it."""


def benchmark_stream(run: str, start: int) -> Stream:
    """Return the stream of a benchmark run: the run's events, copied out of the log from a place on."""
    return Stream(
        name=STREAM_PREFIX + token(run, "run"),
        why="Every event of one benchmark run, for its validators.",
        sources=(Source(AUDIT, pattern=f"*.*.*.{token(run, 'run')}", start=start),),
        is_derived=True,
        max_age_s=DAY_S,
        allow_direct=True,
        reasons={
            "is_derived": "the log has every event of it, flushed",
            "max_age_s": "the log keeps the events for a month; `econsim bench gc` deletes a stream that is empty by age",
            "allow_direct": "validators read pages, without a consumer",
        },
    )


CELLS: Final = Stream(
    name="bench_cells",
    why="Cells of benchmark batches, waiting for workers.",
    subjects=("bench.cell.*.*",),
    retention="workqueue",
    discard="new",
    max_age_s=BATCH_AGE_S,
    max_msgs=CELLS_MAX,
    duplicate_window_s=600,
    reasons={
        "retention": "a cell is run by one worker: acknowledged after its result is stored",
        "discard": "backpressure: a full queue refuses a batch instead of dropping another one's cells",
        "max_age_s": "a batch that found no worker for a week is forgotten",
        "max_msgs": "the server's memory stays bounded when no worker runs",
        "duplicate_window_s": "a batch that is resumed at once sends cells again that still wait",
    },
)

BATCHES: Final = Stream(
    name=bucket("bench"),
    why="Batches whose cells workers run, key `<batch>.plan`, and the result of each cell, key `<batch>.<number>`.",
    subjects=("$KV.bench.>",),
    compressed=True,
    max_age_s=BATCH_AGE_S,
    max_msgs_per_subject=1,
    allow_direct=True,
    reasons={
        "compressed": "results repeat their names",
        "max_age_s": "the command that started a batch keeps its results in files",
        "max_msgs_per_subject": "the first result of a cell counts, so there is no second",
        "allow_direct": "a batch reads its results in pages, without a consumer",
    },
)
