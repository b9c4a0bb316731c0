"""The events about a tool server as a run's log has them: its tools, and its circuit breaker. Pure."""

from __future__ import annotations

from econsim import subjects
from econsim.domain.audit.envelope import AddressedEvent, Envelope
from econsim.domain.cognition.breaker import Breaker, BreakerState
from econsim.domain.mcp.outcome import ACTOR
from econsim.schemas.tool_events import BreakerClosed, BreakerOpened, ToolsListed


def listed_event(envelope: Envelope, server: str, tools: tuple[str, ...], digest: str) -> AddressedEvent:
    """Return the event of a server's tools; every worker makes it under the same id."""
    data = ToolsListed(tools=tools, digest=digest)
    return envelope.event(subjects.TOOLS_LISTED, ACTOR, data, digest, server=server)


def breaker_event(
    envelope: Envelope, server: str, breaker: Breaker, message: str, now_ms: int
) -> AddressedEvent:
    """Return the event of a breaker that has opened or closed."""
    if breaker.state is BreakerState.OPEN:
        rest_ms = max(0, breaker.retry_at_ms - now_ms)
        opened = BreakerOpened(failures=breaker.failures, rest_ms=rest_ms, message=message)
        return envelope.event(subjects.BREAKER_OPENED, ACTOR, opened, envelope.now, server=server)
    return envelope.event(subjects.BREAKER_CLOSED, ACTOR, BreakerClosed(), envelope.now, server=server)
