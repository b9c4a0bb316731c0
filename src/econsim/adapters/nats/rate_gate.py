"""The first look at what arrives: whatever bytes an agent sends, a service's connection survives them.

The client library reads subjects and status lines as UTF-8, and splits the server's lines at any white space. One
message with a byte that is no UTF-8, or with a form feed in its subject, ended the read loop of every service that
heard it: deaf until its pings were missed, ten seconds later. Here such a message becomes one like any other, with
replacement characters, that a handler refuses and counts. The answer to a flush that was given up ended it as well: a
service that stops one of its posts must not go deaf to all others. `RateGate` drops what an agent sends far above its rate before
it costs more than being read.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from functools import partial, wraps
from typing import Any, Final

from nats.aio.client import Client
from nats.js import errors
from nats.protocol import parser

from econsim.schemas.subject import Parsed

CROSSED: Final = b"_R_."
"""What a reply subject begins with when a request crossed from an agent's account: the server makes it."""

REQUESTS_MAX: Final = 2_000
"""Messages of one agent in a second after which its account is taken away: twenty times the default rate."""

AGENTS_MAX: Final = 10_000
"""Agents counted at once; all are forgotten with the second."""

ENTRIES: Final = b"agent"
"""Domain of what agents send without asking for an answer; a request that asks for none is not done."""

PASSED_MIN: Final = 300
"""Messages of an agent that pass in a second, whatever its rate: what is over the rate is told so, for a while."""

PASSED_SHARE: Final = 3
"""How many times its rate passes; a refusal costs a service as much as an answer."""

Allowed = Callable[[Parsed], int]
"""Returns the messages a second an agent may send."""

Tell = Callable[[Parsed, int], None]
"""Told once a second of an agent that sends more, with what arrived."""

_MESSAGE: Final = re.compile(rb"\AMSG +([^ \r\n]+) +(\d+) +(?:(([^ \r\n]+)) +)?(\d+) *\r\n")
_HEADED: Final = re.compile(rb"\AHMSG +([^ \r\n]+) +(\d+) +(?:(([^ \r\n]+)) +)?(\d+) +(\d+) *\r\n")


def apply_patches() -> None:
    """Make every client of this process survive what the library does not expect; a second call changes nothing."""
    if parser.MSG_RE is _MESSAGE:
        return
    # The server writes spaces, sometimes two; the library's `\s` also takes what may stand in a subject.
    parser.MSG_RE, parser.HMSG_RE = _MESSAGE, _HEADED
    read, build = Client._process_headers, Client._build_message  # noqa: SLF001 - the library has no hook here
    pong = Client._process_pong  # noqa: SLF001 - as above

    @wraps(read)
    async def headers(self: Client, raw: bytes | None) -> dict[str, str] | None:
        try:
            return await read(self, raw)
        except (ValueError, IndexError, LookupError):
            return None

    @wraps(build)
    def built(self: Client, sid: int, subject: bytes, reply: bytes, *rest: Any) -> object:  # noqa: ANN401 - passed on
        return build(self, sid, _utf8(subject), _utf8(reply), *rest)

    @wraps(pong)
    async def ponged(self: Client) -> None:
        waiting = self._pongs
        if waiting and waiting[0].done():
            waiting[0] = asyncio.Future()
        await pong(self)

    errors.APIError.from_error = staticmethod(partial(_error, errors.APIError.from_error))  # type: ignore[method-assign]
    Client._process_pong = ponged  # type: ignore[method-assign]  # noqa: SLF001 - as above
    Client._process_headers = headers  # type: ignore[method-assign,assignment]  # noqa: SLF001 - as above
    Client._build_message = built  # type: ignore[method-assign,assignment]  # noqa: SLF001 - as above


def _error(make: Callable[[dict[str, Any]], errors.APIError], told: dict[str, Any]) -> errors.APIError:
    """Return the error a server's answer stands for.

    The library's own function raises it, also where it is to be kept: who waits for an asynchronous publish then
    never hears that the stream refused it.
    """
    try:
        return make(told)
    except errors.APIError as error:
        return error


def _utf8(text: bytes) -> bytes:
    return text if text.isascii() else text.decode(errors="replace").encode()


class RateGate:
    """Counts what arrives from agents' accounts on one connection, and drops what is far too much of one."""

    def __init__(
        self,
        allowed: Allowed,
        tell: Tell,
        most: int = REQUESTS_MAX,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """Let a few times what an agent is allowed pass, to be answered; tell of who sends `most` in a second."""
        self._allowed = allowed
        self._tell = tell
        self._most = most
        self._now = now
        self._second = 0
        self._arrived: dict[bytes, int] = {}

    def passes(self, subject: bytes, reply: bytes) -> bool:
        """Count a message; false if its agent has sent too much in this second, or asks for no answer to a request."""
        if reply and not reply.startswith(CROSSED):
            return True
        parts = subject.split(b".")
        if len(parts) != 5:
            return True
        second = int(self._now())
        if second != self._second or len(self._arrived) > AGENTS_MAX:
            self._second = second
            self._arrived.clear()
        sender = b".".join(parts[3:])
        arrived = self._arrived[sender] = self._arrived.get(sender, 0) + 1
        if arrived == self._most:
            self._tell(_parsed(subject), arrived)
        if not reply and parts[0] != ENTRIES:
            return False
        return arrived <= PASSED_MIN or arrived <= PASSED_SHARE * self._allowed(_parsed(subject))


def _parsed(subject: bytes) -> Parsed:
    return Parsed(*_utf8(subject).decode().split("."))


def install_rate_gate(client: Client, gate: RateGate) -> None:
    """Put a gate before everything a client hears."""
    take = client._process_msg  # noqa: SLF001 - what is dropped later has cost a task and a handler

    async def gated(sid: int, subject: bytes, reply: bytes, *rest: Any) -> None:  # noqa: ANN401 - passed on
        if gate.passes(subject, reply):
            await take(sid, subject, reply, *rest)

    client._process_msg = gated  # type: ignore[method-assign,assignment]  # noqa: SLF001 - as above
