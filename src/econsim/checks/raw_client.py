"""A NATS client that says what it is told to: the protocol's lines by hand, for what no library would send.

Reads everything the server answers, and keeps it. Every wait is bounded. The protocol is the server's own; what
an attacker may connect as is `identity.py`'s.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from econsim.identity.nats_jwt import Key, Role

TIMEOUT_S: Final = 15.0
"""Longest to wait for what must come: it takes milliseconds, on a machine busy with other work sometimes seconds."""

CRLF: Final = b"\r\n"
HEADER_LINE: Final = b"NATS/1.0" + CRLF
"""First line of a message's headers."""


@dataclass(frozen=True, slots=True)
class RawMessage:
    """One message the server delivered."""

    subject: str
    """Where it was published, as the account sees it."""
    reply: str
    """Where an answer would go."""
    headers: bytes
    """The headers as they came, with the line that begins them; empty for none."""
    payload: bytes
    """The body."""


@dataclass(frozen=True, slots=True)
class UserCredentials:
    """Who says to be whom when connecting."""

    jwt: str = ""
    """The user's JWT."""
    seed: str = ""
    """The key that signs the server's nonce."""

    @classmethod
    def of(cls, creds: str) -> UserCredentials:
        """Read a creds file's text."""
        lines = creds.splitlines()
        return cls(*(lines[lines.index(mark) + 1] for mark in _MARKS))

    def answer(self, nonce: str) -> dict[str, object]:
        """Return the fields of CONNECT that prove it."""
        said: dict[str, object] = {"jwt": self.jwt} if self.jwt else {}
        if self.seed:
            signature = Key.from_seed(self.seed).sign(nonce.encode())
            said["sig"] = base64.urlsafe_b64encode(signature).decode().rstrip("=")
        return said


_MARKS: Final = ("-----BEGIN NATS USER JWT-----", "-----BEGIN USER NKEY SEED-----")


class RawClient:
    """One connection, by hand; made by `dial`."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Speak over a connection that was just opened."""
        self.errors: list[str] = []
        """What the server complained of, in its words."""
        self.heard: list[RawMessage] = []
        """What it delivered."""
        self.info: dict[str, object] = {}
        """What it said of itself at first."""
        self.closed = False
        """Whether it hung up."""
        self.keep: Callable[[RawMessage], bool] = lambda _: True
        """Whether a delivery is kept."""
        self._asked = 0
        self._reader = reader
        self._writer = writer
        self._pongs = 0
        self._changed = asyncio.Event()
        self._listening: asyncio.Task[None] | None = None

    async def greet(self) -> None:
        """Read the server's INFO, and listen from now on."""
        line = await asyncio.wait_for(self._reader.readline(), TIMEOUT_S)
        self.info = json.loads(line.partition(b" ")[2] or b"{}")
        self._listening = asyncio.create_task(self._listen())

    async def connect(self, identity: UserCredentials, **fields: object) -> bool:
        """Say who one is; return whether the server takes it."""
        said = {"verbose": False, "pedantic": False, "lang": "raw", "version": "0", "protocol": 1}
        said |= {"headers": True, "no_responders": True, "name": "raw"}
        said |= identity.answer(str(self.info.get("nonce", ""))) | fields
        await self.send(b"CONNECT " + json.dumps(said).encode() + CRLF)
        return await self.round()

    async def send(self, data: bytes) -> None:
        """Send bytes as they are; a connection that is gone takes nothing."""
        with suppress(OSError):
            if not self.closed:
                self._writer.write(data)
                await self._writer.drain()

    async def publish(
        self, subject: str, payload: bytes = b"", reply: str = "", headers: bytes = b""
    ) -> None:
        """Publish; `headers` are lines as they go out, without the first and the empty last one."""
        await self.send(publish_frame(subject, payload, reply, headers))

    async def subscribe(self, subject: str, number: int = 1, queue: str = "") -> None:
        """Subscribe, under a number of one's own."""
        await self.send(" ".join(filter(None, ("SUB", subject, queue, str(number)))).encode() + CRLF)

    async def round(self, timeout_s: float = TIMEOUT_S) -> bool:
        """Wait until the server has read everything sent; false if it hung up or stayed silent."""
        wanted = self._pongs + 1
        await self.send(b"PING" + CRLF)
        return await self.until(lambda: self._pongs >= wanted, timeout_s)

    async def until(self, reached: Callable[[], bool], timeout_s: float = TIMEOUT_S) -> bool:
        """Wait until something holds of what was heard; false if not in time, or the server hung up before."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while not reached() and not self.closed:
                    self._changed.clear()
                    await self._changed.wait()
        return reached()

    async def ask(
        self, subject: str, payload: bytes = b"", timeout_s: float = TIMEOUT_S, headers: bytes = b""
    ) -> RawMessage | None:
        """Request, and return the first answer; none without any."""
        self._asked += 1
        inbox, number = f"_INBOX.raw{id(self):x}.{self._asked}", 9_000 + self._asked
        await self.subscribe(inbox, number)
        await self.publish(subject, payload, inbox, headers)
        await self.until(lambda: any(said.subject == inbox for said in self.heard), timeout_s)
        await self.send(f"UNSUB {number}".encode() + CRLF)
        return next((said for said in self.heard if said.subject == inbox), None)

    def stop_reading(self) -> None:
        """Read nothing any more, and keep the connection."""
        if self._listening:
            self._listening.cancel()

    async def close(self) -> None:
        """Hang up."""
        if self._listening:
            self._listening.cancel()
        self._writer.close()
        with suppress(OSError, TimeoutError):
            await asyncio.wait_for(self._writer.wait_closed(), TIMEOUT_S)

    async def _listen(self) -> None:
        with suppress(OSError, asyncio.IncompleteReadError, ValueError):
            while line := await self._reader.readline():
                await self._take(line.rstrip(CRLF))
                self._changed.set()
        self.closed = True
        self._changed.set()

    async def _take(self, line: bytes) -> None:
        operation, _, rest = line.partition(b" ")
        match operation:
            case b"PONG":
                self._pongs += 1
            case b"PING":
                await self.send(b"PONG" + CRLF)
            case b"-ERR":
                self.errors.append(rest.decode(errors="replace"))
            case b"MSG" | b"HMSG":
                # The server writes two spaces where a reply would stand.
                await self._deliver(operation, [w for w in rest.decode(errors="replace").split(" ") if w])

    async def _deliver(self, operation: bytes, words: list[str]) -> None:
        head = int(words.pop(-2)) if operation == b"HMSG" else 0
        body = await self._reader.readexactly(int(words[-1]) + 2)
        reply = words[2] if len(words) == 4 else ""
        said = RawMessage(words[0], reply, body[:head], body[head:-2])
        if self.keep(said):
            self.heard.append(said)


def publish_frame(subject: str, payload: bytes = b"", reply: str = "", headers: bytes = b"") -> bytes:
    """Return a publish as it goes over the wire."""
    head = HEADER_LINE + headers + CRLF + CRLF if headers else b""
    sizes = [str(len(head))] if head else []
    words = ["HPUB" if head else "PUB", subject, reply, *sizes, str(len(head) + len(payload))]
    return " ".join(filter(None, words)).encode() + CRLF + head + payload + CRLF


def unsigned_credentials() -> UserCredentials:
    """Return somebody with a key nobody has signed."""
    return UserCredentials(seed=Key(Role.USER).seed)


@asynccontextmanager
async def dial(url: str) -> AsyncIterator[RawClient]:
    """Open a connection for the time of the context; nobody is said to be connecting yet."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port, limit=2**24)
    client = RawClient(reader, writer)
    try:
        await client.greet()
        yield client
    finally:
        await client.close()
