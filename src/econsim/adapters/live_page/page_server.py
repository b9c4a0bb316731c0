"""A server for one page on loopback: the page, and to whoever has a key the session that the page opens with it.

No directory is served, nothing is logged, and a request that is not one of the few below gets 404. A key travels in the fragment
of the URL, which browsers keep to themselves, and from there in a header. The standard library reads the requests, in a thread;
what they ask for is answered on the loop of whoever serves.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import re
import secrets
import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import CancelledError
from contextlib import suppress
from functools import cache
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from socketserver import TCPServer
from types import TracebackType
from typing import Final, Self

from econsim.adapters.server.state_directory import HOST, page_origin
from econsim.errors import EconsimError, SetupError

REQUEST_S: Final = 10.0
"""Seconds a browser may take for its request."""

SHUTDOWN_POLL_S: Final = 0.05
"""Longest that the end of the server waits for its thread, in seconds."""

Answer = Callable[[], Awaitable[Mapping[str, object]]]
"""Makes the JSON that one path answers."""

Door = Mapping[str, Answer]
"""Answers that one key opens, by path."""

_INLINE: Final = re.compile(rb"<(script|style)>(.*?)</\1>", re.DOTALL)

_WORKERS: Final = re.compile(rb"""createPolicy\(["'](\w+)["']""")
"""Policy by which a page makes a worker of a script that it carries."""

_KEPT_TO_ITSELF: Final = (
    ("Cache-Control", "no-store"),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Connection", "close"),
)
"""Headers of every response: no other site may embed, read or keep it."""


@cache
def page(name: str = "page") -> bytes:
    """Return a page as it is shipped: `page`, which watches, or `play`, which trades."""
    return files("econsim.adapters.live_page").joinpath(f"{name}.html").read_bytes()


def content_security_policy(html: bytes, sockets: str) -> str:
    """Return the policy of a page: its own scripts and styles by digest, one address for websockets, and nothing else.

    Trusted types are required and no policy may make any, so that the browser refuses whatever would read a text as markup; but for
    the one by which a page that has a worker makes it. A worker of the page's own is held to all of this too.
    """
    digests: dict[str, list[str]] = {"script": [], "style": []}
    for kind, text in _INLINE.findall(html):
        digest = base64.b64encode(hashlib.sha256(text).digest()).decode()
        digests[kind.decode()].append(f"'sha256-{digest}'")
    workers = b" ".join(dict.fromkeys(_WORKERS.findall(html))).decode()
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src {' '.join(digests['script'])}",
            f"style-src {' '.join(digests['style'])}",
            "worker-src blob:" if workers else "worker-src 'none'",
            f"connect-src 'self' {sockets}",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
            "require-trusted-types-for 'script'",
            f"trusted-types {workers}" if workers else "trusted-types 'none'",
        )
    )


class PageServer:
    """Serves a page to those who have a key, as an async context manager."""

    def __init__(self, ports: Sequence[int], sockets: str, *doors: Door, html: bytes | None = None) -> None:
        """Describe the server: it takes the first free port of these, and makes a key for each door.

        `sockets` is the URL of the NATS server's websockets; `html` is the page, by default the one that watches.
        """
        self._ports, self.sockets = ports, sockets
        self.html = page() if html is None else html
        self._keys = [secrets.token_urlsafe(32) for _ in doors]
        self._doors = doors
        self._tickets: dict[str, str] = {}
        self._answering: set[asyncio.Task[object]] = set()
        self._is_open = True

    @property
    def urls(self) -> Sequence[str]:
        """Return the page's URL for each door, with the door's key in its fragment."""
        return [f"{self.origin}/#{key}" for key in self._keys]

    @property
    def origin(self) -> str:
        """Return the origin of the page."""
        return page_origin(self.port)

    def ticket(self, door: int = 0) -> str:
        """Return a URL that leads to the page once: other users see the command lines of programs, as that of a browser."""
        name = f"/open/{secrets.token_urlsafe(32)}"
        self._tickets[name] = self._keys[door]
        return f"{self.origin}{name}"

    async def __aenter__(self) -> Self:
        """Start to serve; raises SetupError if every port is taken."""
        self._loop = asyncio.get_running_loop()
        for port in self._ports:
            with suppress(OSError):
                self._server = _PageListener((HOST, port), _PageRequest)
                self._server.pages = self
                self.port = port
                self._thread = threading.Thread(
                    target=self._server.serve_forever, args=(SHUTDOWN_POLL_S,), daemon=True
                )
                self._thread.start()
                return self
        taken = ", ".join(map(str, self._ports))
        message = (
            f"the ports {taken}, from which the server accepts pages, are all in use; "
            "end another `econsim watch` or `econsim play`"
        )
        raise SetupError(message)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop to serve, also those who wait for an answer."""
        self._is_open = False
        for answering in tuple(self._answering):
            answering.cancel()
        # It waits for a thread that may wait for this loop.
        await asyncio.to_thread(self._server.shutdown)
        self._server.server_close()

    def use_ticket(self, path: str) -> str | None:
        """Return the key that a ticket stands for, once; none for any other path."""
        return self._tickets.pop(path, None)

    def answer_for(self, path: str, given: str) -> Answer | None:
        """Return the answer of a path to who gives a key; none for a wrong key, or a path that its door has not."""
        found = [
            door
            for key, door in zip(self._keys, self._doors, strict=True)
            if hmac.compare_digest(given.encode(), f"Bearer {key}".encode())
        ]
        return found[0].get(path) if found else None

    def ask(self, answer: Answer) -> Mapping[str, object]:
        """Return an answer, made on the loop of whoever serves; raises EconsimError, and CancelledError at the end."""
        return asyncio.run_coroutine_threadsafe(self._answer(answer), self._loop).result()

    async def _answer(self, answer: Answer) -> Mapping[str, object]:
        task = asyncio.current_task()
        if task is None or not self._is_open:
            raise asyncio.CancelledError
        self._answering.add(task)
        try:
            return await answer()
        finally:
            self._answering.discard(task)


class _PageListener(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    pages: PageServer

    def server_bind(self) -> None:
        """Take the port; the library's own way asks the name service for the machine's name, which may take seconds."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = HOST, self.server_address[1]

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of a browser that went away."""


class _PageRequest(BaseHTTPRequestHandler):
    """One request."""

    server: _PageListener
    timeout = REQUEST_S

    def do_GET(self) -> None:
        """Answer with the page, the way that a ticket leads, or what a key opens."""
        pages = self.server.pages
        # Another name of this machine is another origin: a page that a rebound name points here is none of ours.
        if self.headers.get_all("Host") != [f"{HOST}:{pages.port}"]:
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        if key := pages.use_ticket(self.path):
            self._send(HTTPStatus.FOUND, ("Location", f"/#{key}"))
            return
        if self.path == "/":
            policy = content_security_policy(pages.html, pages.sockets)
            self._send(HTTPStatus.OK, ("Content-Security-Policy", policy), kind="text/html", body=pages.html)
        elif answer := pages.answer_for(self.path, self.headers.get("Authorization", "")):
            self._send_answer(answer)
        else:
            self.send_error(HTTPStatus.NOT_FOUND)

    def _send_answer(self, answer: Answer) -> None:
        try:
            body = json.dumps(self.server.pages.ask(answer), separators=(",", ":")).encode()
        except EconsimError as error:
            self._send(HTTPStatus.SERVICE_UNAVAILABLE, body=str(error).encode())
        except CancelledError:
            self._send(HTTPStatus.SERVICE_UNAVAILABLE)
        else:
            self._send(HTTPStatus.OK, kind="application/json", body=body)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer with a status alone; the library's own page would repeat parts of the request."""
        del message, explain
        self.close_connection = True
        self._send(HTTPStatus(code))

    def version_string(self) -> str:
        """Return no versions."""
        return "econsim"

    def log_message(self, *_: object) -> None:
        """Log nothing: an address may have a ticket."""

    def _send(
        self, status: HTTPStatus, *more: tuple[str, str], kind: str = "text/plain", body: bytes = b""
    ) -> None:
        self.send_response(status)
        about = (("Content-Type", f"{kind}; charset=utf-8"), ("Content-Length", str(len(body))))
        for name, value in (*about, *_KEPT_TO_ITSELF, *more):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
