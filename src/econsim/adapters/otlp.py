"""Sends spans to any collector that speaks OTLP over HTTP: Tempo, Jaeger, an OpenTelemetry Collector.

Requests are made here from OpenTelemetry's published protocol: its own exporter takes four times as long, because it makes each
span an object of its library first (decision 0047).
"""

from __future__ import annotations

import socket
import time
from collections.abc import Mapping, Sequence
from itertools import groupby, islice
from operator import attrgetter
from typing import Final
from urllib.parse import unquote, urlsplit

import requests
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.trace.v1.trace_pb2 import ScopeSpans, Status
from opentelemetry.proto.trace.v1.trace_pb2 import Span as OtlpSpan

from econsim.domain.tracing.span import Span, SpanKind, Value
from econsim.errors import Unavailable
from econsim.schemas.addresses import shown_url

BATCH: Final = 512
"""Spans in one request: what OpenTelemetry's own batching takes."""

TIMEOUT_S: Final = 10.0
"""Seconds that a collector has for one request, repeats included."""

AGAIN_S: Final = 0.5
"""Pause before a request is repeated."""

CONNECT_S: Final = 1.0
"""Seconds to find out whether somebody listens."""

HEADERS: Final = "OTEL_EXPORTER_OTLP_HEADERS"
"""Variable of the environment with headers for the collector, `name=value` with commas between: OpenTelemetry's own."""

_AGAIN: Final = frozenset({429, 502, 503, 504})
"""Answers after which the protocol has a request repeated."""

_PATH: Final = "/v1/traces"
_KINDS: Final = {
    SpanKind.INTERNAL: OtlpSpan.SPAN_KIND_INTERNAL,
    SpanKind.CLIENT: OtlpSpan.SPAN_KIND_CLIENT,
    SpanKind.SERVER: OtlpSpan.SPAN_KIND_SERVER,
    SpanKind.PRODUCER: OtlpSpan.SPAN_KIND_PRODUCER,
    SpanKind.CONSUMER: OtlpSpan.SPAN_KIND_CONSUMER,
}
_FIELDS: Final = {str: "string_value", bool: "bool_value", int: "int_value", float: "double_value"}
_service_of = attrgetter("service")


class OtlpSender:
    """Connection to a collector, for one thread at a time."""

    def __init__(self, url: str, environment: Mapping[str, str] | None = None) -> None:
        """Prepare to send to a collector's address, `http://host:4318`; nothing is connected yet."""
        self._url = url
        self._endpoint = url if url.endswith(_PATH) else url.rstrip("/") + _PATH
        self._session = requests.Session()
        self._session.headers.update(_headers((environment or {}).get(HEADERS, "")))
        self._session.headers["Content-Type"] = "application/x-protobuf"

    def send(self, spans: Sequence[Span]) -> None:
        """Send spans; raises Unavailable if the collector does not take them. A repeat is the same spans to a collector."""
        rest = iter(spans)
        while batch := [*islice(rest, BATCH)]:
            self._post(request_body(batch))

    def close(self) -> None:
        """Close the connection."""
        self._session.close()

    def require_listener(self) -> None:
        """Raise Unavailable if the address refuses a connection: a request would be repeated for TIMEOUT_S."""
        parts = urlsplit(self._url)
        address = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
        try:
            socket.create_connection(address, CONNECT_S).close()
        except ConnectionRefusedError as error:
            raise self._unavailable() from error
        except OSError:
            return  # an address that is neither reached nor refused may be behind a proxy

    def _post(self, body: bytes) -> None:
        end = time.monotonic() + TIMEOUT_S
        while (left_s := end - time.monotonic()) > 0:
            try:
                answer = self._session.post(self._endpoint, data=body, timeout=left_s)
            except requests.ConnectionError:
                pass  # it may be just starting again
            except requests.RequestException as error:
                raise self._unavailable() from error
            else:
                if answer.ok:
                    return
                if answer.status_code not in _AGAIN:
                    break
            time.sleep(min(AGAIN_S, left_s))
        raise self._unavailable()

    def _unavailable(self) -> Unavailable:
        message = f"the collector at {shown_url(self._url)} did not take the spans: start it there, or give the address of one that speaks OTLP over HTTP"
        return Unavailable(message)


def request_body(spans: Sequence[Span]) -> bytes:
    """Return spans as the body of one request, those of each service together."""
    request = ExportTraceServiceRequest()
    for service, own in groupby(sorted(spans, key=_service_of), _service_of):
        # Every message is made in its place: a library that is given a finished one copies it.
        found = request.resource_spans.add()
        _add(found.resource.attributes.add(key="service.namespace").value, "econsim")
        _add(found.resource.attributes.add(key="service.name").value, service)
        scope = found.scope_spans.add()
        scope.scope.name = "econsim"
        for span in own:
            _add_span(scope, span)
    body: bytes = request.SerializeToString()
    return body


def _add_span(scope: ScopeSpans, span: Span) -> None:
    made = scope.spans.add(
        trace_id=bytes.fromhex(span.trace_id),
        span_id=bytes.fromhex(span.span_id),
        parent_span_id=bytes.fromhex(span.parent_span_id or ""),
        name=span.name,
        kind=_KINDS[span.kind],
        start_time_unix_nano=span.start_ns,
        end_time_unix_nano=span.end_ns,
    )
    add = made.attributes.add
    for key, value in span.attributes.items():
        _add(add(key=key).value, value)
    if span.error:
        made.status.code = Status.STATUS_CODE_ERROR
        made.status.message = span.error


def _add(place: AnyValue, value: Value) -> None:
    """Set the value of an attribute; by its exact class, which takes half the time of a match of patterns."""
    if isinstance(value, tuple):
        for each in value:
            place.array_value.values.add(string_value=each)
    else:
        setattr(place, _FIELDS.get(type(value), "string_value"), value)


def _headers(text: str) -> dict[str, str]:
    """Return headers from the form that OpenTelemetry's variable has."""
    pairs = (each.partition("=") for each in text.split(",") if "=" in each)
    return {unquote(name.strip()): unquote(value.strip()) for name, _, value in pairs}
