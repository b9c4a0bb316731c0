"""Result tables of a batch as Parquet, tidy: a row for each run, for each of its verdicts, and for each market and period."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import duckdb

from econsim.evaluation.bench.plan import Plan
from econsim.evaluation.bench.records import not_written
from econsim.evaluation.bench.results import CellResult
from econsim.evaluation.bench.statistics import measures_of

Row = dict[str, Any]
"""Row of a table: column → value."""

_CELL: Final = {
    "batch": "VARCHAR",
    "cell": "BIGINT",
    "treatment": "VARCHAR",
    "seed": "BIGINT",
    "repeat": "BIGINT",
    "run": "VARCHAR",
}
"""Columns that every table begins with: the cell."""

_RUN: Final = {
    "hash": "VARCHAR",
    "failure": "VARCHAR",
    "passed": "BOOLEAN",
    "ticks": "BIGINT",
    "events": "BIGINT",
    "cpu_s": "DOUBLE",
}
_VERDICT: Final = {"expectation": "VARCHAR", "outcome": "VARCHAR", "message": "VARCHAR"}
MARKET_NUMBERS: Final = {
    "efficiency": "DOUBLE",
    "alpha": "DOUBLE",
    "mean_price": "DOUBLE",
    "volume": "BIGINT",
    "surplus": "DOUBLE",
    "surplus_max": "DOUBLE",
    "first_arrival": "DOUBLE",
    "constrained_efficiency": "DOUBLE",
    "tax": "DOUBLE",
}
"""Columns of the numbers of a market in a period."""


def write_tables(plan: Plan, results: Sequence[CellResult], directory: Path) -> list[Path]:
    """Write the tables of a batch and return their paths; overrides and measures of the whole run are columns.

    Raises SetupError if a table cannot be written.
    """
    overrides = {f"override_{name}": "VARCHAR" for each in plan.treatments for name in each.overrides}
    measured = {name.replace(" ", "_"): "DOUBLE" for name in measures_of(results)}
    given = {
        each.name: {f"override_{name}": value for name, value in each.overrides.items()}
        for each in plan.treatments
    }
    heads = {result.number: _head(plan.batch, result) | given[result.treatment] for result in results}
    cells = (
        heads[each.number]
        | each.model_dump(include={"hash", "failure", "ticks", "events", "cpu_s"})
        | {"passed": each.passed}
        | {name.replace(" ", "_"): value for name, value in each.measures.items()}
        for each in results
    )
    verdicts = (
        heads[each.number] | {"expectation": found.name, "outcome": found.outcome, "message": found.message}
        for each in results
        for found in each.verdicts
    )
    periods = (heads[each.number] | found.model_dump() for each in results for found in each.periods)
    head = _CELL | overrides
    return [
        write_table(directory / "cells.parquet", head | _RUN | measured, cells),
        write_table(directory / "verdicts.parquet", head | _VERDICT, verdicts),
        write_table(
            directory / "periods.parquet",
            head | {"market": "VARCHAR", "period": "BIGINT"} | MARKET_NUMBERS,
            periods,
        ),
    ]


def _head(batch: str, result: CellResult) -> Row:
    return {
        "batch": batch,
        "cell": result.number,
        "treatment": result.treatment,
        "seed": result.seed,
        "repeat": result.repeat,
        "run": result.run,
    }


def write_table(path: Path, columns: Mapping[str, str], rows: Iterable[Row]) -> Path:
    """Write rows with these columns and types of DuckDB as Parquet; return the path. Raises SetupError if it cannot be written."""
    try:
        with TemporaryDirectory() as directory, duckdb.connect() as database:
            lines = Path(directory) / "rows.jsonl"
            with lines.open("w", encoding="utf-8") as file:
                file.writelines(json.dumps(row) + "\n" for row in rows)
            table = database.read_json(str(lines), columns=dict(columns), format="newline_delimited")
            table.write_parquet(str(path))
    except (OSError, duckdb.Error) as error:
        raise not_written(path, error) from error
    return path
