"""The assertions on events, with the names and arguments that benchmarks were promised."""

import pytest
from dirty_equals import IsApprox, IsStr
from expectation_builders import stored_run, tick
from requirements import requirement

from econsim.domain.audit.facts import record
from econsim.errors import InvalidExpectation
from econsim.testing.assertions import (
    assert_event_exists,
    assert_expectation,
    assert_kv_value,
    assert_never_occurs,
    assert_sequence,
)

STEPS = [
    "agent.producer_001.cognitive_cycle_started",
    "llm.invoke",
    "agent.producer_001.cognitive_cycle_completed",
]


@pytest.fixture(scope="module")
def events():
    return [record(*each) for each in stored_run("studio")[1]]


@requirement("benchmark.event_exists", "benchmark.bounded")
def test_an_event_exists_within_a_bound(events):
    assert_event_exists(
        events, type="agent.producer_001.bid_placed", within_ms=5000, constraints={"data.price": {"<=": 50}}
    )
    assert_event_exists(
        events, type="trade_executed", within_ticks=9, constraints={"price": IsApprox(2, delta=1)}
    )
    with pytest.raises(AssertionError, match=r"FAILS .*price > 4"):
        assert_event_exists(events, type="trade_executed", within_events=900, constraints={"price": {">": 4}})


@requirement("benchmark.sequence")
def test_a_sequence_has_gaps_of_at_most(events):
    assert_sequence(events, STEPS, max_gap_ms=10_000)
    assert_sequence(events, ["task_delegated", {"type": "task_settled"}], max_gap_ticks=20, same=["task_id"])
    with pytest.raises(AssertionError, match="step 2 of 3"):
        assert_sequence(events, [STEPS[0], "trading_halted", STEPS[2]], max_gap_ticks=1)


@requirement("benchmark.never")
def test_an_event_never_occurs(events):
    assert_never_occurs(events, type="agent.producer_001.order_rejected", where={"data.code": "no_money"})
    with pytest.raises(AssertionError, match="happened"):
        assert_never_occurs(events, type="trade_executed", where={"buyer": IsStr(regex="pro.*")})


def test_no_events_at_all_prove_nothing():
    with pytest.raises(AssertionError, match="there are no events at all"):
        assert_never_occurs([], type="trade_executed")


@requirement("benchmark.kv_at")
def test_state_has_a_value_after_so_many_events(events):
    assert_kv_value(events, key="producer_001.balance", equals=IsApprox(10, delta=5), at_event_seq=200)
    with pytest.raises(AssertionError, match="missed by"):
        assert_kv_value(events, key="producer_001.balance", equals=1, at_event_seq=200)
    with pytest.raises(AssertionError, match="VACUOUS"):
        assert_kv_value(events, key="producer_001.balance", equals=1, at_event_seq=10**6)


@requirement("benchmark.bounded")
@pytest.mark.parametrize("bound", [{}, {"within_ms": 1, "within_ticks": 1}])
def test_an_assertion_without_one_bound_is_refused(bound):
    with pytest.raises(InvalidExpectation, match="every assertion has a bound"):
        assert_event_exists([], type="trade_executed", **bound)


@pytest.mark.parametrize(
    ("name", "nearest"),
    [("agent.genesis_001.error", "market.order_rejected"), ("trade_execute", "market.trade_executed")],
)
def test_a_type_that_there_is_not_is_refused_with_the_nearest(name, nearest):
    with pytest.raises(InvalidExpectation, match=nearest):
        assert_never_occurs([], type=name)


def test_any_form_can_be_asserted_as_a_file_has_it(events):
    assert_expectation(events, {"form": "solvent"})
    with pytest.raises(InvalidExpectation, match="within"):
        assert_expectation(events, {"form": "happens", "event": {"type": "ticked"}})


def test_a_part_of_a_run_is_taken_as_it_is():
    assert_event_exists([tick(7), tick(9)], type="ticked", within_ticks=9, constraints={"tick": 9})
