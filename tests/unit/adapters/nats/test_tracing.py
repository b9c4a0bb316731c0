"""Live spans of one service: where traces begin, what travels with a message, and a queue that never waits."""

from __future__ import annotations

import asyncio
import json
import random

import nats.errors
import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg
from requirements import requirement
from run_builders import small_scenario

from econsim import subjects
from econsim.adapters.nats import span_publisher
from econsim.adapters.nats.tracing import TRACEPARENT, LiveTracing, OwnIds
from econsim.domain.agent.active_run import ActiveRuns, active_run
from econsim.domain.audit.facts import as_record
from econsim.domain.execution.in_memory import run as run_in_memory
from econsim.domain.tracing.derivation import SpanMaker
from econsim.domain.tracing.span_names import Own
from econsim.errors import Refused
from econsim.schemas.trace import SpanCompleted, SpanStarted

EVENTS = list(run_in_memory(small_scenario()))
RUN = active_run(next(each.event for each in EVENTS if each.type == subjects.RUN_OPENED.type))
SUBMIT = subjects.SUBMIT(run=RUN.name, agent="market")


class Wire(Client):
    """The library's client on a wire that only keeps what is sent; a test may close it."""

    def __init__(self):
        super().__init__()
        self.sent, self.is_open = [], asyncio.Event()
        self.is_open.set()

    async def publish(self, subject, payload=b"", _reply="", headers=None):
        await self.is_open.wait()
        self.sent.append((subject, payload, headers))

    async def request(self, subject, payload=b"", **_):
        await self.publish(subject, payload, "_INBOX.market.1")

    def spans(self, action="span_completed"):
        return [json.loads(payload) for subject, payload, _ in self.sent if subject.endswith(action)]

    def headers_on(self, subject):
        return [headers for sent, _, headers in self.sent if sent == subject]


@pytest.fixture
async def wire():
    return Wire()


@pytest.fixture
async def traced(wire):
    """Return the tracing of a service that knows an open run, at its third tick; all is taken."""
    runs = ActiveRuns()
    runs[RUN.name] = RUN
    runs.note_tick(RUN.name, 3)
    tracing = LiveTracing("ledger", 1, runs)
    tracing.start(wire)
    yield tracing
    await tracing.stop()


def message(subject, reply, headers=None):
    return Msg(None, subject=subject, reply=reply, data=b"", headers=headers)


def root_of(tick):
    """Return the span of a tick, as the log gives it."""
    maker = SpanMaker()
    spans = [span for event in EVENTS for span in maker.add(as_record(event))] + maker.close()
    return next(s for s in spans if s.parent_span_id is None and s.attributes[Own.TICK] == tick)


async def settled(wire, tracing):
    await tracing.stop()
    return wire.spans()


@pytest.mark.parametrize("tick", [0, 1, 3])
async def test_work_for_a_tick_stands_below_the_span_that_the_log_gives_it(traced, wire, tick) -> None:
    with traced.tick(RUN, tick, subjects.TICKED):
        pass

    [span] = await settled(wire, traced)
    root = root_of(tick)
    assert (span["trace_id"], span["parent_span_id"]) == (root.trace_id, root.span_id)
    assert span["attributes"][Own.TICK] == tick


async def test_what_is_asked_carries_its_span_and_who_answers_stands_below_it(traced, wire) -> None:
    with traced.tick(RUN, 3):
        await wire.request(SUBMIT)
    [carried] = wire.headers_on(SUBMIT)
    with traced.message(message(SUBMIT, "_INBOX.market.1", carried)):
        pass

    asked, answered = await settled(wire, traced)
    assert (asked["span_kind"], answered["span_kind"]) == ("client", "server")
    assert (answered["trace_id"], answered["parent_span_id"]) == (asked["trace_id"], asked["span_id"])
    assert answered["attributes"][Own.TICK] == 3
    assert answered["span_name"] == f"process {subjects.SUBMIT.template}"


async def test_an_agent_s_request_stands_below_its_tick_whatever_header_it_sends(traced, wire) -> None:
    subject = subjects.GET_BALANCE(run=RUN.name, agent="anna")
    forged = {TRACEPARENT: f"00-{'a' * 32}-{'b' * 16}-01", "tracestate": "econsim=9"}
    with traced.message(message(subject, "_R_.abc.def", forged)):
        pass

    [span] = await settled(wire, traced)
    assert (span["trace_id"], span["parent_span_id"]) == (root_of(3).trace_id, root_of(3).span_id)


async def test_a_service_s_message_without_a_span_is_not_traced(traced, wire) -> None:
    with traced.message(message(SUBMIT, "_INBOX.market.1")):
        await wire.publish(subjects.PRICE_UPDATED(run=RUN.name, resource="cpu"))

    assert await settled(wire, traced) == []
    assert wire.headers_on(subjects.PRICE_UPDATED(run=RUN.name, resource="cpu")) == [None]


async def test_what_is_outside_the_table_of_subjects_is_sent_as_it_is(traced, wire) -> None:
    with traced.tick(RUN, 3):
        await wire.publish("$KV.agent_state.r.anna", b"", "", {"a": "b"})

    assert wire.headers_on("$KV.agent_state.r.anna") == [{"a": "b"}]


async def test_a_refusal_is_an_outcome_and_another_error_says_no_more_than_its_kind(traced, wire) -> None:
    for error in (Refused("no", code="rate_is_exceeded"), ZeroDivisionError("a secret")):
        with pytest.raises(type(error)), traced.tick(RUN, 3, subjects.TICKED):
            raise error

    refused, failed = await settled(wire, traced)
    assert (refused["error"], refused["attributes"][Own.REFUSAL]) == (None, "rate_is_exceeded")
    assert failed["error"] == "ZeroDivisionError"


async def test_no_tick_is_traced_that_is_not_among_the_share(wire) -> None:
    tracing = LiveTracing("ledger", 1e-9, ActiveRuns())
    tracing.start(wire)

    with tracing.tick(RUN, 3, subjects.TICKED):
        await wire.request(SUBMIT)

    await tracing.stop()
    assert wire.sent == [(SUBMIT, b"", None)]


@requirement("trace.spans")
async def test_the_begin_and_the_end_of_a_span_are_messages_as_documented(traced, wire) -> None:
    with traced.tick(RUN, 3, subjects.CLOSE_TICK):
        pass
    await traced.stop()

    [(begin, started, _), (end, completed, _)] = wire.sent
    assert (begin, end) == ("trace.ledger.none.span_started", "trace.ledger.none.span_completed")
    assert (
        SpanStarted.model_validate_json(started).span_id
        == SpanCompleted.model_validate_json(completed).span_id
    )


@requirement("trace.never_blocks")
async def test_a_connection_that_takes_nothing_costs_nothing_but_counted_spans(
    traced, wire, monkeypatch
) -> None:
    monkeypatch.setattr(span_publisher, "QUEUE_MAX", 10)
    monkeypatch.setattr(span_publisher, "FINISH_S", 0.01)
    wire.is_open.clear()

    for _ in range(50):
        with traced.tick(RUN, 3, subjects.TICKED):
            await asyncio.sleep(0)

    published, dropped, waiting = traced.counts
    assert published == 0
    assert waiting <= 10
    # One more is on its way: it was taken off the queue and waits for the connection.
    assert dropped + waiting in (99, 100)


async def test_a_connection_that_refuses_has_its_spans_counted(traced, wire, monkeypatch) -> None:
    async def refuse(*_):
        raise nats.errors.OutboundBufferLimitError

    tracing = LiveTracing("ledger", 1, ActiveRuns())
    monkeypatch.setattr(wire, "publish", refuse)
    tracing.start(wire)

    with tracing.tick(RUN, 3, subjects.TICKED):
        pass

    await tracing.stop()
    assert tracing.counts == (0, 2, 0)


def test_ids_of_spans_leave_the_shared_random_numbers_as_they_are() -> None:
    before, ids = random.getstate(), OwnIds()

    assert 0 < ids.generate_span_id() < 2**64
    assert 0 < ids.generate_trace_id() < 2**128
    assert random.getstate() == before
