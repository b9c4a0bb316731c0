#!/usr/bin/env bash
# FastStream 0.7.8 with nats-py 2.16.0: what a subscriber does with each message grows with the length of its own subject.
# Guess: a subject is parsed once, when the subscriber is declared; a message costs the same whatever the subscriber is called.
# Seen: for every message the declared subject is walked character by character, several times and even without a logger: 122 string
# comparisons a message for a subject of 20 characters, 1 322 for one of 220, with the broker in memory that tests use. With real ones
# it is about a tenth of what a small request costs. It is wasted work, not a fault: hot subjects should be short.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq "faststream[nats]==0.7.8" nats-py==2.16.0

"$folder/venv/bin/python" - <<'PYTHON'
import asyncio
import sys

from faststream.nats import NatsBroker, TestNatsBroker

MESSAGES = 100


async def operations(subject: str) -> int:
    """Return the calls of str.startswith during the messages, a profile of the interpreter's own calls."""
    broker = NatsBroker(logger=None)

    @broker.subscriber(subject)
    async def handle(body: str) -> None:
        """Do nothing."""

    counted = 0

    def count(_frame, event, called) -> None:
        nonlocal counted
        counted += event == "c_call" and getattr(called, "__name__", "") == "startswith"

    async with TestNatsBroker(broker) as memory:
        await memory.publish("x", subject)
        sys.setprofile(count)
        for _ in range(MESSAGES):
            await memory.publish("x", subject)
        sys.setprofile(None)
    return counted


short, long = "a" * 20, "a" * 220
few, many = asyncio.run(operations(short)), asyncio.run(operations(long))
added = (many - few) / MESSAGES
print(f"string comparisons a message: {few / MESSAGES:.0f} with {len(short)} characters, {many / MESSAGES:.0f} with {len(long)}")
assert added >= 200, added
PYTHON
