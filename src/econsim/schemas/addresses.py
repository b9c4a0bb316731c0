"""Addresses that people give for what econsim calls or listens at: checked before anything starts, shown without passwords.

Imports the standard library and the errors only: every start of the program loads it.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

from econsim.errors import quoted_value

PORT_MAX: Final = 65_535
"""Highest port of TCP."""

_USER: Final = re.compile(r"^(\w+://)?[^/?#]*@")
_LISTENER: Final = re.compile(r"(\S+):(\d{1,5})", re.ASCII)


def http_url(text: str) -> str:
    """Return the address of an HTTP server; raises ValueError with the right form."""
    return _url(text, ("http", "https"), "a collector; write it like http://127.0.0.1:4318")


def websocket_url(text: str) -> str:
    """Return the address of a server's websockets; raises ValueError with the right form."""
    return _url(text, ("ws", "wss"), "websockets; write it like ws://127.0.0.1:9222")


def listener(text: str) -> tuple[str, int]:
    """Return the address and port to listen at; raises ValueError with the right form. No port 0: nobody would know which it is."""
    found = _LISTENER.fullmatch(text)
    if not found or not 0 < int(found[2]) <= PORT_MAX:
        message = f"{quoted_value(text)} is no address with a port from 1 to {PORT_MAX}; write it like 127.0.0.1:9464"
        raise ValueError(message)
    return found[1], int(found[2])


def shown_url(url: str) -> str:
    """Return an address as logs and errors show it: without user and password."""
    return _USER.sub(r"\1", url)


def _url(text: str, schemes: tuple[str, ...], wanted: str) -> str:
    try:
        parts = urlsplit(text)
        usable = parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or re.search(r"[\s\x00-\x1f]", text):
        message = f"{quoted_value(shown_url(text))} is no address of {wanted}"
        raise ValueError(message)
    return text
