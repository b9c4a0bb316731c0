"""Atomic batches: messages of one stream, stored all or not at all. The client library has no publisher of them.

The first message carries what must be newest (compare-and-set), so a batch of a writer that was replaced is refused whole
(fencing). Nothing tells a repeat of a batch: whoever gets no answer reads what is newest before it tries again.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import nats.errors
import nats.js.errors
from nats.aio.client import Client
from nats.js.api import Header
from nats.nuid import NUID

from econsim.adapters.nats.connection import CONFLICTS, EXPECTED_BELOW
from econsim.errors import Conflict, InvalidMessage, SetupError, Unavailable
from econsim.ports import WRITES_MAX

TIMEOUT_S: Final = 5.0
"""Longest to wait for an answer: a batch of 1000 takes 20 ms, an election of a new leader 4 to 8 s."""

NO_ANSWER: Final = (
    TimeoutError,
    asyncio.TimeoutError,
    nats.errors.TimeoutError,
    nats.errors.NoRespondersError,
    nats.errors.ConnectionClosedError,
    nats.errors.ConnectionDrainingError,
    nats.errors.ConnectionReconnectingError,
    nats.errors.OutboundBufferLimitError,
    nats.errors.StaleConnectionError,
    nats.js.errors.ServiceUnavailableError,
)
"""Errors of the client after which it is unknown whether the server got the message."""

_MISUSE: Final = frozenset({10054, 10174, 10199})
"""Message over the size limit; batches not allowed on the stream; batch over the limit."""


@dataclass(frozen=True, slots=True)
class BatchMessage:
    """One message of a batch."""

    subject: str
    """Concrete subject of the message."""
    payload: bytes
    """Payload in wire form."""
    headers: dict[str, str]
    """Headers of the message, without those of the batch."""


class AtomicBatches:
    """Atomic batches to one stream, which must allow them."""

    def __init__(self, client: Client, stream: str, timeout_s: float = TIMEOUT_S) -> None:
        """Use a connected client."""
        self._client = client
        self._stream = stream
        self._timeout_s = timeout_s
        self._nuid = NUID()

    async def store(self, messages: Sequence[BatchMessage], pattern: str, newest: int) -> int:
        """Store all or nothing; return the place of the last message, the others lie right before it.

        One message is sent without a batch: a batch costs a single server 6 ms whatever its size, because it stages the
        batch in files of its own. Raises Conflict if the newest message on the subjects of `pattern` is not at `newest`
        (0 for none), InvalidMessage for a message that is too large, SetupError for a stream that is not declared as econsim
        needs it, Unavailable if the outcome is unknown.
        """
        if not 0 < len(messages) <= WRITES_MAX:
            message = f"a commit holds 1 to {WRITES_MAX} writes, not {len(messages)}"
            raise InvalidMessage(message)
        headers = self._headers(messages, pattern, newest)
        *before, last = zip(messages, headers, strict=True)
        try:
            for each, its_headers in before:
                await self._client.publish(each.subject, each.payload, headers=its_headers)
            each, its_headers = last
            answer = await self._client.request(
                each.subject, each.payload, timeout=self._timeout_s, headers=its_headers
            )
        except nats.errors.MaxPayloadError as error:
            message = "a value is larger than the server's max_payload"
            raise InvalidMessage(message) from error
        except NO_ANSWER as error:
            message = f"no answer to a commit of {len(messages)} keys: its outcome is unknown"
            raise Unavailable(message) from error
        return self._place(json.loads(answer.data))

    def _headers(self, messages: Sequence[BatchMessage], pattern: str, newest: int) -> list[dict[str, str]]:
        """Return the headers of each message: its own, its place in the batch, and for the first what must be newest."""
        headers = [dict(each.headers) for each in messages]
        headers[0] |= {Header.EXPECTED_LAST_SUBJECT_SEQUENCE: str(newest), EXPECTED_BELOW: pattern}
        if len(messages) > 1:
            batch = self._nuid.next().decode()
            for place, each in enumerate(headers, 1):
                each |= {Header.BATCH_ID: batch, Header.BATCH_SEQUENCE: str(place)}
            headers[-1] |= {Header.BATCH_COMMIT: "1"}
        return headers

    def _place(self, answer: dict[str, Any]) -> int:
        """Read the stream's acknowledgement; raises what its error means."""
        error = answer.get("error")
        if error is None:
            return int(answer["seq"])
        code, text = error.get("err_code"), error.get("description", "")
        if code in CONFLICTS:
            raise Conflict(text, err_code=code)
        if code in _MISUSE:
            message = (
                f"the server refused the commit ({text}): is {self._stream} declared as econsim needs it?"
            )
            raise SetupError(message, err_code=code)
        raise Unavailable(text, err_code=code)
