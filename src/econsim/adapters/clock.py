"""The time of day and chance: the package's only calls for either, so that everything else can be replayed."""

from __future__ import annotations

import secrets
import time
from datetime import UTC, datetime

from econsim.schemas.types import NAME_LENGTH_MAX

_NS = 1_000_000_000


class SystemClock:
    """The port WallClock on the machine's clock."""

    def __init__(self) -> None:
        """Start with no time known."""
        self._second, self._text = -1, ""

    def now(self) -> str:
        """Return the time as RFC 3339 with nanoseconds, UTC; the text of a second is made once."""
        second, nanoseconds = divmod(time.time_ns(), _NS)
        if second != self._second:
            self._second, self._text = second, f"{datetime.fromtimestamp(second, UTC):%Y-%m-%dT%H:%M:%S}"
        return f"{self._text}.{nanoseconds:09d}Z"


def unix_seconds() -> int:
    """Return the time as whole seconds since 1970, as JWTs hold it."""
    return int(time.time())


def unix_nanoseconds() -> int:
    """Return the time as nanoseconds since 1970, as windows of quotas are counted."""
    return time.time_ns()


def moment(seconds: int) -> str:
    """Return seconds since 1970 as a time people read, UTC."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC"


def random_id() -> str:
    """Return 32 hex digits nobody can guess: a run's salt, a command's id."""
    return secrets.token_hex(16)


def random_name(prefix: str) -> str:
    """Return a unique name that may stand in a subject: a run, a holder of leases. A long prefix is cut."""
    return f"{prefix[: NAME_LENGTH_MAX - 9]}-{secrets.token_hex(4)}"


def jitter(seconds: float) -> float:
    """Return a length between half and all of `seconds`, so that many who wait do not come back together."""
    return seconds * (1 + secrets.randbelow(1001) / 1000) / 2
