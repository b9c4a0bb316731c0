"""Seconds a tick by number of agents, and memory, in lock-step over NATS; draws the growth.

Every size runs in a process and with a server of its own. Writes `benchmarks/results/ticks.svg`.
"""

from __future__ import annotations

import os
from math import log
from pathlib import Path
from statistics import linear_regression, median

import altair as alt

from benchmarks import rig
from benchmarks.options import Options
from benchmarks.table import Line

SIZES = ((100, 40), (300, 30), (1_000, 20), (3_000, 8), (10_000, 4))
"""Agents, ticks."""
REPEATS = 3
JUDGED = 1_000
SECONDS_MAX = 1.0
MEMORY_MAX_MIB = 1_000
EXPONENT_MAX = 1.15
"""Of agents, in the cost of a tick: 1 is linear, and a fit over two decades is good to about a tenth."""
PLOT = Path(__file__).parent / "results" / "ticks.svg"


def run(options: Options) -> list[Line]:
    """Measure all sizes."""
    lines: list[Line] = []
    points: list[tuple[int, float]] = []
    for agents, ticks in SIZES[:3] if options.quick else SIZES:
        found = [rig.child("real", "crowd", agents, ticks) for _ in range(1 if options.quick else REPEATS)]
        judged = agents == JUDGED
        seconds = [median(each["ticks"]) for each in found]
        cpu = [(each["client_cpu_s"] + each["server_cpu_s"]) / len(each["ticks"]) for each in found]
        points.append((agents, median(cpu)))
        what = f"{agents:,} agents"
        lines += [
            Line(
                f"{what}: a tick",
                "s",
                seconds,
                at_most=SECONDS_MAX if judged else None,
                note=f"{ticks} ticks",
            ),
            Line(f"{what}: a tick, processor time", "s", cpu),
            Line(
                f"{what}: peak memory of server and services",
                "MiB",
                [each["memory_mib"] for each in found],
                at_most=MEMORY_MAX_MIB if judged else None,
            ),
        ]
    exponent = linear_regression(*zip(*[(log(n), log(s)) for n, s in points], strict=True)).slope
    lines.append(
        Line("growth of a tick's processor time: exponent of agents", "", [exponent], at_most=EXPONENT_MAX)
    )
    if not options.quick:
        draw(points, PLOT)
    return lines


def draw(points: list[tuple[int, float]], path: Path) -> None:
    """Draw processor time a tick over agents, with a straight line through the largest."""
    most, cost = points[-1]
    rows = [{"agents": n, "seconds": s, "kind": "measured"} for n, s in points]
    rows += [{"agents": n, "seconds": n * cost / most, "kind": "proportional"} for n, _ in points]
    x = alt.X("agents:Q", title="agents", scale=alt.Scale(type="log"))
    y = alt.Y("seconds:Q", title="processor seconds a tick", scale=alt.Scale(type="log"))
    chart = alt.Chart(alt.Data(values=rows)).encode(x=x, y=y, color=alt.Color("kind:N", title=None))
    measured = chart.transform_filter("datum.kind == 'measured'").mark_point(filled=True, size=60)
    straight = chart.transform_filter("datum.kind == 'proportional'").mark_line(strokeDash=[4, 4])
    path.parent.mkdir(exist_ok=True)
    title = f"Cost of a tick in lock-step over NATS ({os.cpu_count()} processors)"
    (straight + measured).properties(width=420, height=300, title=title).save(str(path))
