"""A tick of agents that think by `rules` beside a tick of as many scripted agents; and what `rules` costs those.

Over NATS each run has a process and a server of its own, in memory a process. Runs take turns, so that both see the
same machine; beside the seconds stands the processor's time, which a busy machine distorts less.
"""

from __future__ import annotations

import json
import sys
from itertools import pairwise
from statistics import median
from time import perf_counter, process_time
from typing import Any

from benchmarks import loads, rig
from benchmarks.options import Options
from benchmarks.table import Line
from econsim.domain.execution import in_memory
from econsim.runs import scenario_file
from econsim.schemas.clock import Ticked
from econsim.schemas.scenario import Scenario
from econsim.services.gc_tuning import collect_rarely

REPEATS = 3
AGENTS, TICKS = 1_000, 10
TICK_MAX = 3.0
"""Ticks of scripted agents that a tick of thinking agents may take."""
ADDED_MAX = 1.05
"""Processor time of a run without thinking agents, with the cognition service over without it: equal but for noise."""
SMITH = "smith1962"
"""Scenario without thinking agents."""


def run(options: Options) -> list[Line]:
    """Measure over NATS and in memory."""
    repeats, ticks = (1, 4) if options.quick else (REPEATS, TICKS)
    return [*_over_nats(repeats, ticks), *_in_memory(repeats, ticks)]


def _over_nats(repeats: int, ticks: int) -> list[Line]:
    loads_ = ("crowd", "thinkers", "crowd_without_cognition")
    runs = [{load: rig.child("real", load, AGENTS, ticks) for load in loads_} for _ in range(repeats)]
    scripted, thinking = ([median(each[load]["ticks"]) for each in runs] for load in loads_[:2])
    return [
        Line(f"{AGENTS:,} scripted agents: a tick over NATS", "s", scripted),
        Line(
            f"{AGENTS:,} thinking agents: a tick over NATS", "s", thinking, note="policy llm, provider rules"
        ),
        Line(
            "tick over NATS, thinking over scripted",
            "",
            [mine / other for mine, other in zip(thinking, scripted, strict=True)],
            at_most=TICK_MAX,
        ),
        Line(
            "processor time over NATS, thinking over scripted",
            "",
            [_cpu(each["thinkers"]) / _cpu(each["crowd"]) for each in runs],
        ),
        Line(
            "processor time of scripted agents over NATS, with the cognition service over without",
            "",
            [_cpu(each["crowd"]) / _cpu(each["crowd_without_cognition"]) for each in runs],
            at_most=ADDED_MAX,
        ),
    ]


def _in_memory(repeats: int, ticks: int) -> list[Line]:
    runs = [
        {load: rig.child("thinking", load, AGENTS, ticks) for load in ("zi_c", "llm", SMITH)}
        for _ in range(repeats)
    ]
    ratios = [each["llm"]["tick"] / each["zi_c"]["tick"] for each in runs]
    return [
        Line(f"{AGENTS:,} scripted agents: a tick in memory", "s", [each["zi_c"]["tick"] for each in runs]),
        Line(f"{AGENTS:,} thinking agents: a tick in memory", "s", [each["llm"]["tick"] for each in runs]),
        Line("tick in memory, thinking over scripted", "", ratios, at_most=TICK_MAX),
        Line(f"{SMITH} in memory, processor time", "s", [each[SMITH]["cpu"] for each in runs]),
    ]


def _cpu(found: dict[str, Any]) -> float:
    seconds: float = found["client_cpu_s"] + found["server_cpu_s"]
    return seconds


def _timed(scenario: Scenario) -> dict[str, float]:
    """Return the median seconds of a tick in memory, and the processor's seconds of the run."""
    before = process_time()
    events = in_memory.run(scenario)
    moments = [perf_counter() for addressed in events if isinstance(addressed.event.data, Ticked)]
    ticks = [after - begun for begun, after in pairwise([*moments, perf_counter()])]
    return {"tick": median(ticks), "cpu": process_time() - before}


if __name__ == "__main__":
    collect_rarely()  # as commands do
    name, *numbers = sys.argv[1:]
    wanted = (
        scenario_file.load(name) if name == SMITH else loads.crowd(int(numbers[0]), int(numbers[1]), name)
    )
    print(json.dumps(_timed(wanted)))
