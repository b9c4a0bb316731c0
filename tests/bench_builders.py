"""Small benchmarks: scenarios with expectations that hold, fail and are vacuous, plans of them, and results of cells."""

from __future__ import annotations

from run_builders import small_scenario

from econsim.evaluation.bench.plan import Treatment, make_plan
from econsim.evaluation.bench.results import CellResult, JudgedExpectation

TRADES = {"form": "happens", "event": {"type": "market.trade_executed"}, "within": {"ticks": 100}}
NO_TRADES = {"form": "never", "event": {"type": "market.trade_executed"}}
HALTS = {
    "form": "then",
    "trigger": {"type": "market.trading_halted"},
    "event": {"type": "market.trade_executed"},
    "within": {"ticks": 5},
}


def judged_scenario(*expectations, **fields):
    """Return the small scenario with expectations; without any, with one that holds."""
    return small_scenario(expectations=expectations or (TRADES,), **fields)


def treatment(name="test", *expectations, **fields):
    """Return the small scenario as a treatment."""
    found = judged_scenario(*expectations, name=name, **fields)
    return Treatment(name=name, scenario=found.model_dump_json())


def plan(batch="b", seeds=(1, 2), repeats=1, **fields):
    """Return the plan of a batch of the small scenario."""
    return make_plan(batch, [treatment(**fields)], seeds, repeats)


def result(number=1, outcome="holds", seed=1, repeat=1, treatment="test", **fields):
    """Return the result of a cell with one expectation."""
    verdict = JudgedExpectation(name="it trades", outcome=outcome, message="why", lines=("FAILS  it trades",))
    return CellResult(
        number=number,
        treatment=treatment,
        seed=seed,
        repeat=repeat,
        run=f"b-{number}",
        verdicts=(verdict,),
        **fields,
    )
