"""A cell of which only the measures are wanted has the numbers of the same run folded from all its events."""

from __future__ import annotations

import pytest
from bench_builders import judged_scenario
from economies import changing
from factories import group, role, scenario
from hypothesis import given, settings
from hypothesis import strategies as st
from run_builders import thinking_run

from econsim.domain.execution import in_memory
from econsim.evaluation.bench.cell import run_in_memory
from econsim.evaluation.bench.measured import is_measured_alone, measured_summary
from econsim.evaluation.bench.plan import Cell
from econsim.evaluation.bench.results import imbalance, result_of
from econsim.report.aggregate import RunAggregator
from econsim.runs import scenario_file
from econsim.schemas.scenario import MechanismName

CELL = Cell(number=1, treatment="test", seed=3)


def from_all_events(wanted):
    """Return the result of a run, folded from every event."""
    tally = RunAggregator(judges=False)
    for addressed in in_memory.run(wanted, "b-1"):
        tally.add(addressed)
    return result_of(tally.summary(), CELL, "b-1")


@st.composite
def economies(draw):
    """Return a scenario of two groups of coded agents on one or two markets, with too little money now and then."""
    resources = draw(st.sampled_from([("cpu",), ("cpu", "gpu")]))
    policies, worth = st.sampled_from(["zi_c", "zi_u", "truthful", "zip"]), st.integers(1, 400)
    groups = [
        group(
            f"group_{number}",
            draw(policies),
            count=draw(st.integers(1, 4)),
            credits=draw(st.sampled_from([0, 3, 100])),
            activity_percent=draw(st.sampled_from([30, 100])),
            roles=[
                role(side, resource, first=draw(worth) / 100, last=draw(worth) / 100, units=2)
                for resource in resources
            ],
        )
        for number, side in enumerate(("bid", "ask", draw(st.sampled_from(["bid", "ask"]))))
    ]
    markets = [
        {"resource": resource, "mechanism": draw(st.sampled_from([each.value for each in MechanismName]))}
        for resource in resources
    ]
    clock = {"periods": draw(st.integers(1, 3)), "ticks_per_period": draw(st.integers(1, 8))}
    return scenario(*groups, markets=markets, clock=clock, seed=draw(st.integers(0, 99)))


@settings(max_examples=40)
@given(economies())
def test_the_numbers_are_those_of_all_events(wanted) -> None:
    assert result_of(measured_summary(wanted, "b-1"), CELL, "b-1") == from_all_events(wanted)


@pytest.mark.parametrize("name", ["smith1962", "call_vs_cda", "zip_learning"])
def test_shipped_scenarios_have_the_same_numbers(name) -> None:
    found = scenario_file.load(name)
    wanted = found.model_copy(
        update={"expectations": (), "clock": found.clock.model_copy(update={"periods": 3})}
    )

    assert result_of(measured_summary(wanted, "b-1"), CELL, "b-1") == from_all_events(wanted)
    assert measured_summary(wanted, "b-1").holders == folded_holders(wanted)


def folded_holders(wanted):
    tally = RunAggregator(judges=False)
    for addressed in in_memory.run(wanted, "b-1"):
        tally.add(addressed)
    return tally.summary().holders


def test_what_agents_pay_for_thoughts_is_no_imbalance() -> None:
    tally = RunAggregator(judges=False)
    for entry in thinking_run():
        tally.add(entry)
    summary = tally.summary()

    assert sum(group.price for group in summary.thinking) > 0
    assert imbalance(summary) == 0


def test_what_is_judged_hashed_or_thought_is_run_with_all_events() -> None:
    judged = judged_scenario()
    silent = judged.model_copy(update={"expectations": ()})
    thinking = scenario(group("a", "llm", roles=[role("bid", values=[[1]])]))

    assert is_measured_alone(silent, CELL)
    assert not is_measured_alone(judged, CELL)
    assert not is_measured_alone(silent, CELL.model_copy(update={"hashed": True}))
    assert not is_measured_alone(thinking, CELL)


def test_a_hashed_cell_has_the_measures_of_one_that_is_not() -> None:
    text = judged_scenario().model_copy(update={"expectations": ()}).model_dump_json()

    hashed = run_in_memory(text, CELL.model_copy(update={"hashed": True}), "b-1")

    plain = run_in_memory(text, CELL, "b-1")
    told = {"hash": "", "events": 0, "cpu_s": 0.0}
    assert hashed.hash
    assert hashed.model_copy(update=told) == plain.model_copy(update=told)


def test_the_numbers_are_those_of_all_events_while_everything_changes() -> None:
    found = changing()
    wanted = found.model_copy(
        update={
            "agents": tuple(each for each in found.agents if each.name != "script"),
            "changes": tuple(each for each in found.changes if each.group != "script"),
        }
    )

    assert is_measured_alone(wanted, CELL)
    assert result_of(measured_summary(wanted, "b-1"), CELL, "b-1") == from_all_events(wanted)
    assert measured_summary(wanted, "b-1").holders == folded_holders(wanted)
    found = result_of(measured_summary(wanted, "b-1"), CELL, "b-1")
    assert (found.imbalance, found.measures["cpu tax"] > 0) == (0, True)
    assert found.measures["cpu constrained_efficiency"] > found.measures["cpu efficiency"]
