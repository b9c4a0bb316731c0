"""The port Counters over the streams of the quotas: every message is an increment, which the server adds up.

The increment is a header, the answer holds the total after it. One request, however many workers add to
the same counter; reading and comparing a key instead would let two of them pass at once.
"""

from __future__ import annotations

import json
from typing import Final

import nats.errors
from nats.aio.client import Client

from econsim.errors import SetupError, Unavailable
from econsim.streams import QUOTA_PREFIX

TIMEOUT_S: Final = 2.0
"""Longest to wait for one answer: it takes milliseconds, and somebody waits for the request behind it."""

_INCREMENT: Final = "Nats-Incr"
_MISUSE: Final = frozenset({10168, 10171})
"""The stream is no counter; the increment is no number."""


class StreamCounters:
    """Counters kept by the server."""

    def __init__(self, client: Client, timeout_s: float = TIMEOUT_S) -> None:
        """Use a connection that may publish on `quota.*.*.*.*`; the streams must exist."""
        self._client = client
        self._timeout_s = timeout_s

    async def add(self, key: str, amount: int) -> int:
        """Add to a counter and return its total after that.

        Raises Unavailable if the server does not answer: the amount may then have been added or not.
        """
        headers = {_INCREMENT: f"{amount:+d}"}
        try:
            answer = await self._client.request(
                f"{QUOTA_PREFIX}.{key}", b"", timeout=self._timeout_s, headers=headers
            )
        except (TimeoutError, nats.errors.Error) as error:
            message = f"the server did not answer about the counter {key}; {amount} may or may not be added"
            raise Unavailable(message) from error
        return _total(key, json.loads(answer.data))


def _total(key: str, answer: dict[str, object]) -> int:
    if "val" in answer:
        return int(str(answer["val"]))
    error = answer.get("error")
    code = error.get("err_code") if isinstance(error, dict) else None
    if code in _MISUSE or code is None:
        message = f"{key} is no counter on this server ({code}); run `econsim streams apply`"
        raise SetupError(message, err_code=code)
    message = f"the server refused to count {key} ({code})"
    raise Unavailable(message, err_code=code)
