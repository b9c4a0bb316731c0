"""Peers: other people's simulators, each in a checkout, asked for the cost of an order in a market of about our size."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks.options import Peer
from benchmarks.sides import Reading, Side, spend

SNIPPETS = Path(__file__).parent / "snippets"


def snippet(python: Path, name: str, *arguments: str | int | Path) -> Reading:
    """Run a program of `snippets/` and return the microseconds of processor time an order that it found."""
    spent = spend([python, SNIPPETS / f"{name}.py", *map(str, arguments)])
    found = json.loads(spent.output.splitlines()[-1])
    return Reading(found["cpu_s"] / found["orders"] * 1e6, spent.cpu_s, spent.wall_s)


def bse(  # noqa: PLR0913, PLR0917 - each is a size of the session
    peer: Peer, kind: str, traders: int, periods: int, seconds: int = 30, goal: float | None = None
) -> Side:
    """Return a session of the Bristol Stock Exchange of so many traders of a kind; `goal` as that of a side."""
    name = f"BSE, {traders:,} {kind}"
    return Side(
        name,
        lambda: snippet(peer.python, "bse", peer.checkout.absolute(), kind, traders, periods, seconds),
        goal,
    )


def abides(peer: Peer, end: str) -> Side:
    """Return a simulation of ABIDES from 09:30:00 to `end`."""
    return Side("ABIDES, rmsc04", lambda: snippet(peer.python, "abides", peer.checkout.absolute(), end))
