"""Live spans as services see them, and where spans go: ports, and the stand-in while nothing is traced."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Final, Protocol

from nats.aio.client import Client
from nats.aio.msg import Msg

from econsim.domain.agent.active_run import ActiveRun
from econsim.domain.tracing.span import Span
from econsim.schemas.subject import Subject

_NOTHING: Final = nullcontext()


class Tracing(Protocol):
    """Spans of what one service does while it does it; each is sent as a message, and none delays the work."""

    @property
    def share(self) -> float:
        """Share of the ticks that are traced."""

    @property
    def dropped(self) -> int:
        """Messages about spans that were dropped so far."""

    def start(self, client: Client) -> None:
        """Begin, with the service's connected client: what it sends from now on carries its span."""

    async def stop(self) -> None:
        """Send what waits, and end."""

    def message(self, message: Msg) -> AbstractContextManager[None]:
        """Handle a message for the time of the context: below the span in its headers, or that of its tick."""

    def tick(self, run: ActiveRun, tick: int, row: Subject | None = None) -> AbstractContextManager[None]:
        """Work for a tick for the time of the context, below the tick's span; with a row in a span of its own, of this message."""


class SpanCollector(Protocol):
    """Program outside that takes spans."""

    def send(self, spans: Sequence[Span]) -> None:
        """Send spans; raises Unavailable."""

    def close(self) -> None:
        """Close the connection."""


class Untraced:
    """Nothing is traced."""

    share = 0.0
    dropped = 0

    def start(self, client: Client) -> None:
        """Do nothing."""

    async def stop(self) -> None:
        """Do nothing."""

    def message(self, message: Msg) -> AbstractContextManager[None]:  # noqa: ARG002 - the port's signature
        """Do nothing."""
        return _NOTHING

    def tick(self, run: ActiveRun, tick: int, row: Subject | None = None) -> AbstractContextManager[None]:  # noqa: ARG002 - as above
        """Do nothing."""
        return _NOTHING
