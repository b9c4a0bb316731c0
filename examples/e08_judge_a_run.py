"""State what must be true of a run's events, and see it hold: `python examples/e08_judge_a_run.py`. No server, a second."""

import econsim
from econsim.testing.assertions import (
    assert_event_exists,
    assert_expectation,
    assert_kv_value,
    assert_never_occurs,
    assert_sequence,
)

ME = "agent.producer_001"
STEPS = [f"{ME}.cognitive_cycle_started", "llm.invoke", f"{ME}.cognitive_cycle_completed"]

events = econsim.run("studio", name="example")

assert_event_exists(events, type=f"{ME}.bid_placed", within_ms=5000, constraints={"data.price": {"<=": 50}})
assert_sequence(events, STEPS, max_gap_ms=10_000)
assert_never_occurs(events, type=f"{ME}.order_rejected", where={"data.code": "period_is_closing"})
assert_kv_value(events, key="producer_001.debt", equals=0, at_event_seq=20)
assert_expectation(events, {"form": "conservation"})

try:
    assert_event_exists(events, type="trade_executed", within_ticks=80, constraints={"price": {">=": 4}})
except AssertionError as failure:
    print(failure)
