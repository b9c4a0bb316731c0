"""The victims: external agents that trade in accounts of their own throughout, and measure how they are served.

Each records its orders, the latency of every answer and every outcome it receives, for the invariants.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable
from dataclasses import dataclass, field
from statistics import quantiles
from typing import Final, TypeVar

from nats.aio.client import Client
from nats.aio.msg import Msg
from pydantic import ValidationError

from econsim import subjects
from econsim.adapters.nats.connection import synchronize
from econsim.adapters.poll import Poll
from econsim.agents.channel import AgentChannel
from econsim.agents.economy import EconomicService
from econsim.agents.outcomes import OUTCOME_EVENT, outcome_of
from econsim.errors import EconsimError, NotFound
from econsim.identity.agent_account import short_pattern

PAUSE_S: Final = 0.03
"""Pause between two rounds of a victim: a round takes three requests."""

POLL_INTERVAL_S: Final = 0.1
"""Pause between two attempts to reach the run."""

PATIENCE_S: Final = 10.0
"""Limit of a victim's retries after a refusal with a retry time, or without an answer; every wait is counted."""

CANCEL_EVERY: Final = 3
"""Every third order is cancelled, so that books stay small and every kind of outcome occurs."""

Answer = TypeVar("Answer")

OutcomeKey = tuple[str, str, int]
"""Order id, kind of outcome, and the item's number in the book's history."""


@dataclass(slots=True)
class ServicePhase:
    """Quality of service of one victim during one phase of the run."""

    latencies: list[float] = field(default_factory=list)
    """Seconds until the answer, of each answered request."""
    refused: int = 0
    """Count of requests whose answer was an error."""
    waited_ms: int = 0
    """Milliseconds that the victim waited between retries."""

    def p99(self) -> float:
        """Return the 99th percentile of the latencies, in seconds; 0 without enough of them."""
        return quantiles(self.latencies, n=100)[98] if len(self.latencies) > 1 else 0.0


class TradingVictim:
    """External agent that trades on one market."""

    def __init__(self, client: Client, run: str, name: str, resource: str, *, sells: bool) -> None:
        """Use a connection to the agent's own account."""
        self.name = name
        """Name of the agent."""
        self.phase = ServicePhase()
        """Quality of service in the present phase."""
        self.outcomes: set[OutcomeKey] = set()
        """Outcomes that the agent received from its market's book."""
        self.unexpected: list[str] = []
        """Messages that were not meant for the agent or cannot be read, and refusals."""
        self.placed_orders: list[str] = []
        """Ids of orders that were stored."""
        self.cancelled_orders: set[str] = set()
        """Ids of orders that the agent asked to cancel."""
        self._client = client
        self._channel = AgentChannel(client, run, name, PATIENCE_S)
        self._economy = EconomicService(self._channel)
        self._resource = resource
        self._stopping = False
        self._sells = sells

    async def listen(self) -> None:
        """Subscribe to every outcome of the agent's orders."""
        for row in subjects.ORDER_OUTCOME:
            await self._client.subscribe(short_pattern(row, self.name), cb=self._record_outcome)
        await synchronize(self._client)

    async def wait_until_served(self, timeout_s: float) -> None:
        """Wait until the run answers; raises Unavailable or NotFound after the limit."""
        end = time.monotonic() + timeout_s
        async for _ in Poll(POLL_INTERVAL_S):
            try:
                await self._economy.get_balance()
                await self._economy.get_book(self._resource)
            except NotFound:
                if time.monotonic() > end:
                    raise
            else:
                return

    async def trade(self) -> None:
        """Trade until `stop` is called: a cancellation of the task may be lost in the client library."""
        number = 0
        while not self._stopping:
            number += 1
            await self._try_round(number)
            await asyncio.sleep(PAUSE_S)

    def stop(self) -> None:
        """End trading after the present round."""
        self._stopping = True

    def next_phase(self) -> ServicePhase:
        """Start a new phase and return the one before."""
        done, self.phase = self.phase, ServicePhase()
        return done

    def reconnects(self) -> int:
        """Return how often the connection was lost."""
        return int(self._client.stats["reconnects"])

    async def _round(self, number: int) -> None:
        phase, before = self.phase, self._channel.waited_ms
        place = self._economy.place_ask if self._sells else self._economy.place_bid
        price = f"{1 + number % 20 / 20:.2f}"
        receipt = await self._time(place(self._resource, price, 1))
        self.placed_orders.append(receipt.order_id)
        await self._time(self._economy.get_balance())
        if number % CANCEL_EVERY == 0:
            self.cancelled_orders.add(receipt.order_id)
            await self._time(self._economy.cancel_order(self._resource, receipt.order_id))
        else:
            await self._time(self._economy.get_prices())
        phase.waited_ms += self._channel.waited_ms - before

    async def _time(self, request: Awaitable[Answer]) -> Answer:
        started = time.perf_counter()
        answer = await request
        self.phase.latencies.append(time.perf_counter() - started)
        return answer

    async def _try_round(self, number: int) -> None:
        try:
            await self._round(number)
        except EconsimError as error:
            self.phase.refused += 1
            self.unexpected.append(f"a request was refused: {error.error_code}: {error}")

    async def _record_outcome(self, message: Msg) -> None:
        try:
            event = OUTCOME_EVENT.validate_json(message.data)
        except ValidationError:
            self.unexpected.append(f"unreadable on {message.subject}: {message.data[:80]!r}")
            return
        for item in event.data.items:
            outcome = outcome_of(item, self._resource, event.tick, self.name)
            if not outcome.order_id.startswith(f"{self.name}."):
                self.unexpected.append(f"about {outcome.order_id} on {message.subject}")
            # Without a number, an order over a quota: no book took it in, so the log holds nothing of it.
            if item.n:
                self.outcomes.add((outcome.order_id, outcome.kind.value, item.n))
