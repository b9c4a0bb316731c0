"""Spans arrive at a collector as they were made: a real receiver of OTLP over HTTP takes them."""

from __future__ import annotations

import asyncio

import pytest
from oteltap import OtelTapHttpProtobufReceiver, OtelTapHttpProtobufReceiverSettings

from econsim.adapters.otlp import BATCH, OtlpSender
from econsim.adapters.server.state_directory import free_port
from econsim.domain.tracing.span import Span
from econsim.errors import Unavailable
from econsim.schemas.addresses import http_url

ROOT = Span("5" * 32, "1" * 16, None, "tick", 1_000, 4_000_000_000_000_000_007, {"econsim.tick": 7})
CALL = Span("5" * 32, "2" * 16, "1" * 16, "chat m", 2_000, 3_000, {"chains": ("a", "b")}, "it timed out")


async def received(spans, count):
    """Send spans to a receiver, and return the first that arrive."""
    port = free_port()
    async with OtelTapHttpProtobufReceiver(OtelTapHttpProtobufReceiverSettings(http_port=port)) as receiver:
        stream = receiver.stream_traces()

        async def read():
            return [await anext(stream) for _ in range(count)]

        # The receiver takes no more than a few hundred spans ahead of its reader.
        reading = asyncio.create_task(read())
        sender = OtlpSender(f"http://127.0.0.1:{port}")
        await asyncio.to_thread(sender.send, spans)
        sender.close()
        return await reading


async def test_ids_parents_times_attributes_and_errors_arrive_unchanged() -> None:
    root, call = await received([ROOT, CALL], 2)

    assert (root.trace_id.hex(), root.span_id.hex(), root.parent_span_id) == ("5" * 32, "1" * 16, b"")
    assert (root.start_time_unix_nano, root.end_time_unix_nano) == (1_000, 4_000_000_000_000_000_007)
    assert (root.attributes[0].key, root.attributes[0].value.int_value) == ("econsim.tick", 7)
    assert (call.parent_span_id, call.status.message) == (root.span_id, "it timed out")
    assert [each.string_value for each in call.attributes[0].value.array_value.values] == ["a", "b"]


async def test_more_spans_than_one_request_takes_all_arrive() -> None:
    many = [Span("5" * 32, f"{n:016x}", None, "tick", n, n, {}) for n in range(1, BATCH + 2)]

    found = await received(many, BATCH + 1)

    assert {span.span_id.hex() for span in found} == {span.span_id for span in many}


def test_a_collector_that_is_not_there_is_named_before_any_span_is_sent() -> None:
    url = f"http://127.0.0.1:{free_port()}"

    with pytest.raises(Unavailable, match=f"{url} did not take the spans: start it there"):
        OtlpSender(url).require_listener()


def test_the_password_of_an_address_is_not_told() -> None:
    place = f"127.0.0.1:{free_port()}"

    with pytest.raises(Unavailable, match=f"collector at http://{place} did"):
        OtlpSender(f"http://ana:se@cret@{place}").require_listener()


@pytest.mark.parametrize("given", ["ana:secret@host", "http://ana:secret@host:99999/a@b"])
def test_nor_is_that_of_an_address_that_is_none(given) -> None:
    with pytest.raises(ValueError, match="is no address") as refused:
        http_url(given)
    assert "secret" not in str(refused.value)


async def test_a_server_that_takes_no_spans_is_named() -> None:
    async def refuse(reader, writer):
        await reader.readline()
        writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(refuse, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        sender = OtlpSender(url)
        with pytest.raises(Unavailable, match=f"{url} did not take the spans"):
            await asyncio.to_thread(sender.send, [ROOT])
        sender.close()
