"""`llm.invoke` beside calling the provider directly, the rate of paid calls, and budgets under a thousand calls at once.

The client asks the stub through the adapter that the cognition service uses, and a bare twin, in turn with `llm.invoke`: the difference
is what the reservation, the record and the receipt cost, each of them flushed to the disk.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from statistics import median, quantiles

from benchmarks import budgets, stub
from benchmarks.options import Options
from benchmarks.paid_calls import Turns, open_callers
from benchmarks.table import Line

REPEATS = 5
CALLS = 200
"""Calls of each kind in one repetition, one at a time."""
CALLS_EACH = 10
"""Calls of each agent in one repetition, several at once."""
WARM = 4
"""Calls of each agent before those that are measured, of all kinds: they open the connections and get the allowance of quotas."""
BUSY = 512
"""Calls at once for the rate: the stub's delay then limits nothing."""
ALONE_MAX_MS = 4.0
AT_ONCE = {16: 20.0, 64: 60.0}
"""Calls at once → milliseconds that may be added at the 99th percentile."""
RATE_MIN = 300.0


def run(options: Options) -> list[Line]:
    """Measure what is added to a call, the rate of paid calls, and the budgets."""
    return asyncio.run(
        _run(1, CALLS // 4, CALLS_EACH // 2) if options.quick else _run(REPEATS, CALLS, CALLS_EACH)
    )


async def _run(repeats: int, calls: int, calls_each: int) -> list[Line]:
    async with open_callers(BUSY) as callers:
        measured: dict[int, list[Turns]] = {}
        for n, each in ({1: calls} | dict.fromkeys(AT_ONCE, calls_each)).items():
            await callers.turns(n, WARM)
            measured[n] = [await callers.turns(n, each) for _ in range(repeats)]
        rates = [await callers.rate(BUSY, calls_each) for _ in range(repeats)]
        held = await callers.spend()
    return [*_added(measured), *_budgets(held), _rate(rates)]


def _added(measured: Mapping[int, Sequence[Turns]]) -> list[Line]:
    alone = measured[1]
    note = f"a provider that answers after {stub.DELAY_S * 1e3:g} ms, asked in turn with llm.invoke"
    lines = [
        Line("the provider alone, one call at a time, p50", "ms", [median(each.direct) for each in alone]),
        Line(
            "llm.invoke over the provider, one at a time, p50 added",
            "ms",
            [median(each.paid) - median(each.direct) for each in alone],
            at_most=ALONE_MAX_MS,
            note=note,
        ),
        Line(
            "its bare twin, one at a time, p50 added",
            "ms",
            [median(each.bare) - 1e3 * stub.DELAY_S for each in alone],
            note="the same requests and flushed writes between as many processes, and no work",
        ),
    ]
    for calls, most in AT_ONCE.items():
        tails = [_tail(each.paid) - _tail(each.direct) for each in measured[calls]]
        bare = [_tail(each.bare) - 1e3 * stub.DELAY_S for each in measured[calls]]
        lines += [
            Line(f"llm.invoke over the provider, {calls} at once, p99 added", "ms", tails, at_most=most),
            Line(f"its bare twin, {calls} at once, p99 added", "ms", bare),
        ]
    return lines


def _rate(rates: Sequence[float]) -> Line:
    return Line("paid calls", "1/s", rates, at_least=RATE_MIN, note=f"{BUSY} at once, an agent each")


def _budgets(held: budgets.Audit) -> list[Line]:
    what = f"{budgets.AGENTS * budgets.CALLS_EACH:,} calls at once on budgets for {budgets.CALLS}"
    note = f"{budgets.AGENTS} agents with {budgets.CALLS_EACH} calls each; {held.refused_at_once} refused in the first round"
    return [
        Line(f"{what}: overshoot", "calls", [held.overshoot], exactly=0.0, note=note),
        Line(f"{what}: false refusals", "calls", [held.false_refusals], exactly=0.0),
        Line(f"{what}: reservations left open", "", [held.open_reservations], exactly=0.0),
    ]


def _tail(times: Sequence[float]) -> float:
    return quantiles(times, n=100, method="inclusive")[98]
