"""One run from the outside: opened on request, followed in the log until everything is in it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Final

from nats.aio.client import Client

from econsim import subjects
from econsim.adapters.jetstream.direct_get import StoredMessage
from econsim.adapters.jetstream.run_reader import follow, newest, reader
from econsim.adapters.nats.connection import connect
from econsim.adapters.nats.rpc import NO_SERVICE, REQUEST_TIMEOUT_S, ask
from econsim.app import Server
from econsim.domain.audit.decoding import decode_if_valid, event_of
from econsim.domain.audit.envelope import AddressedEvent
from econsim.errors import Conflict, CorruptLog, EconsimError, NotFound, Unavailable
from econsim.identity.roles import OBSERVER, OPERATOR
from econsim.runs.launch.agent_accounts import ensure_accounts
from econsim.runs.launch.key_audit import audit_key_use, operator_name
from econsim.schemas.admin import SetQuota, TellTrust
from econsim.schemas.clock import (
    CloseRun,
    OpenRun,
    RunClosed,
    RunClosedEvent,
    RunOpened,
    RunOpenedEvent,
    RunStoppedEvent,
    StopRun,
)
from econsim.schemas.ledger import TransferPosted, TransferRefused
from econsim.schemas.quota import Quotas, QuotaUpdate
from econsim.schemas.scenario import Scenario
from econsim.subjects import AUDIT

OPEN_DEADLINE_S: Final = 30.0
"""Longest to wait for a clock service that takes the run, if the caller does not say."""

READING_S: Final = 5.0
"""Longest that reading and storing a MiB of a scenario takes a clock service: it took one second on a machine under load."""


async def open_run(  # noqa: PLR0913 - two of them are only for who cannot wait
    client: Client,
    name: str,
    scenario: Scenario,
    operator: str = OPERATOR,
    *,
    patience_s: float = OPEN_DEADLINE_S,
    looking: Client | None = None,
) -> RunOpenedEvent:
    """Ask the clock service to open a run as an operator, waiting for the service if it is not up yet.

    A service may take longer to read a large scenario than anybody waits for it; `looking`, a reader's connection,
    then tells whether the log has the run. Raises Refused if the name stands for another scenario, Unavailable if
    no clock service answers within `patience_s` seconds and the log does not have the run.
    """
    request = OpenRun(run=name, scenario=scenario)
    longest_s = REQUEST_TIMEOUT_S + len(request.model_dump_json()) / 2**20 * READING_S
    end = time.monotonic() + max(patience_s, longest_s)
    while True:
        try:
            return await ask(client, subjects.OPEN_RUN(operator=operator), request, RunOpenedEvent, longest_s)
        except (NotFound, Unavailable) as error:
            if looking and (found := await _stored_opening(looking, name, scenario)):
                return found
            if time.monotonic() > end:
                message = "no clock service opened the run; is it running? start it with `econsim up clock`"
                raise Unavailable(message) from error
            await asyncio.sleep(0.1)


async def _stored_opening(looking: Client, name: str, scenario: Scenario) -> RunOpenedEvent | None:
    """Return the opening of a run of this scenario that the log has."""
    stored = await newest(looking, subjects.RUN_OPENED(run=name))
    addressed = decode_if_valid(stored.subject, stored.payload) if stored else None
    data = addressed.event.data if addressed else None
    if addressed is None or not isinstance(data, RunOpened) or data.scenario != scenario:
        return None
    return RunOpenedEvent.model_validate_json(addressed.json())


@dataclass(frozen=True, slots=True)
class RunConnection:
    """A run that is open, to be read."""

    client: Client
    """A reader's connection."""
    new: bool
    """Whether nobody opened it before."""


@asynccontextmanager
async def run_connection(
    server: Server,
    name: str,
    scenario: Scenario,
    deadlines: Mapping[str, int] = MappingProxyType({}),
    tell: Callable[[str], None] | None = None,
) -> AsyncGenerator[RunConnection, None]:
    """Open a run as the operator, or go on with it; if the caller leaves before its end, it is stopped.

    `deadlines` are how many milliseconds a tick waits for an external agent, of those that have their own.
    `tell` is told where it stopped.
    """
    creds = server.creds(OPERATOR)
    operator = operator_name(creds)
    async with AsyncExitStack() as stack:
        commander = await connect(server.url, creds, "econsim-run")
        stack.push_async_callback(commander.close)
        looking = await connect(server.url, reader(server.creds(OBSERVER)), "econsim-run-reader")
        stack.push_async_callback(looking.close)
        externals = await ensure_accounts(server, name, scenario)
        new = await newest(looking, subjects.RUN_OPENED(run=name)) is None
        stopping = partial(stop_run, commander, name, operator, tell or (lambda _: None))
        try:
            await open_run(commander, name, scenario, operator, looking=looking if new else None)
        except asyncio.CancelledError:
            await stopping()
            raise
        try:
            for external in externals:
                await audit_key_use(
                    commander, operator, TellTrust(run=name, who=external.agent, change="agent_let_in")
                )
            for agent, deadline_ms in deadlines.items():
                update = QuotaUpdate(deadline_ms=deadline_ms)
                await set_quota(commander, operator, SetQuota(run=name, agent=agent, update=update))
            yield RunConnection(looking, new)
        except (asyncio.CancelledError, Exception):
            await stopping()
            raise


async def set_quota(client: Client, operator: str, request: SetQuota) -> None:
    """Change limits as an operator, waiting for the admin service, which hears of a run a little later.

    Raises Refused if the change is refused, NotFound or Unavailable if no admin service answers in time.
    """
    end = time.monotonic() + OPEN_DEADLINE_S
    while True:
        try:
            await ask(client, subjects.SET_QUOTA(operator=operator), request, Quotas)
        except EconsimError as error:
            waits = error.retryable or error.error_code in (NO_SERVICE, "run_is_not_open")
            if not waits or time.monotonic() > end:
                raise
            await asyncio.sleep(0.1)
        else:
            return


async def stop_run(client: Client, name: str, operator: str, tell: Callable[[str], None]) -> None:
    """Ask the clock service to stop a run where it is; say what became of it."""
    try:
        await ask(client, subjects.STOP_RUN(operator=operator), StopRun(run=name), RunStoppedEvent)
    except EconsimError as error:
        tell(f"run {name} was not stopped, it stays as it is: {error}")
    else:
        tell(f"run {name} is stopped; `econsim resume {name}` goes on with it")


async def scenario_of(client: Client, run: str) -> Scenario:
    """Return the scenario of a run that has not ended; raises NotFound if there is none, Conflict if it is closed."""
    stored = await newest(client, subjects.RUN_OPENED(run=run))
    opening = event_of(RunOpened, stored.subject, stored.payload) if stored else None
    if opening is None:
        message = f"there is no run {run!r} in the log; `econsim runs` lists those there are"
        raise NotFound(message, code="run_does_not_exist")
    if await newest(client, subjects.RUN_CLOSED(run=run)):
        message = f"run {run!r} has ended; `econsim report {run}` shows it"
        raise Conflict(message, code="run_is_closed")
    return opening.data.scenario


async def close_run(client: Client, name: str, operator: str = OPERATOR) -> None:
    """Ask the clock service to end a run where it is; nothing happens if it has ended."""
    with suppress(EconsimError):
        await ask(client, subjects.CLOSE_RUN(operator=operator), CloseRun(run=name), RunClosedEvent)


async def run_events(client: Client, run: str) -> AsyncGenerator[AddressedEvent, None]:
    """Yield a run's events in log order until it is closed and its whole journal was seen.

    Transfers reach the log by a copy of the ledger's bucket, so some may come after the closing. What no service
    wrote and is no event is passed over; raises CorruptLog for a record that is missing or was changed.
    """
    last, seen = -1, 0
    async with aclosing(_stored_events(client, run)) as events:
        async for addressed in events:
            yield addressed
            match addressed.event.data:
                case RunClosed(journal_sequence=sequence):
                    last = sequence
                case TransferPosted(sequence=sequence) | TransferRefused(sequence=sequence):
                    seen = sequence
            if 0 <= last <= seen:
                return


async def _stored_events(client: Client, run: str) -> AsyncGenerator[AddressedEvent, None]:
    async with aclosing(follow(client, run)) as stored_events:
        async for stored in stored_events:
            if addressed := _verified_event(stored):
                yield addressed


def _verified_event(stored: StoredMessage) -> AddressedEvent | None:
    """Return the event of a record, none for what is no event; raises CorruptLog for what is not what was sent."""
    if stored.changed:
        message = f"the record at place {stored.sequence} of {AUDIT}, {stored.subject}, is not what was sent"
        raise CorruptLog(message)
    return decode_if_valid(stored.subject, stored.payload)
