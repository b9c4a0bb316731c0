"""A cell of which only the measures are wanted: a run of coded agents with nothing to judge and no hash, folded from its facts."""

from __future__ import annotations

import time
from contextlib import closing

from econsim.domain.agent.conditions import Conditions
from econsim.domain.audit.envelope import Envelope
from econsim.domain.execution.coded_run import is_of_coded_agents
from econsim.domain.execution.in_memory import NOW
from econsim.domain.execution.measured_run import MeasuredRun
from econsim.evaluation.bench.plan import Cell
from econsim.evaluation.bench.results import CellResult, result_of
from econsim.report.aggregate import RunAggregator
from econsim.report.summary import Summary
from econsim.schemas.scenario import Scenario


def is_measured_alone(scenario: Scenario, cell: Cell) -> bool:
    """Tell whether the measures of a cell are all that is asked of it, and can be had without its events."""
    return not (scenario.expectations or cell.hashed) and is_of_coded_agents(scenario)


def measured_result(scenario: Scenario, cell: Cell, run: str, conditions: Conditions) -> CellResult:
    """Return the result of a cell that `is_measured_alone`, of a scenario with these conditions."""
    started = time.process_time()
    summary = measured_summary(scenario, run, conditions)
    return result_of(summary, cell, run).model_copy(update={"cpu_s": time.process_time() - started})


def measured_summary(scenario: Scenario, run: str, conditions: Conditions | None = None) -> Summary:
    """Return the summary of a run in memory; orders, refusals and messages are not counted in it.

    `conditions` are the scenario's, if somebody has them already.
    """
    tally = RunAggregator(judges=False, conditions=conditions)
    with closing(MeasuredRun(scenario, Envelope(run, "", 0, NOW), conditions=conditions)) as driver:
        for addressed in driver.events():
            tally.add(addressed)
        tally.take_balances(driver.balance)
    return tally.summary()
