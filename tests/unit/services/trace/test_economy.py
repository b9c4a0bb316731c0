"""The spans of the economy while a run goes on, of a share of its ticks: those that are made afterwards, and no others."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from types import SimpleNamespace

import pytest
from fake_consumers import ConsumerNats, service_context
from requirements import requirement
from run_builders import small_scenario

from econsim import subjects
from econsim.domain.agent.active_run import active_run
from econsim.domain.audit.facts import as_record
from econsim.domain.execution.in_memory import run as run_in_memory
from econsim.domain.tracing.derivation import SpanMaker
from econsim.domain.tracing.span import is_sampled
from econsim.domain.tracing.wire import span_json
from econsim.services.trace import economy

EVENTS = list(run_in_memory(small_scenario()))
RUN = active_run(next(each.event for each in EVENTS if each.type == subjects.RUN_OPENED.type))


def made_afterwards(share):
    """Return the spans of the whole run whose traces are taken at a share, as JSON."""
    maker = SpanMaker()
    spans = [span for event in EVENTS for span in maker.add(as_record(event))] + maker.close()
    return sorted(span_json(span) for span in spans if is_sampled(span.trace_id, share))


def sent(client):
    """Return the spans that were sent, as JSON."""
    return sorted(
        payload.decode() for subject, payload, _ in client.published if subject.endswith(".span_completed")
    )


@pytest.fixture
def client():
    return ConsumerNats()


def context_of(client, share):
    context = service_context("trace", client)
    context.tracing = SimpleNamespace(share=share)
    return context


@requirement("trace.spans")
@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
async def test_the_spans_of_the_ticks_that_are_taken_are_those_made_afterwards(client, share) -> None:
    for event in EVENTS:
        await client.add(event)

    await economy.serve(context_of(client, share), RUN)

    assert sent(client) == made_afterwards(share)
    assert (share == 0) == (not sent(client))


async def test_a_run_that_has_closed_is_read_to_its_end_although_leadership_ends_the_task(client) -> None:
    *most, last = EVENTS
    for event in most:
        await client.add(event)
    task = asyncio.create_task(economy.serve(context_of(client, 1.0), RUN))
    await client.until(lambda: client.delivered == len(most))

    await client.add(last)
    task.cancel()

    with suppress(asyncio.CancelledError):
        await task
    assert sent(client) == made_afterwards(1.0)


async def test_a_worker_that_loses_the_lease_sends_nothing_more(client) -> None:
    half = len(EVENTS) // 2
    for event in EVENTS[:half]:
        await client.add(event)
    task = asyncio.create_task(economy.serve(context_of(client, 1.0), RUN))
    await client.until(lambda: client.delivered == half)

    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    before = len(sent(client))
    for event in EVENTS[half:]:
        await client.add(event)

    assert len(sent(client)) == before
