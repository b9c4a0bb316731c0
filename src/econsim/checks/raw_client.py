"""A NATS client that sends exactly the bytes it is given, for probes of permissions and for attacks.

It speaks the client protocol itself: a client library refuses to send most attacks, and reports a refused
subscription late or not at all. It keeps every message and every error of the server. Every wait has a limit.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from econsim.errors import SetupError
from econsim.identity.nats_jwt import Key, NkeyKind

TIMEOUT_S: Final = 15.0
"""Limit of a wait for an answer: it takes milliseconds, on a machine busy with other work sometimes seconds."""

LINE_BYTES_MAX: Final = 2**24
"""Bytes of a line or message that the reader buffers."""

REQUEST_NUMBER_MIN: Final = 9_000
"""Subscription number of the first request; lower numbers are free for the caller."""

CRLF: Final = b"\r\n"
HEADER_LINE: Final = b"NATS/1.0" + CRLF
"""First line of a message's headers."""

_JWT_LINE: Final = "-----BEGIN NATS USER JWT-----"
_SEED_LINE: Final = "-----BEGIN USER NKEY SEED-----"


@dataclass(frozen=True, slots=True)
class RawMessage:
    """Message that the server delivered."""

    subject: str
    """Subject of the message, as the receiver's account names it."""
    reply: str
    """Reply subject of the message; empty without one."""
    headers: bytes
    """Headers as they arrived, with their first line; empty without headers."""
    payload: bytes
    """Body of the message."""


@dataclass(frozen=True, slots=True)
class UserCredentials:
    """JWT and key with which a client claims to be a user; either may be absent or false."""

    jwt: str = ""
    """JWT of the user; empty to send none."""
    seed: str = ""
    """Seed of the key that signs the server's nonce; empty to sign nothing."""

    @classmethod
    def from_creds(cls, text: str) -> UserCredentials:
        """Read the text of a creds file; raises SetupError if it holds no user."""
        lines = [line.strip() for line in text.splitlines()]
        try:
            jwt, seed = (lines[lines.index(head) + 1] for head in (_JWT_LINE, _SEED_LINE))
        except (ValueError, IndexError):
            message = "the text is no creds file: it lacks a user's JWT or key"
            raise SetupError(message) from None
        return cls(jwt, seed)

    @classmethod
    def from_file(cls, path: Path) -> UserCredentials:
        """Read a creds file; raises SetupError if it holds no user."""
        return cls.from_creds(path.read_text())

    def connect_fields(self, nonce: str) -> dict[str, object]:
        """Return the fields of CONNECT that prove the user."""
        fields: dict[str, object] = {"jwt": self.jwt} if self.jwt else {}
        if self.seed:
            signature = Key.from_seed(self.seed, NkeyKind.USER).sign(nonce.encode())
            fields["sig"] = base64.urlsafe_b64encode(signature).decode().rstrip("=")
        return fields


class RawClient:
    """One connection; opened by `dial`."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Use a connection that was just opened."""
        self.errors: list[str] = []
        """Errors of the server, in its words."""
        self.messages: list[RawMessage] = []
        """Messages that the server delivered and `keep` accepted."""
        self.info: dict[str, object] = {}
        """Fields of the server's INFO."""
        self.closed = False
        """True once the server closed the connection."""
        self.keep: Callable[[RawMessage], bool] = lambda _: True
        """Filter of deliveries: whether a message is kept."""
        self._requests = 0
        self._reader = reader
        self._writer = writer
        self._pongs = 0
        self._changed = asyncio.Event()
        self._reading: asyncio.Task[None] | None = None

    async def read_info(self) -> None:
        """Read the server's INFO, and go on reading in the background."""
        line = await asyncio.wait_for(self._reader.readline(), TIMEOUT_S)
        self.info = json.loads(line.partition(b" ")[2] or b"{}")
        self._reading = asyncio.create_task(self._read())

    async def connect(self, user: UserCredentials, /, **fields: object) -> bool:
        """Send CONNECT with more fields, if given; return whether the server accepts it."""
        sent = {"verbose": False, "pedantic": False, "lang": "raw", "version": "0", "protocol": 1}
        sent |= {"headers": True, "no_responders": True, "name": "raw"}
        sent |= user.connect_fields(str(self.info.get("nonce", ""))) | fields
        await self.send(b"CONNECT " + json.dumps(sent).encode() + CRLF)
        return await self.flush()

    async def send(self, data: bytes) -> None:
        """Send bytes as they are; on a closed connection do nothing."""
        with suppress(OSError):
            if not self.closed:
                self._writer.write(data)
                await self._writer.drain()

    async def publish(
        self, subject: str, payload: bytes = b"", reply: str = "", headers: bytes = b""
    ) -> None:
        """Publish a message; `headers` are lines without the first and the empty last one."""
        await self.send(publish_frame(subject, payload, reply, headers))

    async def subscribe(self, subject: str, number: int = 1, queue: str = "") -> None:
        """Subscribe under a number of the caller's choice."""
        await self.send(" ".join(filter(None, ("SUB", subject, queue, str(number)))).encode() + CRLF)

    async def flush(self, timeout_s: float = TIMEOUT_S) -> bool:
        """Wait until the server has processed everything sent; false if it closed the connection or was silent."""
        awaited = self._pongs + 1
        await self.send(b"PING" + CRLF)
        return await self.wait_until(lambda: self._pongs >= awaited, timeout_s)

    async def wait_until(self, reached: Callable[[], bool], timeout_s: float = TIMEOUT_S) -> bool:
        """Wait until a condition on messages and errors is true; false after the limit, or if the server hung up."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while not reached() and not self.closed:
                    self._changed.clear()
                    await self._changed.wait()
        return reached()

    async def wait_until_closed(self) -> bool:
        """Wait until the server closes the connection; false after the limit."""
        return await self.wait_until(lambda: self.closed)

    async def request(
        self, subject: str, payload: bytes = b"", timeout_s: float = TIMEOUT_S, headers: bytes = b""
    ) -> RawMessage | None:
        """Send a request and return its first answer; none if none comes."""
        self._requests += 1
        inbox, number = f"{self.inbox}.{self._requests}", REQUEST_NUMBER_MIN + self._requests
        await self.subscribe(inbox, number)
        await self.publish(subject, payload, inbox, headers)
        await self.wait_until(lambda: any(each.subject == inbox for each in self.messages), timeout_s)
        await self.send(f"UNSUB {number}".encode() + CRLF)
        return next((each for each in self.messages if each.subject == inbox), None)

    @property
    def inbox(self) -> str:
        """Return the subject under which answers to this client's requests arrive."""
        return f"_INBOX.raw{id(self):x}"

    def take_messages(self) -> list[RawMessage]:
        """Return the messages kept since the last call, and forget them."""
        taken, self.messages = self.messages, []
        return taken

    def stop_reading(self) -> None:
        """Read nothing any more, and keep the connection open."""
        if self._reading:
            self._reading.cancel()

    async def close(self) -> None:
        """Close the connection."""
        self.stop_reading()
        self._writer.close()
        with suppress(OSError, TimeoutError):
            await asyncio.wait_for(self._writer.wait_closed(), TIMEOUT_S)

    async def _read(self) -> None:
        with suppress(OSError, asyncio.IncompleteReadError, ValueError):
            while line := await self._reader.readline():
                await self._process(line.rstrip(CRLF))
                self._changed.set()
        self.closed = True
        self._changed.set()

    async def _process(self, line: bytes) -> None:
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
        message = RawMessage(words[0], reply, body[:head], body[head:-2])
        if self.keep(message):
            self.messages.append(message)


def publish_frame(subject: str, payload: bytes = b"", reply: str = "", headers: bytes = b"") -> bytes:
    """Return the bytes of a publish: PUB, or HPUB with headers."""
    head = HEADER_LINE + headers + CRLF + CRLF if headers else b""
    sizes = [str(len(head))] if head else []
    words = ["HPUB" if head else "PUB", subject, reply, *sizes, str(len(head) + len(payload))]
    return " ".join(filter(None, words)).encode() + CRLF + head + payload + CRLF


def unsigned_credentials() -> UserCredentials:
    """Return the credentials of a new key that no account has signed."""
    return UserCredentials(seed=Key(NkeyKind.USER).seed)


@asynccontextmanager
async def dial(url: str) -> AsyncIterator[RawClient]:
    """Open a connection for the time of the context; CONNECT is not sent yet."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port, limit=LINE_BYTES_MAX)
    client = RawClient(reader, writer)
    try:
        await client.read_info()
        yield client
    finally:
        await client.close()
