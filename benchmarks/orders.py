"""Order to settled trade to durable log, beside a bare nats-py program that does the same writes.

Runs alternate, each in a fresh process with a fresh server, so that both see the same machine. The rate
counts wall time; the processor's time beside it is what a busy machine cannot distort.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from benchmarks import rig
from benchmarks.table import Line

REPEATS = 3
RATE_MIN = 2_000
RATIO_MIN = 0.5
AGENTS, TICKS = 1_000, 20
SINGLE = 10_000


def run(*, quick: bool) -> list[Line]:
    """Measure in lock-step and in real time."""
    ticks, single = (5, 2_000) if quick else (TICKS, SINGLE)
    repeats = 1 if quick else REPEATS
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
    thrifts = [_cpu(b) / _cpu(r) for r, b in zip(real, bare, strict=True)]
    details = {"orders": orders, "trades": real[0]["trades"], "real": real, "bare": bare}
    return [
        Line(
            f"{mode}: orders settled and in the log",
            "1/s",
            rates,
            at_least=rate_min,
            note=what,
            details=details,
        ),
        Line(f"{mode}: bare twin, same writes", "1/s", [orders / each["seconds"] for each in bare]),
        Line(f"{mode}: share of the bare twin's rate", "", ratios, at_least=RATIO_MIN),
        Line(
            f"{mode}: bare twin's processor time in ours", "", thrifts, note="clients and server, both runs"
        ),
        Line(
            f"{mode}: orders a second of processor time",
            "1/s",
            [orders / _cpu(each) for each in real],
            note="clients and server; holds whatever else the machine does",
        ),
    ]


def _cpu(found: dict[str, Any]) -> float:
    return float(found["client_cpu_s"] + found["server_cpu_s"])
