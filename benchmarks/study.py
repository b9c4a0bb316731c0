"""`econsim study` of 200 seeds beside the engine alone on the same seeds, and beside as many calls of `econsim run --transport memory`.

Each side is a process of its own, in turn; its processor time is that of the whole command: start, runs, tables, picture, page.
"""

from __future__ import annotations

import resource
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.options import Options
from benchmarks.table import Line

SEEDS = 200
ROUNDS = 5
OVER_ENGINE_MAX = 1.3
CHEAPER_MIN = 25

MARKET = """
name = "twenty"
[clock]
periods = 5
ticks_per_period = 40
[[markets]]
resource = "good"
[[agents]]
name = "buyer"
policy = "zi_c"
count = 10
roles = [{ resource = "good", side = "bid", first = 3.25, last = 0.75, units = 3 }]
[[agents]]
name = "seller"
policy = "zi_c"
count = 10
roles = [{ resource = "good", side = "ask", first = 0.75, last = 3.25, units = 3 }]
"""
"""Twenty agents, 200 ticks."""

ENGINE = """
import sys, time
from econsim.domain.execution import in_memory
from econsim.runs import scenario_file
from econsim.services.gc_tuning import collect_rarely

collect_rarely()
scenario = scenario_file.load(sys.argv[1])
started = time.process_time()
for seed in range(1, int(sys.argv[2]) + 1):
    for _ in in_memory.run(scenario.model_copy(update={"seed": seed})):
        pass
print(time.process_time() - started)
"""
"""The engine alone; its start is not counted."""


def run(options: Options) -> list[Line]:
    """Measure the three sides in turn."""
    seeds = SEEDS // 10 if options.quick else SEEDS
    engine, study, run_ = [], [], []
    with TemporaryDirectory() as directory:
        place = Path(directory)
        (place / "twenty.toml").write_text(MARKET)
        (place / "design.toml").write_text(f'scenario = "twenty.toml"\nseeds = "1..{seeds}"\n')
        for number in range(1 if options.quick else ROUNDS):
            engine.append(float(_output([sys.executable, "-c", ENGINE, "twenty.toml", str(seeds)], place)))
            study.append(_cpu_s(_econsim("study", "design.toml", "--jobs", "1", "--name", f"s{number}"), place))
            run_.append(_cpu_s(_econsim("run", "twenty.toml", "--transport", "memory"), place))
    note = f"{seeds} seeds of 20 agents and 200 ticks, one process"
    return [
        Line(
            "econsim study over the engine alone",
            "",
            [one / other for one, other in zip(study, engine, strict=True)],
            at_most=OVER_ENGINE_MAX,
            note=note,
            cpu_s=study,
        ),
        Line(
            f"{seeds} calls of econsim run --transport memory over econsim study",
            "",
            [seeds * one / other for one, other in zip(run_, study, strict=True)],
            at_least=CHEAPER_MIN,
            note="a call is measured, and taken so many times",
            cpu_s=run_,
        ),
    ]


def _econsim(*words: str) -> list[str]:
    return [sys.executable, "-m", "econsim", "--state", "state", *words]


def _cpu_s(command: Sequence[str], place: Path) -> float:
    """Return the processor time of a command and all its children, in seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    _output(command, place)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _output(command: Sequence[str], place: Path) -> str:
    return subprocess.run(command, cwd=place, capture_output=True, text=True, check=True).stdout
