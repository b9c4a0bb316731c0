"""What a server does with subjects tried by the hundred: which it takes, which it delivers.

Speaks the protocol itself, because client libraries tell of a refusal late, elsewhere and in small letters.
A message carries its number and nothing else, which no service and no part of JetStream takes for a request.
"""

from __future__ import annotations

import asyncio
import base64
import json
import re
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from econsim.errors import SetupError, Unavailable
from econsim.identity.nats_jwt import Key

WINDOW: Final = 500
"""Attempts under way at once: what the server says of them fits into the buffers between us."""

TIMEOUT_S: Final = 10.0
"""Longest to wait for the server's word on a window; it takes some ten milliseconds."""

_REFUSED: Final = re.compile(
    r"-ERR 'Permissions Violation for Subscription to \"([^\"]+)\"(?: using queue \"([^\"]+)\")?"
)
_FORBIDDEN: Final = "-ERR 'Permissions Violation"
_SEED: Final = re.compile(r"-----BEGIN USER NKEY SEED-----\n(\S+)\n")
_JWT: Final = re.compile(r"-----BEGIN NATS USER JWT-----\n(\S+)\n")

Heard = tuple[str, str]
"""Subject and content of a message."""


class Attempts:
    """A connection that tries."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Use a connection the server has accepted."""
        self._reader = reader
        self._writer = writer

    async def publish(self, subjects: Sequence[str]) -> None:
        """Publish on each concrete subject its place in the list; return when the server has dealt with all."""
        for start in range(0, len(subjects), WINDOW):
            numbered = enumerate(subjects[start : start + WINDOW], start)
            await self.heard("".join(f"PUB {each} {len(mark(n))}\r\n{mark(n)}\r\n" for n, each in numbered))

    async def allowed(self, patterns: Iterable[str]) -> list[str]:
        """Return the patterns the server lets this user subscribe to; after a space, one may name a queue group."""
        numbered = list(enumerate(patterns, 1))
        found: set[str] = set()
        for start in range(0, len(numbered), WINDOW):
            window = numbered[start : start + WINDOW]
            await self.heard("".join(f"SUB {each} {n}\r\nUNSUB {n}\r\n" for n, each in window), found)
        return [each for _, each in numbered if each not in found]

    async def listen(self, patterns: Sequence[str]) -> None:
        """Subscribe to patterns from now on, instead of those before."""
        gone = "".join(f"UNSUB {n}\r\n" for n in range(1, WINDOW))
        await self.heard(gone + "".join(f"SUB {each} {n}\r\n" for n, each in enumerate(patterns, 1)))

    async def heard(self, commands: str = "", refused: set[str] | None = None) -> set[Heard]:
        """Send commands, and return what was delivered before the server had dealt with them.

        Patterns it lets nobody of this user subscribe to are added to `refused`. Raises Unavailable if it hangs up.
        """
        self._writer.write(f"{commands}PING\r\n".encode())
        async with asyncio.timeout(TIMEOUT_S):
            return await self._until_answered(set() if refused is None else refused)

    async def _until_answered(self, refused: set[str]) -> set[Heard]:
        found: set[Heard] = set()
        while (line := await self._reader.readline()) != b"PONG\r\n":
            kind, *words = line.decode().split() or [""]
            if kind in ("MSG", "HMSG"):
                body = await self._reader.readexactly(int(words[-1]) + 2)
                # A message that crossed from another account has headers, put before it by the server.
                headers = int(words[-2]) if kind == "HMSG" else 0
                found.add((words[0], body[headers:-2].decode(errors="replace")))
            else:
                self._told(kind, line.decode().strip(), refused)
        return found

    def _told(self, kind: str, line: str, refused: set[str]) -> None:
        """Take in what the server says of itself or of what was sent; raises Unavailable if that is the end."""
        if match := _REFUSED.match(line):
            refused.add(" ".join(filter(None, match.groups())))
        elif kind == "PING":
            self._writer.write(b"PONG\r\n")
        elif kind != "INFO" and not line.startswith(_FORBIDDEN):
            message = f"the server ended the connection: {line or 'without a word'}"
            raise Unavailable(message)


def mark(number: int) -> str:
    """Return the content of the message with a number; no JSON, so that nothing can be asked with it."""
    return f"t{number}"


@asynccontextmanager
async def attempts(url: str, creds: Path) -> AsyncIterator[Attempts]:
    """Connect as the user of a creds file for the time of the context; raises SetupError if the server refuses."""
    where, (jwt, key) = urlsplit(url), _user(creds)
    reader, writer = await asyncio.open_connection(where.hostname, where.port, limit=2**20)
    try:
        nonce = json.loads((await reader.readline()).partition(b" ")[2])["nonce"]
        signature = base64.urlsafe_b64encode(key.sign(nonce.encode())).rstrip(b"=")
        hello = {
            "jwt": jwt,
            "sig": signature.decode(),
            "verbose": False,
            "pedantic": False,
            "headers": True,
            "no_responders": True,
            "echo": False,
            "protocol": 1,
            "lang": "python",
            "version": "1",
            "name": "econsim-attempts",
        }
        made = Attempts(reader, writer)
        try:
            await made.heard(f"CONNECT {json.dumps(hello)}\r\n")
        except Unavailable as error:
            message = f"cannot connect to {url} with {creds}: {error}"
            raise SetupError(message) from error
        yield made
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


def _user(creds: Path) -> tuple[str, Key]:
    """Return the user's JWT and key; raises SetupError if the file holds none."""
    text = creds.read_text()
    jwt, seed = _JWT.search(text), _SEED.search(text)
    if jwt is None or seed is None:
        message = f"{creds} is no creds file"
        raise SetupError(message)
    return jwt[1], Key.from_seed(seed[1])
