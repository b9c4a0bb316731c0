"""Strategists: a model writes parameters every few ticks, code trades at each, and the log alone holds the strategy."""

from __future__ import annotations

import json
from dataclasses import asdict

import pytest
from run_builders import canonical_hash
from thinking import recorded, thinking_buyers

from econsim import subjects
from econsim.domain.agent.host_agents import HostAgents
from econsim.domain.cognition.rules import rules_completion
from econsim.domain.cognition.strategy import Strategy
from econsim.domain.execution import in_memory, in_memory_calls
from econsim.schemas.cognition import LlmInvoked
from econsim.schemas.market import Accepted
from econsim.schemas.model_call import Completion

RARE = {"every_ticks": 3, "trader": "truthful"}
LONG = {"periods": 2, "ticks_per_period": 6}


def strategists(**fields):
    return thinking_buyers(policy="llm_strategist", **{"thinking": RARE, "clock": LONG, **fields})


def asked_ticks(events):
    return [each.event.tick for each in events if isinstance(each.event.data, LlmInvoked)]


def orders_of(events, agent):
    """Return tick → price of each order that an agent's trader placed."""
    return {
        each.event.tick: item.price
        for each in events
        if isinstance(each.event.data, Accepted)
        for item in each.event.data.items
        if item.agent == agent
    }


@pytest.fixture
def patient(monkeypatch):
    """Let every model write a margin of 50 % and nothing else."""
    margins = Strategy(margin_min_percent=50, margin_max_percent=50)
    text = json.dumps({"strategies": [{"resource": "cpu", **asdict(margins)}]})
    monkeypatch.setattr(
        in_memory_calls, "rules_completion", lambda prompt: Completion(text, rules_completion(prompt).usage)
    )


def test_nothing_is_asked_between_the_cycles():
    events = [*in_memory.run(strategists())]

    assert asked_ticks(events) == [1, 4, 7, 10]


def test_code_trades_at_the_first_tick_and_keeps_the_strategy_from_the_tick_after_the_call(patient):
    events = [*in_memory.run(strategists(count=1))]

    prices = orders_of(events, "thinker_001")
    assert [prices[1], prices[2]] == [3_000_000, 1_500_000]


def test_a_host_that_folds_the_log_again_acts_alike():
    wanted = strategists()
    running, late = HostAgents(wanted), HostAgents(wanted)
    log = [*in_memory.run(wanted)]
    actions = []
    for addressed in log:
        running.evolve(addressed)
        if addressed.event.type == subjects.TICKED.type:
            actions.append(running.act(addressed.event.tick))

    ticks = [place for place, each in enumerate(log) if each.event.type == subjects.TICKED.type]
    for addressed in log[: ticks[-1] + 1]:
        late.evolve(addressed)

    assert late.act(log[ticks[-1]].event.tick) == actions[-1]


def test_a_replay_of_strategists_is_the_recorded_run():
    first = [*in_memory.run(strategists())]

    assert canonical_hash(in_memory.run(strategists(), recording=recorded(first))) == canonical_hash(first)


def test_a_failed_call_leaves_the_trader_as_it_was(monkeypatch):
    monkeypatch.setattr(
        in_memory_calls,
        "rules_completion",
        lambda prompt: Completion("no idea", rules_completion(prompt).usage),
    )

    events = [*in_memory.run(strategists(count=1))]

    assert set(orders_of(events, "thinker_001").values()) <= {3_000_000, 2_000_000}
