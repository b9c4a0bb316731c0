"""Everything a run publishes, recorded, and taken apart into the steps a program without economics repeats."""

from __future__ import annotations

import asyncio
import json
import pickle
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from nats.aio.msg import Msg

from benchmarks import rig
from econsim.adapters.nats.connection import connect, synchronize
from econsim.adapters.server.embedded import EmbeddedServer

EXPECTED = "Nats-Expected-Last-Subject-Sequence"
COMMANDS = {"place_orders": "orders", "place_bid": "order", "place_ask": "order", "close_tick": "close"}
"""Commands, each with the phase it belongs to."""
RECORDED = ("$KV.agent_state.>", "$KV.market_prices.>", "market.>", "system.>", "agent.>")
"""Everything a run publishes that is no question to JetStream and no delivery."""
STATE = "$KV.agent_state."
PRICES = "$KV.market_prices."
BOOK_EVENTS = frozenset(
    {"bid_accepted", "ask_accepted", "order_rejected", "trade_executed", "order_cancelled"}
)


@dataclass(frozen=True, slots=True)
class Sent:
    """One message somebody published."""

    subject: str
    """Subject of the message."""
    payload: bytes
    """Content of the message."""
    headers: dict[str, str]
    """Headers of the message."""
    asks: bool = False
    """Whether the sender waits for a reply or an acknowledgement."""

    @property
    def action(self) -> str:
        """The third token."""
        return self.subject.split(".")[2]


@asynccontextmanager
async def recording(server: EmbeddedServer, path: Path | None = None) -> AsyncIterator[list[Sent]]:
    """Record what is published, for the time of the context; written to a file at the end, if named."""
    client = await connect(server.url, rig.superuser(server.trust), "bench-trace")
    sent: list[Sent] = []
    messages: asyncio.Queue[Msg] = asyncio.Queue()
    for pattern in RECORDED:
        subscription = await client.subscribe(pattern, pending_bytes_limit=-1)
        # One queue for all, because the library gives each subscription its own and loses the order
        # between them; no single pattern is both permitted and wide enough.
        subscription._pending_queue = messages  # noqa: SLF001
    await synchronize(client)
    try:
        yield sent
    finally:
        await synchronize(client)
        while not messages.empty():
            message = messages.get_nowait()
            headers = dict(message.headers or {})
            sent.append(Sent(message.subject, message.data, headers, asks=bool(message.reply)))
        await client.close()
        if path:
            await asyncio.to_thread(path.write_bytes, pickle.dumps(sent))


@dataclass(slots=True)
class Step:
    """Writes that may be under way together; the next step waits for their acknowledgements."""

    phase: str
    """`tick`, `orders`, `close`, `reserve`, `finish`, `outcomes`, `cleared` or `other`."""
    commits: list[list[Sent]] = field(default_factory=list)
    """Atomic batches, one after the other."""
    events: list[Sent] = field(default_factory=list)
    """Acknowledged publishes, sent as a burst beside the commits."""
    needs: int = 0
    """Sequence of the order queue that must have been delivered before."""


def split_steps(sent: Sequence[Sent]) -> tuple[list[Sent], list[Step]]:
    """Return a recorded run's single orders, and its steps in the order in which they depend on each other."""
    orders: list[Sent] = []
    found: list[Step] = []
    open_batches: dict[str, list[Sent]] = {}
    for message in sent:
        phase = _phase(message, open_batches)
        if phase == "order":
            orders.append(message)
        elif phase:
            step = found[-1] if found and found[-1].phase == phase else _new(found, phase)
            if message.subject.startswith(STATE):
                step.commits.append(open_batches.pop(message.headers.get("Nats-Batch-Id", ""), [message]))
            else:
                step.events.append(message)
    needs = 0
    for step in reversed(found):
        if step.phase == "cleared":
            needs = json.loads(step.events[0].payload)["data"]["last_sequence"]
        step.needs = needs
    return orders, found


def _new(found: list[Step], phase: str) -> Step:
    found.append(Step(phase))
    return found[-1]


def _phase(message: Sent, open_batches: dict[str, list[Sent]]) -> str:
    """Return the phase a message belongs to; empty for what is no write of the run or not yet whole."""
    tokens = message.subject.split(".")
    if message.subject.startswith(STATE):
        return _commit(message, open_batches)
    if message.subject.startswith(PRICES):
        return "finish"
    if rig.RUN not in tokens[3:4] or tokens[1] == "ledger" or "Nats-Stream" in message.headers:
        return ""
    if len(tokens) == 5:
        return COMMANDS.get(tokens[2]) or ("outcomes" if tokens[2] in BOOK_EVENTS else "")
    if tokens[2] in BOOK_EVENTS:
        return "finish"
    return {"ticked": "tick", "tick_cleared": "cleared"}.get(tokens[2], "other")


def _commit(message: Sent, open_batches: dict[str, list[Sent]]) -> str:
    """Gather an atomic batch; the journal entries in it give its phase, once it is whole."""
    batch = message.headers.get("Nats-Batch-Id", "")
    whole = [message]
    if batch:
        whole = open_batches.setdefault(batch, [])
        whole.append(message)
        if "Nats-Batch-Commit" not in message.headers:
            return ""
    names = [sent.subject.rpartition(".")[2] for sent in whole]
    if any(name.startswith("settle-") for name in names):
        return "finish"
    return "reserve" if any(name.startswith(("reserve-", "barrier")) for name in names) else "other"
