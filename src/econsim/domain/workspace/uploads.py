"""Chunks that were put and that no file has yet, as one worker knows them. Pure.

Life cycle of the collection:

    collection   holds                        entry comes   entry goes                       bound
    _pending     agent → chunk → its upload   put           a file has it, or FRESH_S later   room of the agent's quota
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from econsim.domain.admission.quota import QuotaKind
from econsim.errors import QuotaExceeded

FRESH_S: Final = 300.0
"""Seconds that a worker knows of a chunk: half of the collector's grace, so a known chunk is not deleted yet."""


ROOM: Final = 2
"""Bytes of chunks without a file, in bytes that files may have: one upload that broke off, and the next."""


@dataclass(frozen=True, slots=True)
class Upload:
    """One chunk that was put."""

    place: int
    """Place of the chunk in its stream."""
    size: int
    """Bytes of the chunk."""
    put_s: float
    """Time of the put, seconds of any clock that does not go back."""


def _refusal(limit: int, waiting: int, size: int, wait_s: float) -> QuotaExceeded:
    kind = QuotaKind.WORKSPACE_BYTES
    message = (
        f"{size} more would be too much: chunks that no file has yet take {waiting} bytes, and may take {ROOM} times "
        f"{kind.limit}, {limit}; write the file that they are for, or wait until they are given up"
    )
    retry_after_ms = max(0, round(wait_s * 1_000))
    return QuotaExceeded(
        message, code=kind.code, retry_after_ms=retry_after_ms, quota=kind.limit, limit=limit, used=waiting
    )


class Uploads:
    """Chunks that agents put in this worker, by the prefix of their workspace."""

    def __init__(self) -> None:
        """Start without chunks."""
        self._pending: defaultdict[str, dict[str, Upload]] = defaultdict(dict)

    def check_room(self, prefix: str, size: int, limit: int, now_s: float) -> None:
        """Raise QuotaExceeded if an agent has put ROOM times as much as its files may have, and written no file of it."""
        self._expire(prefix, now_s)
        pending = self._pending[prefix].values()
        waiting = sum(upload.size for upload in pending)
        if waiting + size > ROOM * limit:
            oldest_s = min((upload.put_s for upload in pending), default=now_s)
            raise _refusal(limit, waiting, size, oldest_s + FRESH_S - now_s)

    def add(self, prefix: str, name: str, upload: Upload) -> None:
        """Note a chunk."""
        self._pending[prefix].pop(name, None)
        self._pending[prefix][name] = upload

    def place(self, prefix: str, name: str, now_s: float) -> int | None:
        """Return the place of a chunk that was put lately; none for one that is not known."""
        upload = self._pending[prefix].get(name)
        return upload.place if upload and now_s - upload.put_s < FRESH_S else None

    def settle(self, prefix: str, names: Iterable[str]) -> None:
        """Forget chunks that a file has now."""
        pending = self._pending[prefix]
        for name in names:
            pending.pop(name, None)
        if not pending:
            del self._pending[prefix]

    def forget(self, prefix: str) -> None:
        """Forget all chunks of a workspace."""
        self._pending.pop(prefix, None)

    def _expire(self, prefix: str, now_s: float) -> None:
        pending = self._pending[prefix]
        for name in [name for name, upload in pending.items() if now_s - upload.put_s >= FRESH_S]:
            del pending[name]
