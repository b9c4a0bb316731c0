"""What spreading a run over processes can gain: a simulation of its ticks, from the processor time that each part takes for an order.

`python -m benchmarks.scaling` prints the table of docs/operations/scaling.md. The shares were measured; see there. The simulation
knows what waits for what in a tick, that a process does one thing at a time, and how many cores there are. It knows no waiting for
disks, no cost of a hand-over and no noise, so its figures are bounds.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

TICKS = 20
"""Ticks that are simulated: from the second on each is like the one before."""


@dataclass(frozen=True, slots=True)
class Shares:
    """Processor time that one order takes, µs, by the part of the work."""

    clock: float = 7
    agent: float = 23
    admit: float = 20
    """Market: orders decoded, checked and put in their turn."""
    reserve: float = 26
    """Ledger: credits and units of orders reserved."""
    match: float = 28
    """Market: orders matched, events published."""
    settle: float = 30
    """Ledger: trades settled."""
    watch: float = 29
    """The command `econsim run`: reads the log, hashes and counts."""
    server: float = 49
    """The NATS server; it works on whatever core is free."""


@dataclass(frozen=True, slots=True)
class Layout:
    """What runs where."""

    name: str
    cores: int
    books: int = 4
    markets: int = 1
    """Processes that share the books."""
    shards: int = 1
    """Processes that share the ledger, by market; each has its own barrier."""
    hosts: int = 1
    """Processes that share the agents."""
    is_one_process: bool = False
    """True if the services and the command that watches are one process."""


@dataclass(slots=True)
class Step:
    """One part of one tick's work."""

    process: str
    """Process that does it; empty for the server, which does several things at once."""
    cost: float
    after: Sequence[Step] = ()
    end: float = field(default=0.0)


LAYOUTS = (
    Layout("all in one process", 2, is_one_process=True),
    Layout("a process for each service", 2),
    Layout("a process for each service, two for the market", 2, markets=2),
    Layout("a process for each service", 4),
    Layout("a process for each service, four for the market", 8, markets=4),
    Layout("the same, with four ledger shards", 8, markets=4, shards=4),
    Layout("the same, with four hosts of agents", 8, markets=4, shards=4, hosts=4),
)
"""What the page compares, each with the first."""


def steps(layout: Layout, shares: Shares, ticks: int) -> Iterator[Step]:
    """Yield the steps of a run of `ticks`, each after those that it waits for."""
    books = range(layout.books)
    cleared: list[Step] = []
    watched: list[Step] = []

    def step(process: str, cost: float, *after: Step) -> Step:
        return Step("all" if layout.is_one_process and process else process, cost, after)

    for _ in range(ticks):
        tick = step("clock", shares.clock, *cleared)
        acted = [step(f"host {host}", shares.agent / layout.hosts, tick) for host in range(layout.hosts)]
        queued = step("", shares.server / 2, *acted)
        yield from (tick, *acted, queued)
        markets = [f"market {book % layout.markets}" for book in books]
        shards = [f"ledger {book % layout.shards}" for book in books]
        admitted = [step(markets[book], shares.admit / layout.books, queued) for book in books]
        yield from admitted
        # A ledger reserves for all its books at once: it applies them in one order, whichever comes first.
        reserved = {
            shard: step(
                shard,
                shares.reserve / layout.shards,
                *(admitted[book] for book in books if shards[book] == shard),
            )
            for shard in dict.fromkeys(shards)
        }
        yield from reserved.values()
        matched = [step(markets[book], shares.match / layout.books, reserved[shards[book]]) for book in books]
        settled = [step(shards[book], shares.settle / layout.books, matched[book]) for book in books]
        cleared = [step("", shares.server / 2 / layout.books, each) for each in settled]
        watched = [step("watch", shares.watch, *cleared, *watched)]
        yield from (*matched, *settled, *cleared, *watched)


def length(layout: Layout, shares: Shares, ticks: int = TICKS) -> float:
    """Return the simulated time of a run, µs for each order of a tick: the end of its last step."""
    todo, waiting, left = list(steps(layout, shares, ticks)), [], {}
    following: dict[int, list[int]] = {}
    numbers = {id(each): number for number, each in enumerate(todo)}
    for number, each in enumerate(todo):
        left[number] = len(each.after)
        for before in each.after:
            following.setdefault(numbers[id(before)], []).append(number)
        if not each.after:
            waiting.append(number)
    running: list[tuple[float, int]] = []
    now, busy = 0.0, set()
    while waiting or running:
        # In the order of the list, so an earlier tick's work comes first.
        for number in sorted(waiting):
            process = todo[number].process
            if len(running) < layout.cores and process not in busy:
                heapq.heappush(running, (now + todo[number].cost, number))
                waiting.remove(number)
                busy |= {process} - {""}
        now, number = heapq.heappop(running)
        busy -= {todo[number].process}
        todo[number].end = now
        for later in following.get(number, ()):
            left[later] -= 1
            if not left[later]:
                waiting.append(later)
    return now


def speed_up(layout: Layout, shares: Shares | None = None) -> float:
    """Return how many times faster a run is than in one process on two cores."""
    shares = shares or Shares()
    return length(LAYOUTS[0], shares) / length(layout, shares)


def table() -> str:
    """Return the page's table."""
    head = "| layout, four books | cores | simulated speed-up |\n| --- | --- | --- |\n"
    return head + "".join(f"| {each.name} | {each.cores} | {speed_up(each):.2f} |\n" for each in LAYOUTS)


if __name__ == "__main__":
    print(table(), end="")
