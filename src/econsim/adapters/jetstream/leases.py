"""The port Leases over bucket `leases`, for leader election: a key with a time to live and an expected revision.

The server drops a key that is not renewed; the next holder creates it. Lengths are whole seconds, because the server
takes no other. A lease says which process should write. It does not stop a late writer: the expected revisions of
the written keys do (fencing).
"""

from __future__ import annotations

from typing import Final

import nats.errors
import nats.js.errors
from nats.aio.client import Client
from nats.js.api import Header

from econsim.adapters.nats.connection import CONFLICTS
from econsim.errors import Unavailable
from econsim.streams import LEASES

LEASE_S: Final = 5
"""Length of a lease unless the caller says otherwise: a dead holder is replaced within it."""
TIMEOUT_S: Final = 2.0
"""Longest to wait for one answer; well below a lease, so that a holder learns in time that it lost."""

_PREFIX: Final = "$KV.leases."


class KeyLeases:
    """Leases kept in the bucket."""

    def __init__(self, client: Client, length_s: int = LEASE_S) -> None:
        """Use a connection that may write the bucket; `length_s` is at least one second."""
        self._stream = client.jetstream(timeout=TIMEOUT_S)
        self._length_s = max(1, length_s)

    async def acquire(self, name: str, holder: str) -> bool:
        """Take or renew the lease; false if another holder has it, or took it first.

        Raises `errors.Unavailable` if the server does not answer: the lease may then be held or not.
        """
        found, revision = await self._read(name)
        if found not in ("", holder):
            return False
        return await self._write(name, holder, revision, self._length_s)

    async def release(self, name: str, holder: str) -> None:
        """Give the lease back, if still held."""
        found, revision = await self._read(name)
        if found == holder:
            # An empty holder instead of a deletion: a deletion's marker would outlive the lease.
            await self._write(name, "", revision, 1)

    async def _read(self, name: str) -> tuple[str, int]:
        """Return holder and revision from the leader, which alone knows the newest."""
        try:
            message = await self._stream.get_msg(LEASES.name, subject=f"{_PREFIX}{name}")
        except nats.js.errors.NotFoundError:
            return "", 0
        except (TimeoutError, nats.errors.Error) as error:
            raise _unknown(name) from error
        return (message.data or b"").decode(), message.seq or 0

    async def _write(self, name: str, holder: str, revision: int, length_s: int) -> bool:
        headers: dict[str, str] = {
            Header.EXPECTED_LAST_SUBJECT_SEQUENCE: str(revision),
            "Nats-TTL": str(length_s),
        }
        try:
            await self._stream.publish(f"{_PREFIX}{name}", holder.encode(), headers=headers)
        except nats.js.errors.APIError as error:
            if error.err_code in CONFLICTS:
                return False
            raise _unknown(name) from error
        except (TimeoutError, nats.errors.Error) as error:
            raise _unknown(name) from error
        return True


async def held_leases(client: Client) -> set[str]:
    """Return the names of the leases that are held, of all services; raises Unavailable without an answer."""
    try:
        info = await client.jetstream(timeout=TIMEOUT_S).stream_info(
            LEASES.name, subjects_filter=f"{_PREFIX}>"
        )
    except (TimeoutError, nats.errors.Error, nats.js.errors.Error) as error:
        message = "the server did not answer about the leases"
        raise Unavailable(message) from error
    return {subject.removeprefix(_PREFIX) for subject in info.state.subjects or {}}


def _unknown(name: str) -> Unavailable:
    message = f"the server did not answer about the lease {name}; it may or may not be held"
    return Unavailable(message)
