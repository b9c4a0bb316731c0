"""Chunks that were put and that no file has yet, as one worker knows them. Pure.

Life cycle of the collection:

    collection   holds                            entry comes   entry goes                         bound
    _pending     (agent, chunk) → upload, oldest  put           a file has it, or at any agent's   room of the
                 first                                          put FRESH_S later                  agents' quotas
    _bytes       agent → bytes of its chunks,     put           with the agent's last chunk        agents
                 also of those being put
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import takewhile
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
        self._pending: dict[tuple[str, str], Upload] = {}
        self._bytes: Counter[str] = Counter()

    @contextmanager
    def room(self, prefix: str, size: int, limit: int, now_s: float) -> Iterator[None]:
        """Keep the room of a chunk while it is put: others that come meanwhile find it taken.

        Raises QuotaExceeded if the agent has put ROOM times as much as its files may have, and written no file of it.
        """
        self._expire(now_s)
        self._check_room(prefix, size, limit, now_s)
        self._bytes[prefix] += size
        try:
            yield
        finally:
            self._release(prefix, size)

    def _check_room(self, prefix: str, size: int, limit: int, now_s: float) -> None:
        waiting = self._bytes[prefix]
        if waiting + size > ROOM * limit:
            own = (upload.put_s for (owner, _), upload in self._pending.items() if owner == prefix)
            raise _refusal(limit, waiting, size, next(own, now_s) + FRESH_S - now_s)

    def add(self, prefix: str, name: str, upload: Upload) -> None:
        """Note a chunk that was put now."""
        self._forget(prefix, name)
        self._pending[prefix, name] = upload
        self._bytes[prefix] += upload.size

    def place(self, prefix: str, name: str, now_s: float) -> int | None:
        """Return the place of a chunk that was put lately; none for one that is not known."""
        upload = self._pending.get((prefix, name))
        return upload.place if upload and now_s - upload.put_s < FRESH_S else None

    def settle(self, prefix: str, names: Iterable[str]) -> None:
        """Forget chunks that a file has now."""
        for name in names:
            self._forget(prefix, name)

    def _expire(self, now_s: float) -> None:
        """Forget the chunks that were put long ago, whoever put them."""
        oldest = takewhile(lambda each: now_s - each[1].put_s >= FRESH_S, self._pending.items())
        for prefix, name in [key for key, _ in oldest]:
            self._forget(prefix, name)

    def _forget(self, prefix: str, name: str) -> None:
        if (upload := self._pending.pop((prefix, name), None)) is None:
            return
        self._release(prefix, upload.size)

    def _release(self, prefix: str, size: int) -> None:
        self._bytes[prefix] -= size
        if not self._bytes[prefix]:
            del self._bytes[prefix]
