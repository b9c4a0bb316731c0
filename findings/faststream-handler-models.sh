#!/usr/bin/env bash
# FastStream 0.7.8 with fast-depends 3.0.9 and pydantic 2.14.0: a broker that injects nothing still makes a model of every handler.
# Guess: `apply_types=False` leaves pydantic out of handlers; `serializer=None` is the way to do without it at all.
# Seen: with `apply_types=False` a pydantic model is made of each handler's parameters when its subscriber starts, and used for nothing:
# 20 handlers, 20 models. With `serializer=None` none is made, but the serializer also writes replies: a handler that returns a
# pydantic model then fails with "TypeError: Object of type Answer is not JSON serializable". A serializer of one's own with both
# methods, of which only `encode` does anything, has neither cost.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq "faststream[nats]==0.7.8" nats-py==2.16.0 fast-depends==3.0.9 pydantic==2.14.0

"$folder/venv/bin/python" - <<'PYTHON'
import asyncio

import fast_depends.pydantic.serializer as pydantic_serializer
from faststream.nats import NatsBroker, TestNatsBroker
from pydantic import BaseModel

HANDLERS = 20
made = 0
create = pydantic_serializer.create_model


def counted(*args, **fields):
    """Count the models that are made of handlers."""
    global made
    made += 1
    return create(*args, **fields)


pydantic_serializer.create_model = counted


class Answer(BaseModel):
    """A reply."""

    text: str


def handler():
    """Return a handler that replies with a model."""

    async def handle(body: str) -> Answer:
        return Answer(text=body)

    return handle


async def replied(**options) -> tuple[int, str]:
    """Return the models made at the start, and the reply to a request or the error instead."""
    global made
    made, broker = 0, NatsBroker(logger=None, **options)
    for number in range(HANDLERS):
        broker.subscriber(f"subject.{number}")(handler())
    async with TestNatsBroker(broker) as memory:
        try:
            reply = await memory.request("hello", "subject.0", timeout=3)
            return made, reply.body.decode()
        except TypeError as error:
            return made, f"TypeError: {error}"


without_injection = asyncio.run(replied(apply_types=False))
without_serializer = asyncio.run(replied(apply_types=False, serializer=None))
print("apply_types=False:                  models and reply", *without_injection)
print("apply_types=False, serializer=None: models and reply", *without_serializer)
assert without_injection == (HANDLERS, '{"text":"hello"}'), without_injection
assert without_serializer == (0, "TypeError: Object of type Answer is not JSON serializable"), without_serializer
PYTHON
