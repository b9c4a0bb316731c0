"""Steps of a learning agent in a market of twenty agents, beside the same engine's ticks without one."""

from __future__ import annotations

import time
from itertools import islice

import numpy as np

from benchmarks.options import Options
from benchmarks.table import Line
from econsim.domain.audit.envelope import Envelope
from econsim.domain.execution.coded_run import CodedRun
from econsim.domain.execution.in_memory import NOW
from econsim.envs import MarketEnv
from econsim.schemas.scenario import Scenario
from econsim.subjects import TICKED

REPEATS = 9
STEPS = 5_000
STEPS_MIN_S = 5_000
"""Steps in a second of processor time, on one core."""


def run(options: Options) -> list[Line]:
    """Step and run in turn, with traders that act now and then, as in the shipped scenarios, and at every tick."""
    repeats = 3 if options.quick else REPEATS
    return [
        _line("one in ten traders at a tick", 10, repeats),
        _line("every trader at each tick", 100, repeats),
    ]


def _line(what: str, activity_percent: int, repeats: int) -> Line:
    scenario, steps, ticks, cpu = _market(activity_percent), [], [], []
    for _ in range(repeats):
        cpu.append(_step(scenario))
        steps.append(STEPS / cpu[-1])
        ticks.append(STEPS / _run(scenario))
    return Line(
        f"steps in a second of processor time, {what}",
        "1/s",
        steps,
        at_least=STEPS_MIN_S,
        note="20 agents, 1 learns",
        beside="ticks of the engine",
        beside_values=ticks,
        cpu_s=cpu,
    )


def _market(activity_percent: int) -> Scenario:
    sides = (("buyer", "bid", 3.25, 0.75), ("seller", "ask", 0.75, 3.25))
    groups = [
        {
            "name": name,
            "policy": "zi_c",
            "count": 10,
            "activity_percent": activity_percent,
            "roles": [{"resource": "good", "side": side, "first": first, "last": last, "units": 5}],
        }
        for name, side, first, last in sides
    ]
    clock = {"periods": 1_000, "ticks_per_period": 100}
    return Scenario.model_validate(
        {"name": "learning", "clock": clock, "markets": [{"resource": "good"}], "agents": groups}
    )


def _step(scenario: Scenario) -> float:
    """Return the processor time of STEPS random actions, seconds."""
    env = MarketEnv(scenario, "buyer_001")
    env.reset(seed=1)
    actions = [*np.random.default_rng(1).integers(0, env.action_space.n, STEPS)]
    started = time.process_time()
    for action in actions:
        env.step(action)
    return time.process_time() - started


def _run(scenario: Scenario) -> float:
    """Return the processor time of as many ticks of the engine, seconds."""
    events = CodedRun(scenario, Envelope("run", "salt", 0, NOW)).events()
    started = time.process_time()
    ticks = (event for event in events if event.type == TICKED.type)
    next(islice(ticks, STEPS, None))
    return time.process_time() - started
