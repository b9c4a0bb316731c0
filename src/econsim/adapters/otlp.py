"""Sends spans to any collector that speaks OTLP over HTTP: Tempo, Jaeger, an OpenTelemetry Collector."""

from __future__ import annotations

import logging
import socket
from collections.abc import Sequence
from itertools import islice
from typing import Final
from urllib.parse import urlsplit

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

from econsim.domain.tracing.span import Span
from econsim.errors import Unavailable

BATCH: Final = 512
"""Spans in one request: what OpenTelemetry's own batching takes."""

TIMEOUT_S: Final = 10.0
"""Seconds that a collector has for one request, repeats included."""

CONNECT_S: Final = 1.0
"""Seconds to find out whether somebody listens."""

_PATH: Final = "/v1/traces"


class OtlpSender:
    """Connection to a collector."""

    def __init__(self, url: str) -> None:
        """Prepare to send to a collector's address, `http://host:4318`; raises Unavailable if nobody listens there."""
        self._url = url
        # It tells each repeat on standard error; the error that we raise says it once.
        logging.getLogger(OTLPSpanExporter.__module__).setLevel(logging.CRITICAL)
        endpoint = url if url.endswith(_PATH) else url.rstrip("/") + _PATH
        self._require_listener()
        self._exporter = OTLPSpanExporter(endpoint=endpoint, timeout=TIMEOUT_S)

    def send(self, spans: Sequence[Span]) -> None:
        """Send spans; raises Unavailable if the collector does not take them. A repeat is the same spans to a collector."""
        rest = iter(spans)
        while batch := [readable(span) for span in islice(rest, BATCH)]:
            if self._exporter.export(batch) is not SpanExportResult.SUCCESS:
                raise self._unavailable()

    def close(self) -> None:
        """Close the connection."""
        self._exporter.shutdown()  # type: ignore[no-untyped-call]  # the exporter's own

    def _require_listener(self) -> None:
        """Raise Unavailable if the address refuses a connection: the exporter would repeat its request for TIMEOUT_S."""
        parts = urlsplit(self._url)
        address = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
        try:
            socket.create_connection(address, CONNECT_S).close()
        except ConnectionRefusedError as error:
            raise self._unavailable() from error
        except OSError:
            return  # an address that is neither reached nor refused may be behind a proxy, which the exporter uses

    def _unavailable(self) -> Unavailable:
        message = f"the collector at {self._url} did not take the spans: start it there, or give the address of one that speaks OTLP over HTTP"
        return Unavailable(message)


def readable(span: Span) -> ReadableSpan:
    """Return a span as OpenTelemetry's exporters take it."""

    def context(span_id: str) -> SpanContext:
        return SpanContext(
            int(span.trace_id, 16),
            int(span_id, 16),
            is_remote=True,
            trace_flags=TraceFlags(TraceFlags.SAMPLED),
        )

    return ReadableSpan(
        name=span.name,
        context=context(span.span_id),
        parent=context(span.parent_span_id) if span.parent_span_id else None,
        resource=Resource({"service.name": "econsim"}),
        attributes=span.attributes,
        kind=SpanKind.INTERNAL,
        status=Status(StatusCode.ERROR, span.error) if span.error else Status(StatusCode.UNSET),
        start_time=span.start_ns,
        end_time=span.end_ns,
        instrumentation_scope=InstrumentationScope("econsim"),
    )
