"""The port QuotaTable over bucket `quotas`, and the changes an operator makes there.

Key `<run>.default` changes the defaults for a run, `<run>.<agent>` those for one agent of it; an agent whose
name is `default` has the run's. Everything is read from the stream's leader: a replica that lags behind would
give old limits after the version that announced new ones. A run's list of keys is kept until the version
changes, so that asking for one of many agents without limits of their own is no request.
"""

from __future__ import annotations

import asyncio
from typing import Final

import nats.errors
import nats.js.errors
from nats.aio.client import Client
from nats.js.api import Header
from pydantic import ValidationError

from econsim.adapters.jetstream import direct_get, provision
from econsim.adapters.nats.connection import CONFLICTS
from econsim.domain.admission import quota
from econsim.errors import Conflict, SetupError, Unavailable
from econsim.schemas.names import EVERY_AGENT
from econsim.schemas.quota import Quotas, QuotaUpdate
from econsim.schemas.subject import token
from econsim.streams import QUOTAS

DEFAULT: Final = EVERY_AGENT
"""Stands for the agent in the key of a run."""
TIMEOUT_S: Final = 2.0
"""Longest to wait for one answer: it takes milliseconds, and somebody waits for the request behind it."""
TRIES_MAX: Final = 5
"""Attempts to change a key; another operator must have changed it each time."""

RUNS_MAX: Final = 100
"""Runs whose list of keys is kept: more than a server runs at once."""

_NO_MESSAGE: Final = 10037
"""The server's code for no such message."""


class KeyQuotaTable:
    """Limits kept in the bucket."""

    def __init__(self, client: Client, timeout_s: float = TIMEOUT_S) -> None:
        """Use a connection that may read the bucket, and write it if it is to change limits."""
        self._client = client
        self._stream = client.jetstream(timeout=timeout_s)
        self._timeout_s = timeout_s
        self._version = -1
        self._lists: dict[str, asyncio.Task[frozenset[str]]] = {}

    async def version(self) -> int:
        """Return a number that grows with every change; raises Unavailable without an answer."""
        _, sequence = await self._read("$KV.quotas.>")
        if sequence != self._version:
            self._version, self._lists = sequence, {}
        return sequence

    async def get(self, run: str, agent: str) -> Quotas:
        """Return an agent's limits; raises Unavailable without an answer, SetupError if one is unreadable."""
        keys = [_subject(run, DEFAULT), _subject(run, agent)]
        known = await self._run_keys(run)
        found = await asyncio.gather(*(self._update(key) for key in keys if key in known))
        return quota.effective_limits(*(update for update, _ in found))

    async def change(self, run: str, agent: str | None, update: QuotaUpdate) -> Quotas:
        """Change limits of an agent, or of every agent of a run; return what holds from now on.

        Limits the update leaves out stay as they are. Workers take notice within about a second. Raises
        Unavailable if the server does not answer (changed or not: do it again), Conflict if others keep
        changing the same limits.
        """
        key = _subject(run, agent or DEFAULT)
        for _ in range(TRIES_MAX):
            known, revision = await self._update(key)
            if await self._write(key, quota.overlay(known, update), revision):
                self._lists = {}
                return await self.get(run, agent or DEFAULT)
        message = f"others keep changing the quotas {key}; try again"
        raise Conflict(message)

    async def _run_keys(self, run: str) -> frozenset[str]:
        """Return the keys of a run, asking once however many want them."""
        task = self._lists.get(run)
        if task is None or (task.done() and task.exception()):
            if len(self._lists) >= RUNS_MAX:
                self._lists = {}
            task = self._lists[run] = asyncio.create_task(self._list(run))
        return await asyncio.shield(task)

    async def _list(self, run: str) -> frozenset[str]:
        asking = provision.subject_counts(self._client, QUOTAS.name, f"$KV.quotas.{run}.*")
        try:
            return frozenset(await asyncio.wait_for(asking, self._timeout_s))
        except TimeoutError as error:
            message = f"the server did not answer about the quotas of {run}"
            raise Unavailable(message) from error

    async def _update(self, key: str) -> tuple[QuotaUpdate, int]:
        data, revision = await self._read(key)
        return _parse(key, data), revision

    async def _read(self, subject: str) -> tuple[bytes, int]:
        """Return the newest value on a subject and its sequence; a deleted key has an empty value."""
        try:
            found = await self._stream.get_msg(QUOTAS.name, subject=subject)
        except (TimeoutError, nats.errors.Error) as error:
            if isinstance(error, nats.js.errors.NotFoundError) and error.err_code == _NO_MESSAGE:
                return b"", 0
            message = f"the server did not answer about the quotas {subject}"
            raise Unavailable(message) from error
        return found.data or b"", found.seq or 0

    async def _write(self, key: str, update: QuotaUpdate, revision: int) -> bool:
        headers: dict[str, str] = {Header.EXPECTED_LAST_SUBJECT_SEQUENCE: str(revision)}
        payload = update.model_dump_json(exclude_none=True).encode()
        try:
            await self._stream.publish(key, payload, headers=headers)
        except (TimeoutError, nats.errors.Error) as error:
            if isinstance(error, nats.js.errors.APIError) and error.err_code in CONFLICTS:
                return False
            message = f"the server did not answer about the quotas {key}; they may or may not be changed"
            raise Unavailable(message) from error
        return True


async def read_quotas(client: Client, run: str, agent: str | None) -> Quotas:
    """Return the limits of an agent, or of every agent of a run, for a role that may only read; on a cluster possibly a moment old.

    Raises Unavailable without an answer, SetupError if one is unreadable.
    """
    keys = dict.fromkeys([_subject(run, DEFAULT), _subject(run, agent or DEFAULT)])
    found = {key: await direct_get.direct_get_last(client, QUOTAS.name, key) for key in keys}
    return quota.effective_limits(*(_parse(key, each.payload) for key, each in found.items() if each))


def _parse(key: str, data: bytes) -> QuotaUpdate:
    try:
        return QuotaUpdate.model_validate_json(data or b"{}")
    except ValidationError as error:
        message = f"{key} does not hold quotas ({error.error_count()} errors); set them again"
        raise SetupError(message) from error


def _subject(run: str, agent: str) -> str:
    return f"$KV.quotas.{token(run, 'run')}.{token(agent, 'agent')}"
