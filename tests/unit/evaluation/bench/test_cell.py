"""One cell in memory: its verdicts, its hash, and the id of its run in every event."""

import gc

from bench_builders import HALTS, NO_TRADES, TRADES, judged_scenario, treatment
from requirements import requirement
from run_builders import canonical_hash

from econsim import Policy
from econsim.domain.execution import in_memory
from econsim.domain.expectation import monitor, tick_order
from econsim.evaluation.bench.cell import attempt, run_in_memory
from econsim.evaluation.bench.plan import Cell
from econsim.report.aggregate import RunAggregator


class Broken(Policy):
    """Raises when it is asked."""

    def act(self, see, draws):
        raise ZeroDivisionError(see.agent, draws.integer(1, 6))


CELL = Cell(number=4, treatment="test", seed=11, hashed=True)


def test_an_expectation_holds_fails_or_is_vacuous_and_only_the_first_is_a_pass() -> None:
    found = run_in_memory(treatment("test", TRADES, NO_TRADES, HALTS).scenario, CELL, "b-4")

    assert [verdict.outcome for verdict in found.verdicts] == ["holds", "fails", "vacuous"]
    assert not found.passed
    assert run_in_memory(treatment("test", TRADES).scenario, CELL, "b-4").passed


def test_a_failure_keeps_its_witness_in_twelve_lines_at_most() -> None:
    _, fails = run_in_memory(treatment("test", TRADES, NO_TRADES).scenario, CELL, "b-4").verdicts

    assert 1 < len(fails.lines) <= 12
    assert fails.sequences


@requirement("benchmark.reproducible")
def test_hash_and_figures_are_those_of_the_run_with_that_seed() -> None:
    scenario = judged_scenario(seed=11)

    found = run_in_memory(treatment().scenario, CELL, "b-4")

    events = list(in_memory.run(scenario))
    tally = RunAggregator()
    for addressed in events:
        tally.add(addressed)
    assert found.hash == canonical_hash(in_memory.run(scenario))
    assert found.events == len(events)
    assert found.measures["efficiency"] == 100 * tally.summary().efficiency


def test_a_cell_that_is_not_hashed_is_told_fewer_events_and_has_the_same_result() -> None:
    forms = [{"form": word} for word in ("conservation", "limit_prices", "uncrossed", "solvent")]
    looks = [{"form": "state", "at_event_seq": 9, "key": "treasury.balance", "value": {"<=": 0}}]
    gini = [{"form": "gini", "value": {"<": 0.001}}]
    for more in (forms, forms[:2], looks, gini):
        text = treatment("test", TRADES, NO_TRADES, *more).scenario

        hashed = run_in_memory(text, CELL, "b-4")

        told = {"hash": "", "cpu_s": 0.0}
        plain = run_in_memory(text, CELL.model_copy(update={"hashed": False}), "b-4")
        assert plain.model_copy(update=told) == hashed.model_copy(update=told)


def test_a_judged_cell_leaves_next_to_nothing_to_the_collector_of_cyclic_garbage() -> None:
    text = treatment("test", TRADES, {"form": "conservation"}, {"form": "uncrossed"}).scenario
    cell = CELL.model_copy(update={"hashed": False})
    run_in_memory(text, cell, "b-4")
    gc.collect()
    gc.disable()
    try:
        result = run_in_memory(text, cell, "b-4")
        left = gc.collect()
    finally:
        gc.enable()

    assert left < result.events / 10


def test_a_cell_that_is_not_hashed_judges_what_copies_have_passed(monkeypatch) -> None:
    monkeypatch.setattr(monitor, "OPEN_MAX", 60)
    monkeypatch.setattr(tick_order, "ORDERED_MIN", 5)
    paid = {
        "form": "then",
        "trigger": {"type": "ask_accepted"},
        "event": {"type": "transfer_posted"},
        "within": {"ticks": 9},
    }

    found = run_in_memory(treatment("test", paid).scenario, CELL.model_copy(update={"hashed": False}), "b-4")

    assert [verdict.outcome for verdict in found.verdicts] == ["holds"]


@requirement("benchmark.correlation")
def test_the_id_made_from_batch_and_number_is_in_every_event() -> None:
    run = CELL.run("b")

    assert {each.event.correlation_id for each in in_memory.run(judged_scenario(), run)} == {"b-4"}


def test_a_run_that_raises_is_a_result_that_decides_nothing() -> None:
    lots = treatment(markets=[{"resource": "cpu", "lot_size": 2}])

    found = attempt(lots.scenario, CELL, "b-4")

    assert found.failure.startswith("ScenarioError")
    assert [verdict.outcome for verdict in found.verdicts] == ["undecidable"]
    assert not found.passed


def test_a_run_whose_agents_were_set_aside_is_no_observation() -> None:
    scenario = judged_scenario()
    buyers = scenario.agents[0].model_copy(update={"policy": f"{Broken.__module__}:Broken"})
    broken = scenario.model_copy(update={"agents": (buyers, *scenario.agents[1:])})

    found = attempt(broken.model_dump_json(), CELL, "b-4")

    assert "set aside" in found.failure
    assert "ZeroDivisionError" in found.failure
    assert not found.passed
