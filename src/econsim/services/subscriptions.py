"""Subscribers of a leader task: started together, stopped together, and known to the server meanwhile."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from faststream.nats.subscriber.usecases import LogicSubscriber

from econsim.adapters.nats.connection import synchronize
from econsim.services.context import ServiceContext

Subscriber = LogicSubscriber[Any]
"""A subscriber of a broker that is started and stopped by its task."""


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
