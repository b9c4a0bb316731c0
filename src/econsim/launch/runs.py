"""One run from the outside: opened on request, followed in the log until everything is in it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final

from nats.aio.client import Client

from econsim import subjects
from econsim.adapters.audit_log import follow
from econsim.adapters.calls import ask
from econsim.domain.decode import decode
from econsim.domain.envelope import Sealed
from econsim.errors import InvalidMessage, NotFound, Unavailable
from econsim.schemas.clock import OpenRun, RunClosed, RunOpenedEvent
from econsim.schemas.ledger import TransferPosted, TransferRefused
from econsim.schemas.scenario import Scenario

OPEN_DEADLINE_S: Final = 30.0
"""Longest to wait for a clock service that takes the run."""

OPERATOR: Final = "cli"
"""Who opens runs from the command line."""


async def open_run(client: Client, name: str, scenario: Scenario) -> RunOpenedEvent:
    """Ask the clock service to open a run, waiting for the service if it is not up yet.

    Raises Refused if the name stands for another scenario, Unavailable if no clock service answers.
    """
    request, end = OpenRun(run=name, scenario=scenario), time.monotonic() + OPEN_DEADLINE_S
    while True:
        try:
            return await ask(client, subjects.OPEN_RUN(operator=OPERATOR), request, RunOpenedEvent)
        except (NotFound, Unavailable) as error:
            if time.monotonic() > end:
                message = "no clock service opened the run; is it running? start it with `econsim up clock`"
                raise Unavailable(message) from error
            await asyncio.sleep(0.1)


async def events_of(client: Client, run: str) -> AsyncGenerator[Sealed, None]:
    """Yield a run's events in log order until it is closed and its whole journal was seen.

    Transfers reach the log by a copy of the ledger's bucket, so some may come after the closing.
    """
    last, seen = -1, 0
    async with aclosing(follow(client, run)) as stored_events:
        async for stored in stored_events:
            try:
                sealed = decode(stored.subject, stored.payload)
            except InvalidMessage:
                continue  # an agent's own event, of a type of its own
            yield sealed
            data = sealed.event.data
            if isinstance(data, RunClosed):
                last = data.journal_sequence
            elif isinstance(data, TransferPosted | TransferRefused):
                seen = data.sequence
            if 0 <= last <= seen:
                return
