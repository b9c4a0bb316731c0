"""The bridge to a collector: what it sends, and what a collector costs that is away, slow or sent nonsense."""

from __future__ import annotations

import asyncio
import threading

import pytest
from eventually import eventually
from nats.aio.msg import Msg
from requirements import requirement

from econsim.domain.tracing.span import Span, SpanKind
from econsim.domain.tracing.wire import completed_json, read_completed
from econsim.errors import InvalidMessage, Unavailable
from econsim.services.trace import bridge
from econsim.services.trace.bridge import SpanBridge

SPAN = Span(
    "5" * 32,
    "1" * 16,
    None,
    "tick",
    1,
    4_000_000_000_000_000_007,
    {"n": 7, "l": ("a", "b")},
    "",
    SpanKind.SERVER,
    "clock",
)


class Subscription:
    async def unsubscribe(self):
        pass


class Service:
    """As much of a context as the bridge uses."""

    service = "trace"

    @property
    def client(self):
        return self

    async def subscribe(self, *_, **__):
        return Subscription()


class Taking:
    """A collector that takes spans, unless it is away or held up."""

    def __init__(self):
        self.spans, self.is_away, self.is_free = [], False, threading.Event()
        self.is_free.set()

    def send(self, spans):
        self.is_free.wait()
        if self.is_away:
            message = "the collector is away"
            raise Unavailable(message)
        self.spans += spans

    def close(self):
        pass


@pytest.fixture
def collector():
    return Taking()


@pytest.fixture
async def bridging(collector, monkeypatch):
    for name in ("LINGER_S", "LAST_S"):
        monkeypatch.setattr(bridge, name, 0.0)
    made = SpanBridge(Service(), collector)
    await made.start()
    yield made
    collector.is_free.set()
    await made.stop()


async def arrive(bridging, payload=None, count=1):
    for _ in range(count):
        await bridging.receive(Msg(None, data=completed_json(SPAN) if payload is None else payload))


async def test_a_span_reaches_the_collector_as_it_was(bridging, collector) -> None:
    await arrive(bridging)

    await eventually(lambda: collector.spans)
    assert collector.spans == [SPAN]
    assert (bridging.sent, bridging.dropped) == (1, 0)


async def test_what_is_no_span_is_dropped_and_counted_alone(bridging, collector) -> None:
    for payload in (b"nonsense", b"[]", b'{"trace_id": 5}', None):
        await arrive(bridging, payload)

    await eventually(lambda: bridging.sent)
    assert (bridging.sent, bridging.dropped, collector.spans) == (1, 3, [SPAN])


@requirement("trace.never_blocks")
async def test_a_collector_that_is_away_costs_its_spans_and_gets_the_next(bridging, collector) -> None:
    collector.is_away = True
    await arrive(bridging, count=3)
    await eventually(lambda: bridging.dropped)
    collector.is_away = False
    await arrive(bridging)

    await eventually(lambda: collector.spans)
    assert (bridging.sent, bridging.dropped) == (1, 3)


@requirement("trace.never_blocks")
async def test_a_collector_that_stalls_never_holds_up_who_receives(bridging, collector, monkeypatch) -> None:
    monkeypatch.setattr(bridge, "QUEUE_MAX", 10)
    collector.is_free.clear()
    await arrive(bridging)
    await asyncio.sleep(0)

    await arrive(bridging, count=50)

    assert bridging.dropped >= 40
    collector.is_free.set()
    await eventually(lambda: bridging.sent + bridging.dropped == 51)


def test_a_message_about_a_span_that_is_none_is_named() -> None:
    with pytest.raises(InvalidMessage, match="no completed span"):
        read_completed(b'{"trace_id": "5"}')
