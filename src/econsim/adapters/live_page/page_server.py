"""A static server for one page on loopback: the page, and to whoever has its key the session that the page opens.

No directory is served, nothing is logged, and a request that is not one of the few below gets 404. The key travels in the fragment
of the URL, which browsers keep to themselves, and from there in a header.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import re
import secrets
from asyncio import StreamReader, StreamWriter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from functools import cache
from importlib.resources import files
from types import TracebackType
from typing import Final, Self

from econsim.adapters.cancellation import cancel_until_done
from econsim.adapters.server.state_directory import HOST, page_origin
from econsim.errors import EconsimError, SetupError

REQUEST_S: Final = 10.0
"""Seconds a browser may take for its request."""

REQUEST_BYTES_MAX: Final = 16_384
"""Bytes of a request's head: browsers send about one kilobyte."""

Answer = Callable[[], Awaitable[Mapping[str, object]]]
"""Makes the JSON that one path answers."""

_INLINE: Final = re.compile(rb"<(script|style)>(.*?)</\1>", re.DOTALL)


@cache
def page() -> bytes:
    """Return the page as it is shipped."""
    return files("econsim.adapters.live_page").joinpath("page.html").read_bytes()


def content_security_policy(html: bytes, sockets: str) -> str:
    """Return the policy of a page: its own scripts and styles by digest, one address for websockets, and nothing else.

    Trusted types are required and no policy may make any, so that the browser refuses whatever would read a text as markup.
    """
    digests: dict[str, list[str]] = {"script": [], "style": []}
    for kind, text in _INLINE.findall(html):
        digest = base64.b64encode(hashlib.sha256(text).digest()).decode()
        digests[kind.decode()].append(f"'sha256-{digest}'")
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src {' '.join(digests['script'])}",
            f"style-src {' '.join(digests['style'])}",
            f"connect-src 'self' {sockets}",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types 'none'",
        )
    )


class PageServer:
    """Serves the live page, as an async context manager."""

    def __init__(self, ports: Sequence[int], sockets: str, answers: Mapping[str, Answer]) -> None:
        """Describe the server: it takes the first free port of these.

        `sockets` is the URL of the NATS server's websockets, `answers` has what is told, by path, to a page that has the key.
        """
        self._ports, self._sockets, self._answers = ports, sockets, answers
        self._key = secrets.token_urlsafe(32)
        self._tickets: set[str] = set()
        self._serving: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        """Return the page's URL with the key in its fragment."""
        return f"{page_origin(self.port)}/#{self._key}"

    def ticket(self) -> str:
        """Return a URL that leads to the page once: other users see the command lines of programs, as that of a browser."""
        self._tickets.add(name := f"/open/{secrets.token_urlsafe(32)}")
        return f"{page_origin(self.port)}{name}"

    async def __aenter__(self) -> Self:
        """Start to serve; raises SetupError if every port is taken."""
        for port in self._ports:
            with suppress(OSError):
                self._server = await asyncio.start_server(
                    self._serve, HOST, port, limit=REQUEST_BYTES_MAX, reuse_address=True
                )
                self.port = port
                return self
        taken = ", ".join(map(str, self._ports))
        message = f"the ports {taken}, from which the server accepts live pages, are all in use; end another `econsim watch`"
        raise SetupError(message)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop to serve, also those who wait for an answer."""
        self._server.close()
        await cancel_until_done(list(self._serving), REQUEST_S)

    async def _serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None, "a task runs this"
        self._serving.add(task)
        try:
            async with asyncio.timeout(REQUEST_S):
                head = await reader.readuntil(b"\r\n\r\n")
            writer.write(await self._response(head.decode("latin-1")))
            await writer.drain()
        except (TimeoutError, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        except asyncio.CancelledError:
            # The page server stops; before Python 3.12 its library would print that somebody was cancelled.
            pass
        finally:
            self._serving.discard(task)
            writer.close()

    async def _response(self, head: str) -> bytes:
        first, *lines = head.split("\r\n")
        method, _, rest = first.partition(" ")
        path = rest.partition(" ")[0]
        headers = {
            name.strip().lower(): value.strip() for name, _, value in (x.partition(":") for x in lines)
        }
        # Another name of this machine is another origin: a page that a rebound name points here is none of ours.
        if method != "GET" or headers.get("host") != f"{HOST}:{self.port}":
            return _message("404 Not Found")
        if path in self._tickets:
            self._tickets.remove(path)
            return _message("302 Found", ("Location", f"/#{self._key}"))
        if path == "/":
            policy = content_security_policy(page(), self._sockets)
            return _message("200 OK", ("Content-Security-Policy", policy), kind="text/html", body=page())
        answer = self._answers.get(path)
        given = headers.get("authorization", "").encode()
        if answer is None or not hmac.compare_digest(given, f"Bearer {self._key}".encode()):
            return _message("404 Not Found")
        try:
            body = json.dumps(await answer(), separators=(",", ":")).encode()
        except EconsimError as error:
            return _message("503 Service Unavailable", body=str(error).encode())
        return _message("200 OK", kind="application/json", body=body)


def _message(status: str, *more: tuple[str, str], kind: str = "text/plain", body: bytes = b"") -> bytes:
    """Return a response; no other site may embed, read or keep it."""
    headers = (
        ("Content-Type", f"{kind}; charset=utf-8"),
        ("Content-Length", str(len(body))),
        ("Cache-Control", "no-store"),
        ("X-Content-Type-Options", "nosniff"),
        ("Referrer-Policy", "no-referrer"),
        ("Cross-Origin-Opener-Policy", "same-origin"),
        ("Cross-Origin-Resource-Policy", "same-origin"),
        ("Connection", "close"),
        *more,
    )
    head = "".join(f"{name}: {value}\r\n" for name, value in headers)
    return f"HTTP/1.1 {status}\r\n{head}\r\n".encode() + body
