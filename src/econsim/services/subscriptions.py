"""Subscribers of a leader task: started together, stopped together, and known to the server meanwhile."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from faststream.nats import NatsBroker
from faststream.nats.subscriber.usecases import LogicSubscriber

from econsim.adapters.nats.connection import synchronize
from econsim.adapters.nats.short_path import shorten
from econsim.schemas.base import Message
from econsim.schemas.subject import Subject
from econsim.services.context import ServiceContext
from econsim.services.handlers import REQUEST_BYTES_MAX, strict_decoder

Subscriber = LogicSubscriber[Any]
"""A subscriber of a broker that is started and stopped by its task."""

Request = TypeVar("Request", bound=Message)


def run_subscriber(  # noqa: PLR0913 - a subscriber has these parts, and two are optional
    broker: NatsBroker,
    subject: Subject,
    run: str,
    model: type[Request],
    handler: Callable[[Request], Awaitable[Message]],
    *,
    bytes_max: int = REQUEST_BYTES_MAX,
    max_workers: int = 1,
) -> Subscriber:
    """Return a subscriber, not yet started, that answers one request of one run with a handler."""
    made = broker.subscriber(
        subject.pattern(run=run),
        decoder=strict_decoder(model, bytes_max),
        persistent=False,
    )
    made(handler)
    shorten(made, max_workers)
    return made


@asynccontextmanager
async def running(context: ServiceContext, subscribers: Sequence[Subscriber]) -> AsyncIterator[None]:
    """Run subscribers for the time of the context; the server knows them once it is entered."""
    for subscriber in subscribers:
        await subscriber.start()
    await synchronize(context.client)
    try:
        yield
    finally:
        for subscriber in subscribers:
            await subscriber.stop()
