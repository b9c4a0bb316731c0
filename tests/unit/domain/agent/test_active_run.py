"""Lookups in open runs: what is there is returned, what is not has one typed error each."""

import pytest
from factories import active, group, role, run_opened, scenario

from econsim.domain.agent.active_run import ActiveRuns, active_run
from econsim.errors import NotFound, ScenarioError

WANTED = scenario(
    group("buyer", roles=[role("bid", values=[[1]])]), group("anna", "external"), resources=("cpu", "gpu")
)


def test_a_run_knows_its_agents_and_markets_by_name():
    run = active(WANTED)

    assert (run.agent("anna").id, run.market("gpu").resource) == ("anna", "gpu")
    assert run.externals == {"anna"}


def test_an_unknown_agent_is_named():
    with pytest.raises(NotFound, match="agent 'carl' is not in run 'run'") as refused:
        active(WANTED).agent("carl")

    assert refused.value.error_code == "agent_is_not_in_this_run"


def test_an_unknown_market_is_named_with_those_there_are():
    with pytest.raises(NotFound, match="has no market 'ram'; it has cpu, gpu") as refused:
        active(WANTED).market("ram")

    assert refused.value.error_code == "market_is_not_in_this_run"


def test_a_run_that_is_not_open_is_named():
    runs = ActiveRuns()
    runs["run"] = active(WANTED)

    assert runs.require("run") is runs["run"]
    with pytest.raises(NotFound, match="run 'other' is not open") as refused:
        runs.require("other")
    assert refused.value.error_code == "run_is_not_open"


def test_the_newest_tick_is_noted_of_open_runs_alone():
    runs = ActiveRuns()
    runs["run"] = active(WANTED)

    runs.note_tick("run", 7)
    runs.note_tick("other", 9)

    assert (runs.tick("run"), runs.tick("other")) == (7, None)


def test_nothing_is_known_of_a_run_that_was_dropped():
    runs = ActiveRuns()
    runs["run"] = active(WANTED)
    runs.note_tick("run", 7)

    runs.drop("run")
    runs.drop("run")

    assert (list(runs), runs.tick("run")) == ([], None)


def test_a_scenario_of_impossible_agents_is_no_run():
    impossible = scenario(group("market", "external"), group("buyer", roles=[role("bid", values=[[1]])]))

    with pytest.raises(ScenarioError):
        active_run(run_opened(impossible))
