"""The durable changes of a run: folded at once, published in one order, then delivered to the agents concerned.

All events of the service about a run have one order: each publish names the sequence that the newest of them must have
(fencing), on whatever subject of theirs it lies. A leader that lost its lease cannot add a change behind its successor's.
A change is folded before it is durable, so that the next decision knows of it; nothing is answered before it is durable.
When a publish fails, the folded state is worth nothing: `lost` is set, and the leader starts again from the log.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import nats.errors

from econsim import subjects
from econsim.adapters.nats.connection import reliable_publish
from econsim.domain.agent.active_run import ActiveRun
from econsim.domain.audit.envelope import Envelope
from econsim.domain.social.events import social_event
from econsim.domain.social.state import SocialState, Thing, parties
from econsim.errors import NotAllowed, Unavailable
from econsim.schemas.social import AgentMessage, Question
from econsim.schemas.social_events import SocialChange
from econsim.schemas.social_tasks import Task
from econsim.services.context import ServiceContext

_log = logging.getLogger(__name__)

_DELIVERIES: Final = {
    Question: subjects.QUESTION_CHANGED,
    AgentMessage: subjects.MESSAGE_ARRIVED,
    Task: subjects.TASK_CHANGED,
}
"""Class of a thing → the delivery that tells an agent of it."""


@dataclass(frozen=True, slots=True)
class _Entry:
    """A change that is folded and not durable yet."""

    change: SocialChange
    thing: Thing | None
    """Thing that changed, for the agents concerned."""
    stored: asyncio.Future[None]
    """Result of the publish."""


class SocialJournal:
    """The changes of one run.

    `_queue` holds changes that are folded and not durable; an entry goes when it is published, or when a publish fails.
    """

    def __init__(self, context: ServiceContext, run: ActiveRun, state: SocialState) -> None:
        """Fold changes into a state."""
        self.newest = 0
        """Sequence of the run's newest event of the service in the log, 0 for none."""
        self.tick = 0
        """Logical time of the next events."""
        self.lost = asyncio.Event()
        """Event that is set once a change could not be made durable."""
        self._context = context
        self._run = run
        self._state = state
        self._queue: deque[_Entry] = deque()
        self._publishing: asyncio.Task[None] | None = None
        self._grown = asyncio.Condition()

    def reach(self, tick: int) -> None:
        """Note that the run has come to a tick: a host may say so before the clock's event is here."""
        self.tick = max(self.tick, tick)

    async def append(self, changes: Iterable[SocialChange]) -> None:
        """Fold changes now, and return when they are durable; raises Unavailable if one may not be."""
        loop = asyncio.get_running_loop()
        for change in changes:
            self._queue.append(_Entry(change, self._state.evolve(change), loop.create_future()))
        await self.settle()

    async def settle(self) -> None:
        """Wait until everything folded so far is durable; raises Unavailable if something may not be."""
        if self._queue and self._publishing is None and not self.lost.is_set():
            self._publishing = asyncio.create_task(self._publish_all())
        if self._queue and not self.lost.is_set():
            # A caller that is cancelled must not cancel the result for others.
            await asyncio.shield(self._queue[-1].stored)
        if self.lost.is_set():
            raise _taken_over()

    async def wait_for(self, condition: Callable[[], bool], timeout_s: float) -> bool:
        """Wait until a condition of the state holds, checked after each change; return whether it holds in time.

        Raises Unavailable if a change could not be made durable.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s), self._grown:
                await self._grown.wait_for(lambda: condition() or self.lost.is_set())
        if self.lost.is_set():
            raise _taken_over()
        return condition()

    async def deliver(self, thing: Thing) -> None:
        """Tell the external agents that a thing concerns; one that is away reads it later."""
        payload = thing.model_dump_json().encode()
        for agent in parties(thing):
            if agent in self._run.externals:
                subject = _DELIVERIES[type(thing)](run=self._run.name, agent=agent)
                with suppress(nats.errors.Error, NotAllowed):
                    await self._context.client.publish(subject, payload)

    async def _publish_all(self) -> None:
        try:
            while self._queue:
                entry = self._queue[0]
                await self._publish(entry.change)
                self._queue.popleft()
                entry.stored.set_result(None)
                if entry.thing is not None:
                    await self.deliver(entry.thing)
                await self.notify()
        except Exception as error:  # noqa: BLE001 - whatever it is, those who wait must learn of it
            _log.warning("changes of %s are not stored: %r", self._run.name, error)
            self.lost.set()
            for entry in self._queue:
                entry.stored.set_result(None)
            await self.notify()
        finally:
            self._publishing = None

    async def notify(self) -> None:
        """Have everybody who waits look again."""
        async with self._grown:
            self._grown.notify_all()

    async def _publish(self, change: SocialChange) -> None:
        now = self._context.clock.now()
        envelope = Envelope(self._run.name, self._run.data.salt, self.tick, now)
        event = social_event(envelope, change, self.newest)
        stored = await reliable_publish(
            self._context.jetstream,
            event.subject,
            event.json(),
            event.event.event_id,
            expected_sequence=self.newest,
            among=subjects.OF_SOCIAL.format(run=self._run.name),
        )
        self.newest = stored.seq


def _taken_over() -> Unavailable:
    message = "another worker took over the run; ask again"
    return Unavailable(message)
