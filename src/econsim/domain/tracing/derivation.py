"""Makes the spans of a run from its events. Pure.

Each tick is a trace: its root is the tick, and below it stands each fact under its cause. An event has one time, when it
happened. A span begins when its cause happened, so it shows how long the cause waited for its effect; the call of a tool
tells its own length. The run and its periods are a trace of their own, that of tick 0.

Events of the ledger come into the log a moment after what they pay for, so a tick is complete when the next but one opens.
What comes later still is told as late, under the root of its tick.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from typing import Final

from econsim import subjects
from econsim.domain.audit.causality import CausalGraph
from econsim.domain.audit.envelope import AddressedEvent
from econsim.domain.audit.facts import Fact, Record, as_record, facts
from econsim.domain.tracing.attributes import (
    span_attributes,
    span_error,
    span_kind,
    span_name,
    span_service,
)
from econsim.domain.tracing.span import Span, span_id, trace_id
from econsim.domain.tracing.span_names import GenAi, Own

TICKS_OPEN: Final = 2
"""Ticks that are kept before their spans are made: the open one, and the one before it."""

_OF_RUN: Final = frozenset(
    row.type
    for row in (
        subjects.RUN_OPENED,
        subjects.RUN_STOPPED,
        subjects.RUN_RESUMED,
        subjects.RUN_CLOSED,
        subjects.PERIOD_OPENED,
        subjects.PERIOD_CLOSED,
    )
)
"""Types of the events of the run's own trace."""

TOLD_ALWAYS: Final = _OF_RUN | {subjects.TICKED.type}
"""Types of events that `SpanMaker` needs also of ticks of which no span is wanted: they make the run's own trace, and end ticks."""

TIMES_MAX: Final = 1_024
"""Times of the log that are kept as numbers: all items of an event share one."""

_NS: Final = 10**9
_US: Final = 1_000
_MS: Final = 10**6


@lru_cache(TIMES_MAX)
def nanoseconds(time: str) -> int:
    """Return a time of the log, RFC 3339, as nanoseconds since 1970."""
    seconds = datetime.fromisoformat(time)
    whole = int(seconds.replace(microsecond=0).timestamp())
    return whole * _NS + seconds.microsecond * _US


class SpanMaker:
    """The spans of one run, tick by tick; keeps no more than the open ticks and the periods."""

    def __init__(self, wanted: Callable[[int], bool] = lambda _: True) -> None:
        """Start before the run's first event; `wanted` tells of which ticks spans are made, 0 for the run itself."""
        self._wanted = wanted
        self._open: dict[int, list[Record]] = {}
        self._of_run: list[Record] = []
        self._done = 0

    def add(self, source: Record | AddressedEvent) -> list[Span]:
        """Add the next event; return the spans of ticks that are complete now, each tick's root first."""
        entry = as_record(source)
        if entry.type in _OF_RUN or entry.tick == 0:
            self._of_run.append(entry)
        elif not self._wanted(entry.tick):
            pass
        elif entry.tick <= self._done:
            return [_late(fact) for fact in facts(entry)]
        else:
            self._open.setdefault(entry.tick, []).append(entry)
        if entry.type != subjects.TICKED.type:
            return []
        return self._complete(entry.tick - TICKS_OPEN)

    def close(self) -> list[Span]:
        """Return the spans that are left: of the open ticks, and of the run and its periods."""
        left = self._complete(max(self._open, default=0))
        return left + (_run_spans(self._of_run) if self._wanted(0) else [])

    def _complete(self, tick: int) -> list[Span]:
        ready = sorted(each for each in self._open if each <= tick)
        self._done = max(self._done, tick)
        return [span for each in ready for span in tick_spans(self._open.pop(each))]


def tick_spans(entries: list[Record]) -> list[Span]:
    """Return the spans of the events of one tick, its root first; the order of the events makes no difference."""
    graph = CausalGraph(entries)
    found = [fact for entry in entries for fact in facts(entry)]
    root = next((fact for fact in found if fact.type == subjects.TICKED.type), None)
    cycles = {fact.actor: fact for fact in found if fact.type == subjects.COGNITIVE_CYCLES_COMPLETED.type}
    calls = {_position(fact): fact for fact in found if fact.type == subjects.LLM_INVOKED.type}
    payments = _payments(graph, found)
    spans = []
    for fact in sorted(found, key=lambda each: (each.occurred_at, each.event_id)):
        if fact is not root:
            cause = _cause(graph, fact, root, cycles)
            span = _after(calls.get(_position(fact, before=1)), _span(fact, cause))
            spans.append(_with_payments(span, payments.get(fact.event_id, ())))
    ends = _ends_of_calls(spans)
    spans = [
        replace(span, end_ns=ends[span.span_id]) if ends.get(span.span_id, 0) > span.end_ns else span
        for span in spans
    ]
    if root is None:
        return spans
    end = max((span.end_ns for span in spans), default=0)
    return [replace(whole := _span(root, None), name="tick", end_ns=max(end, whole.end_ns)), *spans]


def _ends_of_calls(spans: list[Span]) -> dict[str | None, int]:
    """Return span id → end of the last call under it: a cycle's event has the time at which the cycle was handled first."""
    ends: dict[str | None, int] = {}
    for span in spans:
        if GenAi.OPERATION in span.attributes:
            ends[span.parent_span_id] = max(span.end_ns, ends.get(span.parent_span_id, 0))
    return ends


def _cause(graph: CausalGraph, fact: Fact, root: Fact | None, cycles: dict[str, Fact]) -> Fact | None:
    """Return what a fact stands under: its cause in this tick, its agent's cycle, or else the tick."""
    for near in (graph.cause(fact), cycles.get(fact.actor)):
        if near is not None and near.event_id not in (fact.event_id, root and root.event_id):
            return near
    return root


def _payments(graph: CausalGraph, found: list[Fact]) -> dict[str, tuple[str, ...]]:
    """Return event id of what was paid → ids of the ledger's chains that paid for it."""
    paid: dict[str, tuple[str, ...]] = {}
    for fact in found:
        if fact.type == subjects.TRANSFER_POSTED.type and (cause := graph.cause(fact)):
            paid[cause.event_id] = (*paid.get(cause.event_id, ()), str(fact.data["id"]))
    return {event_id: tuple(sorted(chains)) for event_id, chains in paid.items()}


def _span(fact: Fact, cause: Fact | None) -> Span:
    run, end = fact.correlation_id, nanoseconds(fact.occurred_at)
    start = end if cause is None else min(end, nanoseconds(cause.occurred_at))
    if "took_ms" in fact.data and fact.type in (subjects.TOOL_COMPLETED.type, subjects.TOOL_FAILED.type):
        start = end - fact.data["took_ms"] * _MS
    return Span(
        trace_id(run, fact.tick),
        span_id(run, fact.event_id),
        None if cause is None else span_id(run, cause.event_id),
        span_name(fact),
        start,
        end,
        span_attributes(fact),
        span_error(fact),
        span_kind(fact),
        span_service(fact),
    )


def _position(fact: Fact, *, before: int = 0) -> tuple[str, int]:
    """Return agent and ordinal of a call of a model, or of one before it; of another fact one that no call has."""
    return fact.actor, fact.data.get("ordinal", -before) - before


def _after(call: Fact | None, span: Span) -> Span:
    """Return a span that begins when the call before it in the same cycle ended."""
    if call is None:
        return span
    return replace(span, start_ns=min(span.end_ns, max(span.start_ns, nanoseconds(call.occurred_at))))


def _with_payments(span: Span, chains: tuple[str, ...]) -> Span:
    return replace(span, attributes=span.attributes | {Own.TRANSFERS: chains}) if chains else span


def _late(fact: Fact) -> Span:
    return replace(_span(fact, None), attributes=span_attributes(fact) | {Own.LATE: True})


def _run_spans(entries: list[Record]) -> list[Span]:
    """Return the spans of a run, its periods, and what happened before the first tick."""
    found = [fact for entry in entries for fact in facts(entry)]
    opening = next((fact for fact in found if fact.type == subjects.RUN_OPENED.type), None)
    if opening is None:
        return [_late(fact) for fact in found]
    last = max(nanoseconds(fact.occurred_at) for fact in found)
    root = replace(_span(opening, None), name="run", end_ns=last)
    return [root, *_below_run(found, opening, last)]


def _below_run(found: list[Fact], opening: Fact, last: int) -> Iterator[Span]:
    """Yield the spans below a run; a period that was not closed lasts until the run's last event."""
    opened, closed = (
        {fact.data["period"]: fact for fact in found if fact.type == row.type}
        for row in (subjects.PERIOD_OPENED, subjects.PERIOD_CLOSED)
    )
    for fact in found:
        match fact.type:
            case subjects.PERIOD_OPENED.type:
                span, end = _of_run(fact, opening), closed.get(fact.data["period"])
                end_ns = last if end is None else nanoseconds(end.occurred_at)
                yield replace(span, name="period", end_ns=max(span.start_ns, end_ns))
            case subjects.PERIOD_CLOSED.type:
                yield _of_run(fact, opened.get(fact.data["period"], opening))
            case _ if fact is not opening:
                yield _of_run(fact, opening)


def _of_run(fact: Fact, above: Fact) -> Span:
    """Return the span of a fact in the run's own trace, whatever its tick; what tells of the run or a period is a moment."""
    span = replace(_span(fact, above), trace_id=trace_id(fact.correlation_id, 0))
    return replace(span, start_ns=span.end_ns) if fact.type in _OF_RUN else span
