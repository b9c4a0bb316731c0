"""The tables of a study as Parquet, tidy: a row for each run, period and market, or for each run, period and group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from econsim.evaluation.bench.plan import StudyPlan
from econsim.evaluation.bench.results import CellResult
from econsim.evaluation.bench.tables import MARKET_NUMBERS, Row, write_table

MARKETS, GROUPS = "study.parquet", "groups.parquet"
"""Names of the files."""

_RUN: Final = {"study": "VARCHAR", "treatment": "VARCHAR"}
_CELL: Final = {"seed": "BIGINT", "run": "VARCHAR", "period": "BIGINT"}
_MARKET: Final = {"market": "VARCHAR"} | MARKET_NUMBERS
_GROUP: Final = {
    "group": "VARCHAR",
    "net_gain": "DOUBLE",
    "thinking_cost": "DOUBLE",
    "priced_out": "DOUBLE",
}

COLUMNS: Final[Mapping[str, str]] = {
    "study": "Name of the study, which is that of its batch.",
    "treatment": "Treatment of the design.",
    "seed": "Seed of the run: runs of one seed in several conditions are pairs.",
    "run": "Id of the run.",
    "period": "Trading day, from 1. Those of one run depend on each other: the run is the unit of a sample.",
    "market": "Resource that is traded.",
    "efficiency": "Surplus realised of the highest possible, percent; empty where none is possible.",
    "alpha": "Smith's alpha, percent; empty without trades.",
    "mean_price": "Mean price of the units traded, credits; empty without trades.",
    "volume": "Units traded.",
    "surplus": "Surplus of all trades, credits.",
    "surplus_max": "Highest surplus possible, credits.",
    "first_arrival": "Units sold by the first seller to arrive, percent; empty without trades.",
    "constrained_efficiency": "Surplus realised of the highest possible within price limits and after tax, percent; empty where none is.",
    "tax": "Tax on the units traded, credits; negative for a subsidy.",
    "group": "Group of agents.",
    "net_gain": "Worth of what an agent traded, less its payments for it, for thoughts, tools and tasks: credits, mean over the group.",
    "thinking_cost": "Payments of an agent for thoughts, credits, mean over the group; empty for a group that asks no model.",
    "priced_out": "Agents whose newest call of a model they could not pay, percent; empty for a group that asks no model.",
}
"""Column → meaning; a column beside these is a path of the scenario and holds the value that the run had there."""


def write_tables(
    batch: str, study: StudyPlan, results: Sequence[CellResult], directory: Path
) -> tuple[Path, Path]:
    """Write both tables and return their paths; runs that failed are left out. Raises SetupError if one cannot be written."""
    heads: dict[str, Row] = {
        each.name: {"study": batch, "treatment": each.treatment, **each.values} for each in study.conditions
    }
    head = _RUN | {path: _type(study, path) for path in study.paths} | _CELL
    whole = [result for result in results if not result.failure]
    markets = (_head(heads, result) | row.model_dump() for result in whole for row in result.periods)
    groups = (_head(heads, result) | row.model_dump() for result in whole for row in result.groups)
    return (
        write_table(directory / MARKETS, head | _MARKET, markets),
        write_table(directory / GROUPS, head | _GROUP, groups),
    )


def _head(heads: Mapping[str, Row], result: CellResult) -> Row:
    return heads[result.treatment] | {"seed": result.seed, "run": result.run}


def _type(study: StudyPlan, path: str) -> str:
    """Return the type of a path's column: a number if all conditions have one there."""
    values = [value for each in study.conditions if (value := each.values[path]) is not None]
    kinds = {type(value) for value in values}
    if kinds == {bool}:
        return "BOOLEAN"
    if kinds == {int}:
        return "BIGINT"
    return "DOUBLE" if kinds and kinds <= {int, float} else "VARCHAR"
