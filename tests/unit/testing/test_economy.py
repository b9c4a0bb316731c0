"""Fixture `economy` in memory: what it runs is what `econsim run` runs, and mistakes are no silent passes."""

from __future__ import annotations

import subprocess
import sys

import pytest
from factories import group, role, scenario
from run_builders import canonical_hash, small_scenario

from econsim.domain.audit.envelope import AddressedEvent
from econsim.domain.execution import coded_run, in_memory
from econsim.domain.ledger import ledger
from econsim.errors import NotFound, RunFailed, ScenarioError
from econsim.runs import scenario_file
from econsim.runs.overrides import apply_overrides
from econsim.schemas.types import MICROS_PER_CREDIT
from econsim.testing import Result


def test_a_run_has_the_events_and_the_hash_of_its_scenario(economy):
    run = economy.run(small_scenario("zi_c"))

    assert run.hash == canonical_hash(in_memory.run(small_scenario("zi_c")))
    assert len(run.records) == len([*in_memory.run(small_scenario("zi_c"))])
    assert len(run.facts("trade_executed")) == len(run.market("cpu").trades) > 0


def test_an_event_that_comes_again_counts_once():
    events = [AddressedEvent(each.subject, each.event) for each in in_memory.run(small_scenario("zi_c"))]
    again = next(each for each in events if each.type == "market.trade_executed")

    assert Result([*events, again]).facts() == Result(events).facts()


def test_facts_of_an_agent_that_the_run_lacks_are_refused(economy):
    run = economy.run(small_scenario("zi_c"))

    assert run.facts(actor=run.figures.holders[0].agent)
    with pytest.raises(NotFound, match="has no agent 'bob'"):
        run.facts("trade_executed", actor="bob")


def test_seed_and_periods_are_those_of_the_command_line(economy):
    run = economy.run("smith1962", seed=7, periods=2)

    wanted = apply_overrides(scenario_file.load("smith1962"), seed=7, periods=2)
    assert run.hash == canonical_hash(in_memory.run(wanted)) != economy.run("smith1962", periods=2).hash


def test_a_file_is_a_scenario_too(economy, tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(scenario_file.template())

    assert economy.run(path).figures.scenario == scenario_file.load(path)


def test_a_group_takes_the_policy_it_is_given_and_the_others_keep_theirs(economy):
    run = economy.run(small_scenario("zi_c"), policies={"buyer": "truthful"})

    assert run.hash != economy.run(small_scenario("zi_c")).hash
    assert [(each.name, str(each.policy)) for each in run.figures.scenario.agents] == [
        ("buyer", "truthful"),
        ("seller", "zi_c"),
    ]


async def test_a_test_that_waits_gets_the_same_run(economy):
    run = await economy.run_async(small_scenario())

    assert run.hash == economy.run(small_scenario()).hash


def test_facts_are_chosen_by_type_and_agent(economy):
    run = economy.run(small_scenario("zi_c"))

    bought = run.facts("market.trade_executed", actor="buyer_001")
    assert {fact.type for fact in bought} == {"market.trade_executed"}
    assert {fact.data["buyer"] for fact in bought} == {"buyer_001"}
    assert len(run.facts()) > len(run.facts(actor="buyer_001")) > len(bought)


def test_agents_share_the_gain_of_their_trade(economy):
    buyer = group("ann", "truthful", credits=5, roles=[role("bid", values=[[3]])])
    seller = group("bob", "truthful", roles=[role("ask", values=[[1]])])

    run = economy.run(scenario(buyer, seller, clock={"periods": 1, "ticks_per_period": 2}))

    assert run.agent("ann_001").profit + run.agent("bob_001").profit == 2 * MICROS_PER_CREDIT


@pytest.mark.parametrize(
    ("options", "error", "reason"),
    [
        ({"policies": {"buyers": "zip"}}, ScenarioError, "no group 'buyers'; its groups are buyer, seller"),
        ({"policies": {"buyer": "zi_d"}}, ScenarioError, "no policy 'zi_d'"),
        ({"policies": {"buyer": "external"}}, ScenarioError, "buyer_001, .* are external; name their programs"),
        ({"transport": "natz"}, ScenarioError, "no transport 'natz'"),
        ({"bots": {"ana": None}, "transport": "memory"}, ScenarioError, "external agents .*; write transport='nats'"),
        ({"bots": {"buyer": None}}, ScenarioError, "'buyer' is an agent or group of the scenario"),
        ({"periods": 0}, ScenarioError, "greater than or equal to 1"),
        ({"sed": 1}, TypeError, "unexpected keyword argument 'sed'"),
    ],
    ids=str,
)  # fmt: skip
def test_a_mistake_in_the_options_is_refused(economy, options, error, reason):
    with pytest.raises(error, match=reason):
        economy.run(small_scenario(), **options)


@pytest.mark.parametrize(
    ("ask", "nearest"),
    [
        (lambda run: run.facts("trade_execute"), "trade_executed"),
        (lambda run: run.market("cpus"), "cpu"),
        (lambda run: run.agent("buyr_001"), "buyer_001"),
    ],
    ids=["fact", "market", "agent"],
)
def test_what_a_run_cannot_have_is_refused_with_the_nearest_name(economy, ask, nearest):
    run = economy.run(small_scenario())

    with pytest.raises(NotFound, match=f"did you mean '{nearest}'"):
        ask(run)


def test_a_run_that_cannot_go_on_fails_the_test(economy, monkeypatch):
    for limited in (ledger, coded_run):
        monkeypatch.setattr(limited, "AMOUNT_MAX", 10_000_000)

    with pytest.raises(RunFailed, match="the ledger refused 100 credits"):
        economy.run(small_scenario())


def test_the_plugin_loads_nothing_of_econsim_but_itself():
    code = "import sys, pytest; before = set(sys.modules); import econsim.testing.pytest_plugin; print(*sorted(set(sys.modules) - before))"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.split() == ["econsim", "econsim.testing", "econsim.testing.pytest_plugin"]


def test_a_run_in_memory_loads_nothing_of_nats():
    code = "import sys, econsim.testing.economy; print(*{name.partition('.')[0] for name in sys.modules})"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert not {"nats", "faststream", "duckdb"} & set(done.stdout.split())
