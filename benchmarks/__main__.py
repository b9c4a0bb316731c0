"""`python -m benchmarks [NAME …] [--quick] [--json FILE]`: measure, print a table, fail on a missed target."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from pathlib import Path

from benchmarks.table import show, write

NAMES = (
    "start",
    "reading",
    "counts",
    "balance",
    "orders",
    "ticks",
    "memory",
    "ledger",
    "security",
    "quota",
    "calls",
    "thinking",
    "workspace",
    "social",
    "tools",
)


def main() -> int:
    """Run what was asked for; the status is 1 if a target was missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which, of {', '.join(NAMES)}; default all")
    parser.add_argument(
        "--quick", action="store_true", help="less load and one repetition: a look, no evidence"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the numbers there")
    given = parser.parse_args()
    if unknown := set(given.names) - set(NAMES):
        parser.error(f"no benchmark {min(unknown)!r}; there are {', '.join(NAMES)}")
    print(f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f} at the start", file=sys.stderr)
    lines = []
    for name in given.names or NAMES:
        print(f"{name} …", file=sys.stderr)
        lines += importlib.import_module(f"benchmarks.{name}").run(quick=given.quick)
    show(lines)
    if given.json:
        write(lines, given.json)
    return int(not all(line.holds for line in lines))


if __name__ == "__main__":
    sys.exit(main())
