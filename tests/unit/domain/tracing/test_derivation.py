"""Spans are made from the events of a run, and say what its log says."""

from __future__ import annotations

import json
import random
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from itertools import pairwise

import pytest
from opentelemetry.semconv._incubating.attributes import (
    gen_ai_attributes,
    mcp_attributes,
    messaging_attributes,
)
from opentelemetry.semconv.attributes import error_attributes
from requirements import requirement
from run_builders import small_scenario

from econsim import subjects
from econsim.domain.audit.facts import as_record, facts, record
from econsim.domain.execution.in_memory import run as run_in_memory
from econsim.domain.tracing.derivation import SpanMaker, nanoseconds, tick_spans
from econsim.domain.tracing.span import trace_id
from econsim.domain.tracing.span_names import Common, GenAi, Mcp, Messaging, Own
from econsim.domain.tracing.wire import span_json
from econsim.runs.scenario_file import load
from econsim.schemas.ledger import MONEY

MS = 10**6
"""Nanoseconds from one event to the next."""


def timed(scenario):
    """Return the records of a run, one a millisecond: in memory all happen at once. A cycle has the time of its begin, as hosts say it."""
    found, opening = [], 0
    for place, event in enumerate(map(as_record, run_in_memory(scenario))):
        opening = place if event.type == subjects.TICKED.type else opening
        at = opening if event.type == subjects.COGNITIVE_CYCLES_COMPLETED.type else place
        found.append(replace(event, occurred_at=datetime.fromtimestamp(at / 1_000, UTC).isoformat()))
    return found


@cache
def log_of(name):
    """Return the records of a run of a shipped scenario with agents that think."""
    return timed(load(name))


def times(log):
    """Return event id → time of each fact, nanoseconds."""
    return {fact.event_id: nanoseconds(entry.occurred_at) for entry in log for fact in facts(entry)}


@pytest.fixture(scope="module", params=["studio", "tool_market"])
def log(request):
    """Return the records of a run with agents that think, call tools and delegate."""
    return log_of(request.param)


def spans_of(log):
    """Return all spans of a log."""
    maker = SpanMaker()
    return [span for entry in log for span in maker.add(entry)] + maker.close()


@pytest.fixture(scope="module")
def spans(log):
    return spans_of(log)


def test_every_fact_has_one_span(log, spans) -> None:
    assert Counter(span.attributes[Own.EVENT] for span in spans) == Counter(
        fact.event_id for entry in log for fact in facts(entry)
    )


@requirement("trace.otel")
def test_every_parent_is_in_the_same_trace_and_every_id_is_valid(spans) -> None:
    known = {(span.trace_id, span.span_id) for span in spans}

    assert len(known) == len(spans)
    assert all((s.trace_id, s.parent_span_id) in known for s in spans if s.parent_span_id)
    assert {
        (len(s.trace_id), len(s.span_id), int(s.trace_id, 16) and int(s.span_id, 16) > 0) for s in spans
    } == {(32, 16, True)}


def test_each_trace_has_one_root_the_tick_or_the_run(log, spans) -> None:
    ticks = {entry.tick for entry in log if entry.type == subjects.TICKED.type}

    assert Counter(span.name for span in spans if span.parent_span_id is None) == {
        "tick": len(ticks),
        "run": 1,
    }


def test_no_span_ends_before_it_begins_or_after_its_tick(spans) -> None:
    ends = {span.trace_id: span.end_ns for span in spans if span.parent_span_id is None}

    assert all(span.start_ns <= span.end_ns <= ends[span.trace_id] for span in spans)


def test_an_event_s_span_lasts_from_its_cause_until_it_happened(log, spans) -> None:
    at, by_id = times(log), {span.span_id: span for span in spans}
    caused = [span for span in spans if span.name == "trade_executed"]

    assert caused
    for span in caused:
        cause = by_id[span.parent_span_id].attributes[Own.EVENT]
        assert (span.start_ns, span.end_ns) == (at[cause], at[span.attributes[Own.EVENT]])


def test_a_call_of_a_model_begins_when_the_call_before_it_in_its_cycle_ended(log, spans) -> None:
    calls = {}
    for span in spans:
        if GenAi.MODEL in span.attributes:
            calls.setdefault(span.parent_span_id, []).append(span)
    later = [pair for cycle in calls.values() for pair in pairwise(cycle)]

    assert later
    assert all(before.end_ns == after.start_ns for before, after in later)


def test_a_call_of_a_tool_lasts_as_long_as_it_took() -> None:
    log = log_of("tool_market")
    completed = next(entry for entry in log if entry.type == subjects.TOOL_COMPLETED.type)
    slow = completed.with_data(completed.data | {"took_ms": 70})

    [span] = tick_spans([slow])

    assert (span.end_ns - span.start_ns, span.end_ns) == (70 * MS, times(log)[completed.event_id])


def test_a_cycle_lasts_until_its_last_call_ended(spans) -> None:
    ends = {span.span_id: span.end_ns for span in spans if span.name == "cognitive_cycle"}
    calls = [span for span in spans if GenAi.MODEL in span.attributes]
    assert calls
    assert all(span.end_ns <= ends[span.parent_span_id] for span in calls)


def test_a_period_lasts_from_its_opening_to_its_close_which_is_a_moment_below_it() -> None:
    log = timed(small_scenario())
    opened, closed = (
        [place * MS for place, entry in enumerate(log) if entry.type == row.type]
        for row in (subjects.PERIOD_OPENED, subjects.PERIOD_CLOSED)
    )

    spans = [span for span in spans_of(log) if span.trace_id == trace_id(log[0].correlation_id, 0)]

    periods, closes = ([span for span in spans if span.name == name] for name in ("period", "period_closed"))
    assert [(span.start_ns, span.end_ns) for span in periods] == list(zip(opened, closed, strict=True))
    assert [(span.start_ns, span.end_ns) for span in closes] == [(at, at) for at in closed]
    assert [span.parent_span_id for span in closes] == [span.span_id for span in periods]


def test_a_trace_is_the_same_in_whatever_order_its_events_came(log) -> None:
    entries = [entry for entry in log if entry.tick == 5]
    shuffled = random.Random(1).sample(entries, len(entries))

    assert tick_spans(shuffled) == tick_spans(entries)


@requirement("trace.otel")
def test_calls_in_a_trace_cost_what_the_ledger_posted_for_them(log, spans) -> None:
    moved = Counter()
    for entry in log:
        for fact in facts(entry) if entry.type == subjects.TRANSFER_POSTED.type else ():
            posted = (
                t["amount"] for t in fact.data["transfers"] if t["kind"] == "post" and t["asset"] in MONEY
            )
            moved[fact.data["id"]] += sum(posted)
    paid = [span for span in spans if span.attributes.get(Own.PRICE)]

    assert paid
    for span in paid:
        assert span.attributes[Own.PRICE] == sum(moved[chain] for chain in span.attributes[Own.TRANSFERS])


def test_calls_stand_under_the_cycle_of_their_agent(spans) -> None:
    by_id = {span.span_id: span for span in spans}
    calls = [span for span in spans if GenAi.MODEL in span.attributes]

    assert {by_id[span.parent_span_id].name for span in calls} == {"cognitive_cycle"}
    assert all(by_id[s.parent_span_id].attributes[Own.ACTOR] == s.attributes[Own.AGENT] for s in calls)


def test_names_do_not_grow_with_agents_and_subjects_are_patterns(spans) -> None:
    assert len({span.name for span in spans}) < 40
    assert {s.attributes[Messaging.TEMPLATE] for s in spans} <= {row.template for row in subjects.TABLE}


def test_what_comes_two_ticks_late_is_told_as_late_and_lost_nowhere() -> None:
    log = log_of("tool_market")
    late = next(entry for entry in log if entry.tick == 2 and entry.type == subjects.TRANSFER_POSTED.type)
    fourth = next(place for place, entry in enumerate(log) if entry.tick == 4)
    rest = [entry for entry in log if entry is not late]
    rest.insert(fourth + 1, late)

    spans = spans_of(rest)

    assert len(spans) == len(spans_of(log))
    assert {s.attributes[Own.EVENT] for s in spans if s.attributes.get(Own.LATE)} == {
        fact.event_id for fact in facts(late)
    }
    assert all(s.trace_id == trace_id(late.correlation_id, 2) for s in spans if s.attributes.get(Own.LATE))


def test_a_halted_market_is_an_error_and_a_refused_order_is_none() -> None:
    log = log_of("studio")
    halted = next(entry for entry in log if entry.type == subjects.TICKED.type)
    halted = replace(
        halted, type=subjects.TRADING_HALTED.type, content={"reason": "it cannot settle"}, event_id="f" * 32
    )
    spans = spans_of([*log, replace(halted, tick=log[-1].tick)])

    assert {span.name: span.error for span in spans if span.error} == {"trading_halted": "it cannot settle"}
    assert "order_rejected" in {span.name for span in spans}


def test_a_report_of_an_agent_cannot_make_a_name_of_its_own() -> None:
    log = log_of("tool_market")
    ticked = next(entry for entry in log if entry.type == subjects.TICKED.type)
    reported = replace(
        ticked, type="agent.anything_goes", subject="agent.a.anything_goes.r", event_id="f" * 32
    )

    [span] = [span for span in tick_spans([ticked, reported]) if span.name != "tick"]

    assert (span.name, span.attributes[Messaging.TEMPLATE]) == ("reported", subjects.REPORTED.template)


@pytest.mark.parametrize(
    ("names", "published"),
    [
        (GenAi, gen_ai_attributes),
        (Mcp, mcp_attributes),
        (Messaging, messaging_attributes),
        (Common, error_attributes),
    ],
)
@requirement("trace.otel")
def test_names_of_conventions_are_the_published_ones(names, published) -> None:
    values = {value for key, value in vars(published).items() if key.isupper()}

    assert {str(name) for name in names} <= values


def test_the_json_form_has_whole_nanoseconds_and_hexadecimal_ids(spans) -> None:
    read = json.loads(span_json(spans[0]))

    assert read["start_time_unix_nano"] == spans[0].start_ns
    assert read["trace_id"] == spans[0].trace_id
    assert read["attributes"][Own.TICK] == spans[0].attributes[Own.TICK]


def test_times_of_the_log_are_whole_nanoseconds() -> None:
    assert nanoseconds("1970-01-01T00:00:01.000001Z") == 1_000_001_000
    assert nanoseconds("2026-11-29T19:18:19.751401+00:00") == 1_795_979_899_751_401_000


def test_a_stored_record_gives_the_same_span_as_the_event_itself() -> None:
    events = list(run_in_memory(small_scenario()))
    stored = [record(each.subject, each.json()) for each in events]

    assert spans_of(stored) == spans_of(map(as_record, events))
