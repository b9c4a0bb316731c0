"""Run over NATS: opened by a request to the clock service, followed in the log until it has every record.

Life cycle of `run_connection`: accounts of external agents are made, the run is opened (or found open), the caller reads
`run_events`. If the caller leaves before the end, the run is stopped: it can be resumed, and no record is lost. A crash
of this process leaves the run open: the services go on with it, and `econsim resume` reads it to its end.
"""

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
from econsim.adapters.nats.rpc import REQUEST_TIMEOUT_S, ask
from econsim.adapters.poll import Poll
from econsim.app import Server
from econsim.domain.audit.decoding import decode_if_valid, event_of
from econsim.domain.audit.envelope import DIGEST, AddressedEvent
from econsim.domain.audit.facts import Record, record
from econsim.domain.audit.run_records import RunEnd
from econsim.domain.execution.eligibility import why_not_whole
from econsim.errors import Conflict, CorruptLog, EconsimError, InvalidMessage, NotFound, Unavailable
from econsim.identity.roles import OBSERVER, OPERATOR
from econsim.runs.launch.agent_accounts import ensure_accounts
from econsim.runs.launch.key_audit import audit_key_use, operator_name
from econsim.schemas.admin import SetQuota, TellTrust
from econsim.schemas.clock import (
    CloseRun,
    OpenRun,
    RunClosedEvent,
    RunOpened,
    RunOpenedEvent,
    RunStoppedEvent,
    StopRun,
)
from econsim.schemas.executor import Execution
from econsim.schemas.quota import Quotas, QuotaUpdate
from econsim.schemas.scenario import Scenario
from econsim.subjects import AUDIT

POLL_INTERVAL_S: Final = 0.1
"""Pause between two requests to a service that does not answer yet."""

OPEN_DEADLINE_S: Final = 30.0
"""Seconds to wait by default for a clock service that opens the run."""

READING_S: Final = 5.0
"""Seconds a clock service may take to read and store a MiB of a scenario: it took one second on a machine under load."""


def execution_of(server: Server, scenario: Scenario, *, spread: bool = False) -> Execution:
    """Return the execution of a new run: whole if the scenario allows it and this process has an executor.

    Services in processes of their own (`spread`) are started to share a run.
    """
    is_here = "executor" in server.started and not spread
    return Execution.WHOLE if is_here and not why_not_whole(scenario) else Execution.SHARED


async def open_run(  # noqa: PLR0913 - two of them bound the waiting
    client: Client,
    name: str,
    scenario: Scenario,
    operator: str = OPERATOR,
    *,
    timeout_s: float = OPEN_DEADLINE_S,
    log_reader: Client | None = None,
    execution: Execution = Execution.SHARED,
) -> RunOpenedEvent:
    """Ask the clock service to open a run as an operator; retry until the service is there. Idempotent.

    A service may take longer to read a large scenario than the request's timeout; `log_reader`, a reader's connection,
    then finds the opening in the log. Raises Refused if the name belongs to a run of another scenario, Unavailable if
    no clock service answers within `timeout_s` seconds and the log does not have the run.
    """
    request = OpenRun(run=name, scenario=scenario, execution=execution)
    longest_s = REQUEST_TIMEOUT_S + len(request.model_dump_json()) / 2**20 * READING_S
    async for _ in Poll(POLL_INTERVAL_S, max(timeout_s, longest_s)):
        try:
            return await ask(client, subjects.OPEN_RUN(operator=operator), request, RunOpenedEvent, longest_s)
        except (NotFound, Unavailable):
            if log_reader and (found := await _read_opening(log_reader, name, scenario)):
                return found
    message = "no clock service opened the run; is it running? start it with `econsim up clock`"
    raise Unavailable(message)


async def _read_opening(log_reader: Client, name: str, scenario: Scenario) -> RunOpenedEvent | None:
    """Return the opening of a run from the log; none if it is not there, or of another scenario."""
    stored = await newest(log_reader, subjects.RUN_OPENED(run=name))
    addressed = decode_if_valid(stored.subject, stored.payload) if stored else None
    data = addressed.event.data if addressed else None
    if addressed is None or not isinstance(data, RunOpened) or data.scenario != scenario:
        return None
    return RunOpenedEvent.model_validate_json(addressed.json())


@dataclass(frozen=True, slots=True)
class RunConnection:
    """Connection to an open run, for reading."""

    client: Client
    """NATS connection of a reader."""
    new: bool
    """True if this call opened the run; false if it was open before."""


@asynccontextmanager
async def run_connection(  # noqa: PLR0913, PLR0917 - a run is opened with these
    server: Server,
    name: str,
    scenario: Scenario,
    deadlines: Mapping[str, int] = MappingProxyType({}),
    notify: Callable[[str], None] | None = None,
    execution: Execution = Execution.SHARED,
) -> AsyncGenerator[RunConnection, None]:
    """Open a run as the operator, or continue it as it was opened; if the caller leaves before its end, the run is stopped.

    `deadlines` are the milliseconds a tick waits for an external agent, for agents with a deadline of their own.
    `notify` gets a sentence about the stop.
    """
    creds = server.creds(OPERATOR)
    operator = operator_name(creds)
    async with AsyncExitStack() as stack:
        commander = await connect(server.url, creds, "econsim-run")
        stack.push_async_callback(commander.close)
        log_reader = await connect(server.url, reader(server.creds(OBSERVER)), "econsim-run-reader")
        stack.push_async_callback(log_reader.close)
        externals = await ensure_accounts(server, name, scenario)
        new = await newest(log_reader, subjects.RUN_OPENED(run=name)) is None
        stopping = partial(stop_run, commander, name, operator, notify or (lambda _: None))
        try:
            await open_run(
                commander,
                name,
                scenario,
                operator,
                log_reader=log_reader if new else None,
                execution=execution,
            )
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
            yield RunConnection(log_reader, new)
        except (asyncio.CancelledError, Exception):
            await stopping()
            raise


async def set_quota(client: Client, operator: str, request: SetQuota) -> None:
    """Change quotas as an operator; retry until the admin service has received the run's opening.

    Raises Refused if the change is refused, NotFound or Unavailable if no admin service answers in time.
    """
    end = time.monotonic() + OPEN_DEADLINE_S
    async for _ in Poll(POLL_INTERVAL_S):
        try:
            await ask(client, subjects.SET_QUOTA(operator=operator), request, Quotas)
        except EconsimError as error:
            waits = error.retryable or error.error_code == "run_is_not_open"
            if not waits or time.monotonic() > end:
                raise
        else:
            return


async def stop_run(client: Client, name: str, operator: str, notify: Callable[[str], None]) -> None:
    """Ask the clock service to stop a run at its current tick; report the result to `notify`."""
    try:
        await ask(client, subjects.STOP_RUN(operator=operator), StopRun(run=name), RunStoppedEvent)
    except EconsimError as error:
        notify(f"run {name} was not stopped, it stays as it is: {error}")
    else:
        notify(f"run {name} is stopped; `econsim resume {name}` goes on with it")


async def opening_of(client: Client, run: str) -> RunOpened:
    """Return the opening of a run that has not ended; raises NotFound if there is none, Conflict if it is closed."""
    stored = await newest(client, subjects.RUN_OPENED(run=run))
    opening = event_of(RunOpened, stored.subject, stored.payload) if stored else None
    if opening is None:
        message = f"there is no run {run!r} in the log; `econsim runs` lists those there are"
        raise NotFound(message, code="run_does_not_exist")
    if await newest(client, subjects.RUN_CLOSED(run=run)):
        message = f"run {run!r} has ended; `econsim report {run}` shows it"
        raise Conflict(message, code="run_is_closed")
    return opening.data


async def close_run(client: Client, name: str, operator: str = OPERATOR) -> None:
    """Ask the clock service to close a run at its current tick; idempotent."""
    with suppress(EconsimError):
        await ask(client, subjects.CLOSE_RUN(operator=operator), CloseRun(run=name), RunClosedEvent)


async def run_events(client: Client, run: str) -> AsyncGenerator[AddressedEvent, None]:
    """Yield a run's events in log order until the run is closed and its whole journal was read.

    Transfers reach the log by a copy of the ledger's bucket, so some may come after the closing. A record that no service
    wrote and that is no event is skipped; raises CorruptLog for a record that is missing or was changed.
    """
    async with aclosing(_read(client, run)) as records:
        async for stored, _ in records:
            if addressed := decode_if_valid(stored.subject, stored.payload):
                yield addressed


async def run_records(client: Client, run: str) -> AsyncGenerator[Record, None]:
    """Yield the same as records, which are decoded for who looks into them: to count and hash frequent events nobody does.

    Raises CorruptLog as `run_events`.
    """
    async with aclosing(_read(client, run)) as records:
        async for _, entry in records:
            yield entry


async def _read(client: Client, run: str) -> AsyncGenerator[tuple[StoredMessage, Record], None]:
    """Yield the records of a run, as they are stored and as they are read, to its end."""
    end = RunEnd()
    async with aclosing(follow(client, run)) as stored_events:
        async for stored in stored_events:
            if entry := _verified_record(stored):
                end.see(entry)
                yield stored, entry
            if end.reached:
                return


def _verified_record(stored: StoredMessage) -> Record | None:
    """Return the record of a message, none for one that no service wrote and that is no event; raises CorruptLog if its digest differs."""
    if stored.changed:
        message = f"the record at place {stored.sequence} of {AUDIT}, {stored.subject}, is not what was sent"
        raise CorruptLog(message)
    # A record with a digest was written by a service, which makes valid events alone.
    if DIGEST not in stored.headers and decode_if_valid(stored.subject, stored.payload) is None:
        return None
    with suppress(InvalidMessage):
        return record(stored.subject, stored.payload)
    return None
