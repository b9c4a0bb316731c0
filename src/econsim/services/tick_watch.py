"""Component that keeps the logical time of open runs current, for services whose events carry it."""

from __future__ import annotations

from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from econsim import subjects
from econsim.domain.audit.decoding import event_of
from econsim.schemas.clock import Ticked
from econsim.schemas.subject import fields
from econsim.services.context import ServiceContext


class TickWatch:
    """Watch of the ticks of open runs in which services do something for agents.

    It reads the connection directly: a run may open a thousand ticks a second, and most services need none of them. In a run
    that is executed whole no agent asks for anything, so its ticks are dropped unread.
    """

    def __init__(self, context: ServiceContext) -> None:
        """Watch for this context, from `start` to `stop`."""
        self._context = context
        self._subscription: Subscription | None = None

    async def start(self) -> None:
        """Begin to watch."""
        self._subscription = await self._context.client.subscribe(subjects.TICKED.pattern(), cb=self.note)

    async def stop(self) -> None:
        """End the watch."""
        if self._subscription and not self._context.client.is_closed:
            await self._subscription.unsubscribe()

    async def note(self, message: Msg) -> None:
        """Take note of a tick; a message that is no event changes nothing."""
        name = fields(message.subject).run
        run = self._context.runs.get(name)
        if run is None or run.is_whole:
            return
        if ticked := event_of(Ticked, message.subject, message.data):
            self._context.runs.note_tick(name, ticked.tick)
