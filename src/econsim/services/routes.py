"""Routes: which handler takes the messages of which subject, as rows of a table, and the router made of such a table.

A route of a request is answered: one worker of the service takes each message, by queue group. Every
worker takes each event, and none answers it: its reply subject would be the stream's own, or one that a forger chose.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any

from faststream.message import StreamMessage
from faststream.nats import NatsRouter

from econsim.adapters.nats.short_path import shorten
from econsim.schemas.subject import ANSWERED, Subject
from econsim.services.handlers import decode_event


@dataclass(frozen=True, slots=True)
class Route:
    """One subject and the handler of its messages."""

    subject: Subject
    """Subject of the messages."""
    handler: Callable[[Any], Awaitable[Any]]
    """Handler of one decoded message; its result is the reply, if the subject is answered."""
    decoder: Callable[[StreamMessage[Any]], Awaitable[Any]]
    """Decoder of the payload."""
    max_workers: int = 1
    """Number of messages one worker handles at once."""


def event_route(subject: Subject, handler: Callable[[Any], Awaitable[object]]) -> Route:
    """Return the route of an event."""
    return Route(subject, handler, decode_event)


def router(service: str, routes: Iterable[Route]) -> NatsRouter:
    """Return a new router of these routes; a router belongs to one broker, so each service makes its own."""
    made = NatsRouter()
    for route in routes:
        answered = route.subject.kind in ANSWERED
        subscriber = made.subscriber(
            route.subject.pattern(),
            service if answered else "",
            decoder=route.decoder,
            no_reply=not answered,
        )
        subscriber(route.handler)
        shorten(subscriber, route.max_workers)
    return made
