"""Order to settled trade to durable log, beside a bare nats-py program that does the same writes.

Runs alternate, each in a fresh process with a fresh server, so that both see the same machine. The rate
counts wall time; the processor's time beside it is what a busy machine cannot distort.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from benchmarks import rig
from benchmarks.options import Options
from benchmarks.table import Line

REPEATS = 3
RATE_MIN = 2_000
RATIO_MIN = 0.5
AGENTS, TICKS = 1_000, 20
SINGLE = 10_000


def run(options: Options) -> list[Line]:
    """Measure in lock-step and in real time."""
    ticks, single = (5, 2_000) if options.quick else (TICKS, SINGLE)
    repeats = 1 if options.quick else REPEATS
    lock_step = _beside("lock-step", ("crowd", AGENTS, ticks), repeats, RATE_MIN)
    return lock_step + _beside("real time", ("orders", single), repeats, None)


def _beside(mode: str, load: tuple[str | int, ...], repeats: int, rate_min: float | None) -> list[Line]:
    """Run a load and its bare twin in turn."""
    real: list[dict[str, Any]] = []
    bare: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as directory:
        trace = Path(directory) / "trace"
        rig.child("real", *load, str(trace))
        for _ in range(repeats):
            real.append(rig.child("real", *load))
            bare.append(rig.child("bare", str(trace)))
    orders, what = real[0]["orders"], " ".join(map(str, load))
    rates = [orders / each["seconds"] for each in real]
    ratios = [b["seconds"] / r["seconds"] for r, b in zip(real, bare, strict=True)]
    details = {"orders": orders, "trades": real[0]["trades"], "real": real, "bare": bare}
    return [
        Line(
            f"{mode}: orders settled and in the log",
            "1/s",
            rates,
            at_least=rate_min,
            note=what,
            beside="bare twin, same writes",
            beside_values=[orders / each["seconds"] for each in bare],
            cpu_s=[_cpu(each) for each in real],
            wall_s=[each["seconds"] for each in real],
            details=details,
        ),
        Line(f"{mode}: share of the bare twin's rate", "", ratios, at_least=RATIO_MIN),
        Line(
            f"{mode}: an order, clients and server",
            "CPU µs",
            [_cpu(each) / orders * 1e6 for each in real],
            note="holds whatever else the machine does",
            beside="bare twin, same writes",
            beside_values=[_cpu(each) / orders * 1e6 for each in bare],
        ),
    ]


def _cpu(found: dict[str, Any]) -> float:
    return float(found["client_cpu_s"] + found["server_cpu_s"])
