"""Judging of a stored log by fifty expectations, beside a bare read of the same log; and what the judge keeps of a longer one.

Both sides have the records as bytes in memory and decode them; an event is a fact: an item of a batch, or a chain of the journal.
"""

from __future__ import annotations

import gc
import time
import tracemalloc
from collections.abc import Callable, Sequence

from pydantic import TypeAdapter

from benchmarks import rig
from benchmarks.options import Options
from benchmarks.table import Line
from econsim.domain.audit.facts import record
from econsim.domain.execution import in_memory
from econsim.domain.expectation.verdict import Verdict
from econsim.report.judging import judge
from econsim.runs import scenario_file
from econsim.schemas.expectation import Expectation
from econsim.schemas.scenario import Scenario
from econsim.services.gc_tuning import collect_rarely

REPEATS = 9
PERIODS = 3
KEPT_PERIODS = (8, 16)
"""Lengths of the runs of which is compared what is kept: what a judge keeps for witnesses is full after some periods."""
EVENTS_MIN_S = 60_000
RATIO_MIN = 0.4
GROWTH_MAX = 1.1
"""Memory kept of a run twice as long over the shorter one's."""

Log = Sequence[tuple[str, bytes]]


def run(options: Options) -> list[Line]:
    """Judge and read in turn; then judge a run and a longer one, and compare what is kept."""
    collect_rarely()
    scenario, log = _log(PERIODS)
    judged_by = expectations()
    events = sum(len(parts) if (parts := record(*each).parts) is not None else 1 for each in log)
    judged, read, cpu = [], [], []
    for _ in range(3 if options.quick else REPEATS):
        cpu.append(_timed(lambda: _judge(scenario, judged_by, log)))
        judged.append(events / cpu[-1])
        read.append(events / _timed(lambda: _read(log)))
    note = f"{len(log):,} records with {events:,} events, {len(judged_by)} expectations"
    ratios = [one / other for one, other in zip(judged, read, strict=True)]
    kept = [_kept(*_log(periods)) for periods in KEPT_PERIODS]
    return [
        Line(
            "events judged in a second of processor time",
            "1/s",
            judged,
            at_least=EVENTS_MIN_S,
            note=note,
            beside="bare read",
            beside_values=read,
            cpu_s=cpu,
        ),
        Line("judged over read", "", ratios, at_least=RATIO_MIN, note="of the same events, in turn"),
        Line(
            "kept of a longer run over a shorter one",
            "",
            [kept[1] / kept[0]],
            at_most=GROWTH_MAX,
            note=f"{kept[0] / 2**20:.1f} MiB of the shorter",
        ),
    ]


def expectations() -> tuple[Expectation, ...]:
    """Return fifty expectations about genesis, of every form about events and the economy but `caused`, which reads all."""
    return TypeAdapter(tuple[Expectation, ...]).validate_python([*_of_agents(), *_of_markets(), *_of_all()])


def _of_agents() -> list[dict[str, object]]:
    found: list[dict[str, object]] = []
    for agent in ("lab_001", "startup_003", "analyst_002", "lab_007"):
        bid = {"type": f"agent.{agent}.bid_accepted"}
        broke = {
            "type": f"agent.{agent}.order_rejected",
            "where": {"code": "debit_account_would_go_negative"},
        }
        found += [
            {"form": "happens", "event": bid, "within": {"ticks": 30}},
            {"form": "never", "event": broke},
            {"form": "state", "at": {"type": "period_closed"}, "key": f"{agent}.balance", "value": {">=": 0}},
            {"form": "at_most", "event": bid, "times": 20, "per": {"ticks": 5}},
        ]
    return found


def _of_markets() -> list[dict[str, object]]:
    found: list[dict[str, object]] = []
    for market in ("cpu", "memory", "storage", "tokens"):
        traded, cleared = (
            {"type": f"market.{market}.trade_executed"},
            {"type": f"market.{market}.tick_cleared"},
        )
        found += [
            {"form": "limit_prices", "resource": market},
            {"form": "never", "event": {**traded, "where": {"price": {">": 4}}}},
            {"form": "at_least", "event": cleared, "times": 10, "per": {"ticks": 10}},
            {"form": "sum", "event": traded, "field": "quantity", "value": {">=": 10}},
            {"form": "stable", "key": f"{market}.price", "band": 4, "lasting": {"ticks": 20}},
            {"form": "spread", "resource": market, "value": {"<=": 4}},
        ]
    return found


def _of_all() -> list[dict[str, object]]:
    bid, trade = {"type": "bid_accepted"}, {"type": "trade_executed"}
    posted, order = {"type": "transfer_posted"}, ["order_id = bid_id"]
    steps = [
        {"type": "cognitive_cycles_started"},
        {"type": "llm.invoke"},
        {"type": "cognitive_cycles_completed"},
    ]
    return [
        *({"form": each} for each in ("uncrossed", "conservation", "solvent", "costs")),
        {"form": "gini", "value": {"<=": 0.6}},
        {
            "form": "then",
            "trigger": trade,
            "event": posted,
            "same": ["trade_id = id"],
            "within": {"ticks": 1},
        },
        {"form": "before", "first": bid, "event": trade, "same": order, "within": {"ticks": 30}},
        {
            "form": "latency",
            "trigger": bid,
            "event": trade,
            "same": order,
            "percentile": 10,
            "at_most": {"ticks": 3},
        },
        {"form": "sequence", "events": steps, "max_gap": {"ticks": 1}},
        {"form": "until", "event": trade, "until": {"type": "period_opened"}, "within": {"ticks": 1}},
    ]


def _log(periods: int) -> tuple[Scenario, Log]:
    scenario = scenario_file.load("genesis")
    clock = scenario.clock.model_copy(update={"periods": periods})
    longer = scenario.model_copy(update={"clock": clock, "expectations": ()})
    return longer, [(each.subject, each.json()) for each in in_memory.run(longer, rig.RUN)]


def _judge(scenario: Scenario, judged_by: Sequence[Expectation], log: Log) -> tuple[Verdict, ...]:
    judging = judge(scenario, judged_by)
    for sequence, (subject, payload) in enumerate(log, 1):
        judging.add_stored(subject, payload, sequence)
    return judging.close()


def _read(log: Log) -> int:
    return sum(len(record(subject, payload).data) for subject, payload in log)


def _timed(act: Callable[[], object]) -> float:
    gc.collect()
    started = time.process_time()
    act()
    return time.process_time() - started


def _kept(scenario: Scenario, log: Log) -> int:
    """Return the bytes that a judge holds when it has read a log."""
    judging = judge(scenario, expectations())
    gc.collect()
    tracemalloc.start()
    for sequence, (subject, payload) in enumerate(log, 1):
        judging.add_stored(subject, payload, sequence)
    gc.collect()
    kept = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    return kept
