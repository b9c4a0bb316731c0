"""Thinking agents see the money that the ledger would show them, and the others' results never depend on one of them."""

from __future__ import annotations

import json

import pytest
from factories import group, role, scenario
from hypothesis import given, settings
from hypothesis import strategies as st
from run_builders import canonical_log
from thinking import cognition, studio
from tool_builders import answer, offered, tool_users

from econsim.domain.execution import in_memory
from econsim.domain.ledger.ledger import Ledger
from econsim.domain.runtime import thinking_agents
from econsim.domain.runtime.thinking_agents import ThinkingAgents
from econsim.schemas.agent import CognitiveCyclesCompleted
from econsim.schemas.clock import Ticked
from econsim.schemas.ledger import CREDITS, DEBT, TransferPosted
from econsim.schemas.scenario import PolicyName


def economy(*, seed=0, endowed, cost=1, every=1, periods, tokens):
    """Return an economy of thinkers that trade, pay for thoughts, redeem units, and may fall into debt."""
    thinking = {"max_tokens": 60, "memory": 1, "every_ticks": every, "units": 4 if tokens else 0}
    return scenario(
        group(
            "buyer", "llm", count=2, credits=endowed, thinking=thinking, roles=[role("bid", values=[[3, 2]])]
        ),
        group(
            "maker",
            "llm",
            count=2,
            credits=endowed,
            thinking=thinking,
            roles=[role("ask", values=[[1, cost]])],
        ),
        group("coder", "zip", count=2, roles=[role("bid", first=3, last=2)]),
        group("plant", "zip", roles=[role("ask", "tokens", values=[[0.1] * 9])]),
        resources=("cpu", "tokens"),
        seed=seed,
        clock={"periods": periods, "ticks_per_period": 5},
        cognition=cognition(**({"resource": "tokens", "tokens_per_unit": 500} if tokens else {})),
    )


def observed_and_held(wanted):
    """Yield for every tick and agent what it observes, and what the ledger holds when the tick opens."""
    agents, ledger = ThinkingAgents(wanted), Ledger()
    for addressed in in_memory.run(wanted, "run", "salt"):
        agents.evolve(addressed)
        data = addressed.event.data
        if isinstance(data, TransferPosted):
            ledger.apply(data.chains)
        if isinstance(data, Ticked):
            for agent in agents._agents:
                seen = agents._perception.observe(agent)
                cash, units = (ledger.position(agent.id, asset) for asset in (CREDITS, "cpu"))
                yield (
                    (addressed.event.tick, agent.id, seen.credits, seen.pending, seen.holdings["cpu"]),
                    (
                        addressed.event.tick,
                        agent.id,
                        cash.posted - cash.pending,
                        cash.pending,
                        units.posted - units.pending,
                    ),
                )


ECONOMIES = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 9),
        "endowed": st.sampled_from([0, 0.1, 1, 20]),
        "cost": st.sampled_from([1, 2]),
        "every": st.integers(1, 3),
        "periods": st.integers(1, 3),
        "tokens": st.booleans(),
    }
)


@settings(max_examples=12)
@given(ECONOMIES)
def test_an_agent_sees_the_money_and_units_that_the_ledger_has(drawn):
    pairs = list(observed_and_held(economy(**drawn)))

    assert pairs
    assert [seen for seen, _ in pairs] == [held for _, held in pairs]


@pytest.mark.parametrize("people", [studio().people, ()], ids=["who delegate", "who are not allowed to"])
def test_agents_that_work_for_each_other_see_the_money_that_the_ledger_has(people):
    pairs = list(observed_and_held(studio(people=people)))

    assert [seen for seen, _ in pairs] == [held for _, held in pairs]


def test_a_host_perceives_of_its_agents_what_all_hosts_together_do():
    hosts = [ThinkingAgents(studio(), index) for index in (0, 1, None)]
    for addressed in in_memory.run(studio()):
        for each in hosts:
            each.evolve(addressed)

        if isinstance(addressed.event.data, Ticked):
            apart = {name: seen for each in hosts[:2] for name, seen in observations(each).items()}
            assert apart == observations(hosts[2])


def test_an_agent_knows_its_cycle_before_this_one():
    agents, before = ThinkingAgents(studio()), {}
    for addressed in in_memory.run(studio()):
        agents.evolve(addressed)
        if isinstance(addressed.event.data, Ticked):
            assert {
                name: seen.last_cycle for name, seen in observations(agents).items() if name in before
            } == before
            before = dict.fromkeys(agents.cycles(addressed.event.tick), addressed.event.tick) or before
    assert before


def observations(agents):
    return {agent.id: agents._perception.observe(agent) for agent in agents._agents}


def owes(log):
    """Return whether an agent owed something at any time."""
    return any(
        leg.asset == DEBT
        for e in log
        if isinstance(e.event.data, TransferPosted)
        for chain in e.event.data.chains
        for leg in chain.transfers
    )


def test_the_property_covers_agents_that_think_themselves_into_debt():
    assert owes(in_memory.run(economy(endowed=0.1, periods=3, tokens=False), "run", "salt"))


def facts_of_others(log, name):
    """Return the canonical lines of a log that do not name an agent, without their numbers."""
    lines = (json.loads(line) for line in canonical_log(log).lines())
    return [(line["tick"], line["data"]) for line in lines if name not in json.dumps(line)]


def test_an_agent_that_raises_is_set_aside_and_the_others_finish_as_they_would_have(monkeypatch):
    wanted = bystanders()
    undisturbed = list(in_memory.run(wanted, "run", "salt"))
    prompt, real = thinking_agents.POLICIES[PolicyName.LLM]

    def broken(thinking, observation, earlier, *tools):
        if observation.agent == "fool_001" and observation.tick == 3:
            raise ZeroDivisionError
        yield from real(thinking, observation, earlier, *tools)

    monkeypatch.setitem(thinking_agents.POLICIES, PolicyName.LLM, (prompt, broken))
    disturbed = list(in_memory.run(wanted, "run", "salt"))

    reports = [e.event.data for e in disturbed if isinstance(e.event.data, CognitiveCyclesCompleted)]
    failed = [(item.agent, item.cycle) for each in reports for item in each.items if item.failure]
    assert failed == [("fool_001", 3)]
    assert facts_of_others(disturbed, "fool_001") == facts_of_others(undisturbed, "fool_001")


def bystanders():
    """Return a scenario whose agent fool_001 thinks beside a market, where it has no role."""
    thinking = {"max_tokens": 60}
    return scenario(
        group("fool", "llm", credits=5, thinking=thinking),
        group("buyer", "llm", count=2, credits=5, thinking=thinking, roles=[role("bid", values=[[3, 2]])]),
        group("maker", "zip", count=2, roles=[role("ask", values=[[1, 1]])]),
        clock={"periods": 2, "ticks_per_period": 4},
        cognition=cognition(),
    )


def test_agents_that_pay_for_tools_see_what_the_ledger_holds():
    look = offered("look", answer("2.20"), price=0.05)

    differences = [seen for seen in observed_and_held(tool_users(look)) if seen[0] != seen[1]]

    assert differences == []
