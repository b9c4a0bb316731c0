"""Buries what the server gives up: messages delivered too often, and messages a worker terminated.

A crash raises nothing, so no handler can bury what kills it. The server says so in an advisory, and stream
`advisories` keeps what it said until it is dealt with here, also while no admin service runs. One worker at a
time.

Not seen is what the server never says: a message nobody takes, which goes away with its age limit, and an
advisory lost in a crash of the server itself. A terminated message has left its queue when the server says
so: unless the worker buried it before, its letter tells that it was there, not what it held.
"""

from __future__ import annotations

import asyncio
import json
import logging
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final

from econsim.adapters.jetstream import direct_get
from econsim.adapters.jetstream.dead_letters import UNKNOWN, Verdict, bury_stored, letters
from econsim.adapters.jetstream.direct_get import Stored
from econsim.services.context import ServiceContext
from econsim.streams import ADVISORIES, QUEUES

LEASE: Final = "undertaker.admin"
"""The post's lease."""

LOOK_S: Final = 1.0
"""Pause between looks at what the server said."""

SERVER: Final = "server"
"""Who gave these messages up."""

TERMINATED: Final = "message_was_terminated"
"""Code of a message a worker refused for good."""

EXHAUSTED: Final = "message_was_delivered_too_often"
"""Code of a message no delivery of which was acknowledged."""

_TERMINATED_TYPE: Final = "io.nats.jetstream.advisory.v1.terminated"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Advisory:
    """What the server says of a message it gives up."""

    queue: str
    """The stream it lies in, or lay in."""
    sequence: int
    """Its place there."""
    terminated: bool
    """Whether a worker terminated it; else it was delivered too often."""
    reason: str
    """Why, for people."""

    @property
    def origin(self) -> str:
        """Return where the message came from, as its letter says it."""
        return f"{self.queue}:{self.sequence}"

    @property
    def verdict(self) -> Verdict:
        """Return what its letter says of the reason."""
        return Verdict(TERMINATED if self.terminated else EXHAUSTED, self.reason, SERVER)


def advisory(payload: bytes) -> Advisory | None:
    """Read what the server said; none if it is not about a message of a work queue."""
    try:
        said = json.loads(payload)
        queue, sequence = str(said["stream"]), int(said["stream_seq"])
        consumer, deliveries = said["consumer"], said["deliveries"]
    except (ValueError, KeyError, TypeError):
        return None
    if queue not in QUEUES:
        return None
    terminated = said.get("type") == _TERMINATED_TYPE
    what = "terminated it" if terminated else "never acknowledged it"
    why = f": {said['reason']}" if said.get("reason") else ""
    reason = f"consumer {consumer} of {queue} {what}, delivered {deliveries} times{why}"
    return Advisory(queue, sequence, terminated, reason)


async def serve(context: ServiceContext, look_s: float = LOOK_S) -> None:
    """Deal with what the server says until cancelled."""
    while True:
        await settle(context)
        await asyncio.sleep(look_s)


async def settle(context: ServiceContext) -> None:
    """Bury every message the server gave up; safe to repeat wherever it stopped."""
    async with aclosing(direct_get.each(context.client, ADVISORIES.name)) as found:
        waiting = [message async for message in found]
    # Looked at only if there is something to bury: the id of a letter protects for some minutes, this for ever.
    known = await _origins(context) if waiting else set()
    for message in waiting:
        said = advisory(message.payload)
        if said is None:
            _log.warning("an advisory on %s is not understood and is dropped", message.subject)
        else:
            await _bury(context, said, buried=said.origin in known)
        await direct_get.delete(context.client, ADVISORIES.name, message.sequence)


async def _bury(context: ServiceContext, said: Advisory, *, buried: bool) -> None:
    """Make a letter of a message unless there is one, then free its queue."""
    message = await direct_get.one(context.client, said.queue, said.sequence)
    if message is None:
        # Not terminated and yet gone: acknowledged late, so it was done, or buried here before a crash.
        if said.terminated and not buried:
            gone = Stored(said.sequence, f"{UNKNOWN}.{said.queue}", b"", "")
            lacks = "everything: it was gone when the server spoke of it"
            await bury_stored(context.jetstream, said.queue, gone, said.verdict, lacks)
        return
    if not buried:
        await bury_stored(context.jetstream, said.queue, message, said.verdict)
    await direct_get.delete(context.client, said.queue, said.sequence)


async def _origins(context: ServiceContext) -> set[str]:
    """Return where the letters there are came from."""
    async with aclosing(letters(context.client)) as found:
        return {letter.origin async for letter in found}
