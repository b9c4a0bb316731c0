"""The runs of an experiment: the cells of its design, in parallel processes, and what is read from their results."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from econsim.evaluation.bench.cell import run_in_memory
from econsim.evaluation.bench.pool import in_processes
from econsim.evaluation.bench.results import CellResult, GroupPeriod, MarketPeriod
from econsim.evaluation.studies.conditions import study_plan
from econsim.evaluation.studies.design import Design

Runs = tuple[CellResult, ...]
"""All runs of one condition, by seed."""

Advance = Callable[[], None]
"""Function that is called each time a run has ended."""


def sample(design: Design, processes: int | None = None, advance: Advance = lambda: None) -> tuple[Runs, ...]:
    """Return the runs of each condition of a design, made in parallel processes; by default as many as there are cores.

    The outcome depends only on the design. Raises what a run raises.
    """
    plan, study = study_plan(design, design.name)
    scenarios = {each.name: each.scenario for each in plan.treatments}
    cells = [cell.model_copy(update={"hashed": False}) for cell in plan.cells]
    calls = [(scenarios[cell.treatment], cell, cell.run(plan.batch)) for cell in cells]
    found: dict[int, CellResult] = {}
    for place, result in in_processes(run_in_memory, calls, processes):
        found[place] = result
        advance()
    every = [found[place] for place in range(len(cells))]
    return tuple(
        tuple(each for each in every if each.treatment == condition.name) for condition in study.conditions
    )


def days(run: CellResult, resource: str) -> Sequence[MarketPeriod]:
    """Return the trading days of a market, in order."""
    return [day for day in run.periods if day.market == resource]


def group_days(run: CellResult, group: str) -> Sequence[GroupPeriod]:
    """Return the trading days of a group, in order."""
    return [day for day in run.groups if day.group == group]
