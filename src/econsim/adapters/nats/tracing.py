"""Live spans of one service, by OpenTelemetry: one place makes those of what is handled, one those of what is sent.

A span begins a trace only where work begins: at an agent's message, an operator's request, or the tick that a leader works
for. Everything else continues the trace that its message carries in the W3C header `traceparent`; a message without that header is
not traced. A tick's trace has the id that `domain.tracing.span` derives, and its spans stand below the tick's span, which the
log gives: live spans of requests and the spans of the economy are one trace. Which traces are taken follows from their ids,
so all services agree without asking.

What an agent's own client writes into the header is never read (`CONTRIBUTING`: no external message is trusted): the server gives a
request from another account a reply subject that no client in `SIM` has.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Final

from nats.aio.client import Client
from nats.aio.msg import Msg
from opentelemetry import context as contexts
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, StatusCode, TraceFlags, TraceState
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from econsim import subjects
from econsim.adapters.nats.span_publisher import SpanCounts, SpanPublisher
from econsim.domain.agent.active_run import ActiveRun, ActiveRuns
from econsim.domain.audit.envelope import derived_id
from econsim.domain.tracing.span import Value, is_sampled, span_id, trace_id
from econsim.domain.tracing.span_names import NATS, PROCESS, SEND, Common, Messaging, Own
from econsim.errors import EconsimError, NotAllowed, NotFound, QuotaExceeded, Refused
from econsim.identity.roles import INBOX
from econsim.schemas.subject import ANSWERED, Subject, SubjectKind, fields

TRACEPARENT: Final = "traceparent"
"""Header of a message that carries its span."""

TICK: Final = "econsim"
"""Key in the W3C trace state under which the tick of a trace travels with it."""

ERROR_LENGTH_MAX: Final = 200
"""Characters of the text of an error in a span."""

OUTCOMES: Final = (Refused, NotAllowed, NotFound, QuotaExceeded)
"""Errors that are answers like any other: their code is told, the span did not fail."""

_OWN_INBOX: Final = f"{INBOX}."
_W3C: Final = TraceContextTextMapPropagator()
_NOTHING: Final = nullcontext()
_ROOT: Final = Context()


class LiveTracing:
    """The live spans of one service."""

    def __init__(self, service: str, share: float, runs: ActiveRuns) -> None:
        """Trace this share of the ticks and of the requests that belong to none; `runs` are the open ones."""
        self.share = share
        self._runs = runs
        self._publisher = SpanPublisher(service)
        provider = TracerProvider(
            sampler=ParentBased(TraceIdRatioBased(share)),
            resource=Resource({"service.name": service}),
            id_generator=OwnIds(),
            shutdown_on_exit=False,
        )
        provider.add_span_processor(self._publisher)
        self._tracer = provider.get_tracer("econsim")

    @property
    def counts(self) -> SpanCounts:
        """Return how many messages about spans were published, were dropped, and wait."""
        return self._publisher.counts

    @property
    def dropped(self) -> int:
        """Messages about spans that were dropped so far."""
        return self.counts.dropped

    def start(self, client: Client) -> None:
        """Begin, with the service's connected client: what it sends from now on carries its span."""
        self._publisher.start(client.publish)
        self._trace_sending(client)

    async def stop(self) -> None:
        """Send what waits, and end."""
        await self._publisher.stop()

    def message(self, message: Msg) -> AbstractContextManager[None]:
        """Handle a message for the time of the context: below the span in its headers, or that of its tick."""
        headers, row = message.headers, subjects.row_of(message.subject)
        if row is None:
            return _NOTHING
        if row.kind in ANSWERED and not message.reply.startswith(_OWN_INBOX):
            above = self._of_agent(message.subject)
        elif headers and TRACEPARENT in headers:
            above = _W3C.extract(headers)
        else:
            above = _ROOT if row.kind is SubjectKind.OPERATOR else None
        if above is None:
            return _NOTHING
        kind = SpanKind.SERVER if row.kind in ANSWERED else SpanKind.CONSUMER
        return self._span(PROCESS, row, kind, message.subject, above)

    @contextmanager
    def tick(self, run: ActiveRun, tick: int, row: Subject | None = None) -> Iterator[None]:
        """Work for a tick for the time of the context, below the tick's span; with a row in a span of its own, of this message."""
        above = self._below_tick(run, tick)
        if above is None:
            yield
        elif row:
            with self._span(PROCESS, row, SpanKind.CONSUMER, "", above, {Own.RUN: run.name}):
                yield
        else:
            token = contexts.attach(above)
            try:
                yield
            finally:
                contexts.detach(token)

    def _of_agent(self, subject: str) -> Context | None:
        """Return where the span of an agent's message stands: below its tick, if this service knows which is open."""
        name = fields(subject).run
        run, tick = self._runs.get(name), self._runs.tick(name)
        return self._below_tick(run, tick) if run and tick else _ROOT

    def _below_tick(self, run: ActiveRun, tick: int) -> Context | None:
        """Return the context below the span of a tick, or of the run for tick 0; none if its trace is not taken."""
        trace_of_tick = trace_id(run.name, tick)
        if not is_sampled(trace_of_tick, self.share):
            return None
        root = derived_id(run.data.salt, tick, subjects.TICKED(run=run.name)) if tick else run.event_id
        above = SpanContext(
            int(trace_of_tick, 16),
            int(span_id(run.name, root), 16),
            is_remote=True,
            trace_flags=TraceFlags(TraceFlags.SAMPLED),
            trace_state=TraceState([(TICK, str(tick))]),
        )
        return trace.set_span_in_context(NonRecordingSpan(above), Context())

    def _trace_sending(self, client: Client) -> None:
        """Have a client send its span with every message of the table; requests, replies and stream publishes all pass here."""
        send, ask = client.publish, client.request

        async def publish(
            subject: str, payload: bytes = b"", reply: str = "", headers: dict[str, str] | None = None
        ) -> None:
            row = _row_of_sampled(subject)
            if row is None:
                await send(subject, payload, reply, headers)
            elif reply:
                # Of a request, whose span is open, or of an acknowledgement that nobody waits for alone.
                await send(subject, payload, reply, _carrying(headers))
            else:
                with self._span(SEND, row, SpanKind.PRODUCER, subject):
                    await send(subject, payload, reply, _carrying(headers))

        async def request(subject: str, *arguments: Any, **options: Any) -> Msg:  # noqa: ANN401 - passed on
            row = _row_of_sampled(subject)
            if row is None:
                return await ask(subject, *arguments, **options)
            kind = SpanKind.CLIENT if row.kind in ANSWERED else SpanKind.PRODUCER
            with self._span(SEND, row, kind, subject):
                return await ask(subject, *arguments, **options)

        client.publish, client.request = publish, request  # type: ignore[method-assign]  # the ways out of the client

    @contextmanager
    def _span(  # noqa: PLR0913, PLR0917 - a span has these parts
        self,
        operation: str,
        row: Subject,
        kind: SpanKind,
        subject: str,
        above: Context | None = None,
        more: dict[str, Value] | None = None,
    ) -> Iterator[None]:
        """Be in a new span for the time of the context, below `above` or the current one."""
        attributes = _attributes(operation, row, subject, above) | (more or {})
        with self._tracer.start_as_current_span(
            f"{operation} {row.template}",
            context=above,
            kind=kind,
            attributes=attributes,
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            try:
                yield
            except OUTCOMES as refused:
                span.set_attribute(Own.REFUSAL, refused.error_code)
                raise
            except Exception as error:
                # The text of an unforeseen error stays in the service's log.
                text = str(error)[:ERROR_LENGTH_MAX] if isinstance(error, EconsimError) else ""
                span.set_attribute(Common.ERROR, type(error).__name__)
                span.set_status(StatusCode.ERROR, text or type(error).__name__)
                raise


class OwnIds(IdGenerator):
    """Ids of spans from a generator of their own: OpenTelemetry's own draw from the one that everybody shares."""

    def generate_span_id(self) -> int:
        """Return a new id of a span."""
        return secrets.randbits(64) or 1

    def generate_trace_id(self) -> int:
        """Return a new id of a trace that belongs to no tick."""
        return secrets.randbits(128) or 1


def _row_of_sampled(subject: str) -> Subject | None:
    """Return the row of a subject on which the current span is to travel; none outside a span, or outside the table."""
    if trace.get_current_span().get_span_context().trace_flags & TraceFlags.SAMPLED:
        return subjects.row_of(subject)
    return None


def _carrying(headers: dict[str, str] | None) -> dict[str, str]:
    """Return headers with the current span in them."""
    carrying = dict(headers or {})
    _W3C.inject(carrying)
    return carrying


def _attributes(operation: str, row: Subject, subject: str, above: Context | None) -> dict[str, Value]:
    """Return the attributes of a message's span: names and values that do not grow with agents, and whose they are."""
    state = trace.get_current_span(above).get_span_context().trace_state
    found: dict[str, Value] = {
        Messaging.SYSTEM: NATS,
        Messaging.OPERATION: operation,
        Messaging.TEMPLATE: row.template,
    }
    if (tick := state.get(TICK)) is not None and tick.isdecimal():
        found[Own.TICK] = int(tick)
    if subject:
        where = fields(subject)
        found[Own.ENTITY] = where.entity
        found[Own.ACTOR if row.kind is SubjectKind.OPERATOR else Own.RUN] = where.run
        if where.agent:
            found[Own.AGENT] = where.agent
    return found
