"""Memory of `econsim up` while a run goes on in real time: every process's, sampled; prints a table.

`python -m benchmarks.soak [SECONDS]`, 600 by default. Each service has a process of its own, so that growth
has a name. The last column is the growth of each process by an accepted order, from the second minute on.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import Final

from benchmarks.rig import superuser
from econsim import subjects
from econsim.adapters.clock import unix_seconds
from econsim.adapters.jetstream.audit_log import read
from econsim.adapters.nats.connection import connect
from econsim.adapters.server.state_directory import read_record, running_url
from econsim.domain.audit.decoding import decode_if_valid
from econsim.identity.trust_root import Trust
from econsim.runs import scenario_file
from econsim.runs.overrides import apply_overrides
from econsim.runs.remote import open_run
from econsim.schemas.market import TickCleared

RUN: Final = "soak"
SAMPLE_S: Final = 10.0
WARM_S: Final = 60.0
"""Time until everything that is loaded once is loaded."""
PERIODS: Final = 100_000
"""More than the time is long."""
START_S: Final = 240.0


async def soak(seconds: float) -> list[tuple[str, list[float], float]]:
    """Return process, mebibytes at each sample, and bytes it grew by an order after the warm-up."""
    with tempfile.TemporaryDirectory() as directory:
        state = Path(directory)
        command = (sys.executable, "-m", "econsim", "--state", directory, "up", "--spread")
        up = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.DEVNULL)
        try:
            return await _sampled(state, up.pid, seconds)
        finally:
            up.terminate()
            await up.wait()


async def _sampled(state: Path, up: int, seconds: float) -> list[tuple[str, list[float], float]]:
    begun = monotonic()
    while (url := running_url(state)) is None and monotonic() - begun < START_S:
        await asyncio.sleep(0.2)
    client = await connect(url or "", superuser(Trust.open(state, unix_seconds)), "soak")
    scenario = apply_overrides(scenario_file.load("genesis"), periods=PERIODS, real_time=True)
    await open_run(client, RUN, scenario, timeout_s=START_S)
    samples: dict[str, list[float]] = {}
    orders: list[int] = []
    begun = monotonic()
    while monotonic() - begun < seconds:
        for name, pid in _processes(state, up).items():
            samples.setdefault(name, []).append(_mebibytes(pid))
        patterns = [subjects.TICK_CLEARED.pattern(run=RUN)]
        cleared = [decode_if_valid(each.subject, each.payload) async for each in read(client, RUN, patterns)]
        orders.append(
            sum(s.event.data.orders for s in cleared if s and isinstance(s.event.data, TickCleared))
        )
        await asyncio.sleep(SAMPLE_S)
    await client.close()
    warm = min(int(WARM_S / SAMPLE_S), len(orders) - 2)
    taken = max(orders[-1] - orders[warm], 1)
    print(f"{orders[-1]:,} orders in {seconds:.0f} s, {taken:,} of them after the warm-up", file=sys.stderr)
    return [
        (name, sizes, (sizes[-1] - sizes[min(warm, len(sizes) - 1)]) * 2**20 / taken)
        for name, sizes in samples.items()
    ]


def _processes(state: Path, up: int) -> dict[str, int]:
    """Return name → process id of the command, its server and its services."""
    found = {"up": up}
    if record := read_record(state / "nats"):
        found["nats-server"] = record.pid
    for entry in Path("/proc").iterdir():
        with suppress(OSError, ValueError):
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            words = (entry / "cmdline").read_bytes().decode().split("\0")
            if parent == up and (app := next((w for w in words if w.startswith("econsim.app:")), "")):
                found[app.partition(":")[2]] = int(entry.name)
    return found


def _mebibytes(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def main() -> None:
    """Soak, and print a table in Markdown."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 600.0
    rows = asyncio.run(soak(seconds))
    every = max(int(2 * WARM_S / SAMPLE_S), 1)
    minutes = [f"{each * SAMPLE_S / 60:.0f} min" for each in range(0, len(rows[0][1]), every)]
    print(f"| process, MiB | {' | '.join(minutes)} | at the end | bytes an order |")
    print("| --- " * (len(minutes) + 3) + "|")
    for name, sizes, growth in rows:
        shown = " | ".join(f"{size:.0f}" for size in (*sizes[::every], sizes[-1]))
        print(f"| {name} | {shown} | {growth:.0f} |")


if __name__ == "__main__":
    main()
