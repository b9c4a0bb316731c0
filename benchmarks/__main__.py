"""Measure econsim, and compare: with an earlier build, with other simulators, with counts that no machine changes."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from pathlib import Path
from subprocess import CalledProcessError

from benchmarks.builds import Build, build_of
from benchmarks.options import Options, Peer
from benchmarks.page import write_tables
from benchmarks.table import Line, number, show, write

SUITES = {
    "start": "what it takes to start: command line, small run, worker, first trade",
    "reading": "questions to a long run: events, why, report, export",
    "bench": "cells in memory beside the engine alone, runs side by side, a watched run beside one that is not",
    "study": "a study of 200 seeds beside the engine alone, and beside as many calls of econsim run",
    "judging": "events judged by fifty expectations beside a bare read of the same log, and what is kept",
    "learning": "steps of a learning agent in a market of twenty, beside ticks of the engine",
    "counts": "messages stored, round trips, events and bytes of a small run, compared with baseline.json",
    "memory": "processor time of an order in memory, beside peers' markets of the same size",
    "book": "the order book alone",
    "lock_step": "processor time and stored bytes of an order over NATS, a small tick, books in processes",
    "orders": "orders settled and in the log, beside a bare program that writes the same",
    "ticks": "time and memory of a tick, from 100 to 10 000 agents",
    "balance": "get_balance beside a bare echo",
    "ledger": "the ledger's rules, journal and durable commits",
    "security": "a secured server beside an open one",
    "quota": "requests with the check of quotas beside requests without",
    "calls": "calls of models through the cognition service beside calls of the provider",
    "thinking": "ticks of agents that think beside ticks of scripted ones",
    "workspace": "files through the workspace beside a bare object store",
    "social": "tasks, questions and messages between agents",
    "tools": "calls of tools through the gateway beside calls of the tool",
    "spans": "live spans: what they cost an order, and the bridge to a collector",
}
"""What can be measured, in this order."""

OF_BUILDS = ("start", "memory", "lock_step")
"""Suites that measure other builds and peers too."""

EPILOG = """
suites:
{suites}

reading the table:
  Sides take turns, in fresh processes: A B, B A, A B … A row has the median and range
  of each side, and "its over ours": the ratio of the medians, with the range of the ratios of each round. Above 1, econsim
  takes less. On a busy machine believe processor time and ratios, not seconds. Counts must be equal.

examples:
  make bench                                        everything, this build alone
  python -m benchmarks memory start --against HEAD~50    beside the build of a revision, which is made once and kept
  python -m benchmarks memory --against-python /path/to/.venv/bin/python
  python -m benchmarks memory --bse ../BristolStockExchange --abides ../abides-jpmc-public --abides-python ../abides/.venv/bin/python
  python -m benchmarks counts                       the gate alone; accept new counts with python -m benchmarks.counts --update

exit status: 1 if a count differs from its goal ("="); other goals depend on the machine and are told. A new row is a Load in memory.py or lock_step.py, or a Line of a suite.
"""


def main() -> int:
    """Run what was asked for; the status is 1 if a count differs, which no machine's load can cause."""
    given = _arguments()
    options = _options(given)
    print(f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f} at the start", file=sys.stderr)
    lines: list[Line] = []
    for name in given.names or SUITES:
        print(f"{name} …", file=sys.stderr)
        found = importlib.import_module(f"benchmarks.{name}").run(options)
        if given.page:
            write_tables(name, found)
        lines += found
    show(lines)
    if given.json:
        write(lines, given.json)
    missed = [line for line in lines if not line.holds]
    for line in missed:
        print(
            f"{line.what}: {number(line.median if line.ratio_at_least is None else line.ratio or 0)}, goal {line.goal}"
            + (f": {line.remedy}" if line.remedy else "")
        )
    return int(any(line.exactly is not None for line in missed))


def _arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        epilog=EPILOG.format(suites="\n".join(f"  {name:<10} {what}" for name, what in SUITES.items())),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", metavar="SUITE", help="which, of those below; default all")
    parser.add_argument(
        "--rounds", type=int, default=5, metavar="N", help="rounds of start, memory and lock_step; default 5"
    )
    parser.add_argument("--quick", action="store_true", help="less load and one round: a look, no evidence")
    builds = parser.add_mutually_exclusive_group()
    builds.add_argument(
        "--against",
        metavar="REV",
        help="measure the build of this revision too, in turn (a work tree and an environment in .tools/builds)",
    )
    builds.add_argument(
        "--against-python",
        type=Path,
        metavar="PATH",
        help="measure the econsim that this interpreter has, in turn",
    )
    parser.add_argument(
        "--bse",
        type=Path,
        metavar="DIR",
        help="measure this checkout of github.com/davecliff/BristolStockExchange too",
    )
    parser.add_argument(
        "--abides",
        type=Path,
        metavar="DIR",
        help="measure this checkout of github.com/jpmorganchase/abides-jpmc-public too",
    )
    parser.add_argument(
        "--abides-python",
        type=Path,
        metavar="PATH",
        default=Path(sys.executable),
        help="interpreter with numpy<2, pandas<2.3, scipy, coloredlogs, psutil",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the numbers there")
    parser.add_argument(
        "--page", action="store_true", help="also write the tables of docs/operations/benchmarks.md"
    )
    given = parser.parse_args()
    if unknown := set(given.names) - set(SUITES):
        parser.error(f"no suite {min(unknown)!r}; there are {', '.join(SUITES)}")
    if given.rounds < 1:
        parser.error(f"--rounds is {given.rounds}; at least 1")
    for option, there in (
        ("--bse", given.bse and given.bse / "BSE.py"),
        ("--abides", given.abides and given.abides / "abides-core"),
    ):
        if there and not there.exists():
            parser.error(f"{option}: {there} is not there; give the folder of a checkout")
    if given.against_python and not given.against_python.exists():
        parser.error(f"--against-python: {given.against_python} is not there")
    if (given.against or given.against_python) and given.names and not set(given.names) & set(OF_BUILDS):
        parser.error(
            f"{', '.join(given.names)} measures this build alone; {', '.join(OF_BUILDS)} compare builds"
        )
    return given


def _options(given: argparse.Namespace) -> Options:
    """Return the options, the other build made if it is not there."""
    against = None
    if given.against:
        try:
            against = build_of(given.against)
        except CalledProcessError as error:
            sys.exit(f"no build of {given.against!r}: {' '.join(map(str, error.cmd))} failed")
    elif given.against_python:
        # Not resolved: an environment's interpreter is a link, and knows its environment by the link.
        python = given.against_python.absolute()
        against = Build(python.parents[2].name if len(python.parents) > 2 else str(python), python)
    return Options(
        quick=given.quick,
        rounds=given.rounds,
        against=against,
        bse=given.bse and Peer(given.bse, Path(sys.executable)),
        abides=given.abides and Peer(given.abides, given.abides_python.absolute()),
    )


if __name__ == "__main__":
    sys.exit(main())
