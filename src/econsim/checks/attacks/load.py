"""The victims: external agents who trade in their own accounts throughout, and notice how they are served.

Each keeps what it sent, what it was answered and how fast, and every outcome it was told, for the judge.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from statistics import quantiles
from typing import Final, TypeVar

from nats.aio.client import Client
from nats.aio.msg import Msg
from pydantic import TypeAdapter, ValidationError

from econsim import subjects
from econsim.adapters.nats.connection import ready
from econsim.agents.channel import AgentChannel
from econsim.agents.economy import EconomicService
from econsim.agents.outcomes import outcome_of
from econsim.errors import EconsimError, NotFound
from econsim.identity.agent_account import short_pattern
from econsim.schemas.base import Event
from econsim.schemas.market import Accepted, Cancelled, Rejected, Traded

PAUSE_S: Final = 0.03
"""Pause between two rounds of an external agent: each takes three requests."""

PATIENCE_S: Final = 10.0
"""How long an external agent goes on trying when told to wait or not answered; every wait is counted."""

CANCEL_EVERY: Final = 3
"""Every third order is taken back, so that books stay small and all kinds of outcome occur."""

_EVENT: Final[TypeAdapter[Event[Accepted] | Event[Rejected] | Event[Traded] | Event[Cancelled]]] = (
    TypeAdapter(Event[Accepted] | Event[Rejected] | Event[Traded] | Event[Cancelled])
)

Answer = TypeVar("Answer")

OutcomeKey = tuple[str, str, int]
"""Order, what became of it, and its place in the book's history."""


@dataclass(slots=True)
class ServicePhase:
    """How an external agent was served for a while."""

    latencies: list[float] = field(default_factory=list)
    """Seconds of each request that was answered."""
    refused: int = 0
    """Requests that were answered by an error."""
    waited_ms: int = 0
    """Milliseconds it was held back."""

    def p99(self) -> float:
        """Return the 99th percentile of the latencies, in seconds; 0 without enough of them."""
        return quantiles(self.latencies, n=100)[98] if len(self.latencies) > 1 else 0.0


class TradingVictim:
    """One external agent that trades on one market."""

    def __init__(self, client: Client, run: str, name: str, resource: str, *, sells: bool) -> None:
        """Sit down in an account of one's own."""
        self.name = name
        """Who."""
        self.phase = ServicePhase()
        """How it is served at present."""
        self.told: set[OutcomeKey] = set()
        """Every outcome it was told."""
        self.strange: list[str] = []
        """What it heard that was not meant for it, or cannot be read."""
        self.placed: list[str] = []
        """Its orders that were stored."""
        self.taken_back: set[str] = set()
        """Those it asked to be cancelled."""
        self._client = client
        self._line = AgentChannel(client, run, name, PATIENCE_S)
        self._economy = EconomicService(self._line)
        self._resource = resource
        self._stopping = False
        self._sells = sells

    async def listen(self) -> None:
        """Hear everything an agent may hear, from now on."""
        for row in subjects.ORDER_OUTCOME:
            await self._client.subscribe(short_pattern(row, self.name), cb=self._hear)
        await ready(self._client)

    async def seated(self, timeout_s: float) -> None:
        """Wait until the run answers; raises Unavailable or NotFound if it does not in time."""
        end = time.monotonic() + timeout_s
        while True:
            try:
                await self._economy.get_balance()
                await self._economy.get_book(self._resource)
            except NotFound:
                if time.monotonic() > end:
                    raise
            else:
                return
            await asyncio.sleep(0.1)

    async def trade(self) -> None:
        """Trade until told to stop: a cancellation may be lost in the client library, which would never end."""
        number = 0
        while not self._stopping:
            number += 1
            await self._timed(self._round, number)
            await asyncio.sleep(PAUSE_S)

    def stop(self) -> None:
        """Finish the present round and trade no more."""
        self._stopping = True

    def next_phase(self) -> ServicePhase:
        """Begin to measure anew; return what was measured so far."""
        done, self.phase = self.phase, ServicePhase()
        return done

    def reconnects(self) -> int:
        """Return how often its connection was lost."""
        return int(self._client.stats["reconnects"])

    async def _round(self, number: int) -> None:
        phase, before = self.phase, self._line.waited_ms
        place = self._economy.place_ask if self._sells else self._economy.place_bid
        price = f"{1 + number % 20 / 20:.2f}"
        receipt = await self._answered(place(self._resource, price, 1))
        self.placed.append(receipt.order_id)
        await self._answered(self._economy.get_balance())
        if number % CANCEL_EVERY == 0:
            self.taken_back.add(receipt.order_id)
            await self._answered(self._economy.cancel_order(self._resource, receipt.order_id))
        else:
            await self._answered(self._economy.get_prices())
        phase.waited_ms += self._line.waited_ms - before

    async def _answered(self, asking: Awaitable[Answer]) -> Answer:
        started = time.perf_counter()
        answer = await asking
        self.phase.latencies.append(time.perf_counter() - started)
        return answer

    async def _timed(self, work: Callable[[int], Awaitable[None]], number: int) -> None:
        try:
            await work(number)
        except EconsimError as error:
            self.phase.refused += 1
            self.strange.append(f"a request was refused: {error.error_code}: {error}")

    async def _hear(self, message: Msg) -> None:
        try:
            event = _EVENT.validate_json(message.data)
        except ValidationError:
            self.strange.append(f"unreadable on {message.subject}: {message.data[:80]!r}")
            return
        for item in event.data.items:
            outcome = outcome_of(item, self._resource, event.tick, self.name)
            if not outcome.order_id.startswith(f"{self.name}."):
                self.strange.append(f"about {outcome.order_id} on {message.subject}")
            self.told.add((outcome.order_id, outcome.kind.value, item.n))
