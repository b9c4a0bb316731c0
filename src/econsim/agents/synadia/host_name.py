"""The name of a host of the Synadia Agent Protocol: its agent, owner and session."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from econsim.errors import InvalidMessage

_TOKEN: Final = re.compile(r"[a-z0-9_-]{1,64}")


class HostName(NamedTuple):
    """Name of a host, the last three tokens of its subjects."""

    agent: str
    """Kind of the agent, such as claude-code."""
    owner: str
    """Owner of the agent."""
    session: str
    """Session of the agent."""

    def __str__(self) -> str:
        """Return the name with dots, as `--host` takes it."""
        return ".".join(self)


def parse_host_name(text: str) -> HostName:
    """Return the name in a text; raises InvalidMessage with the right form.

    Other characters are legal in the protocol, but are found as base64 only.
    """
    tokens = text.split(".")
    if len(tokens) != 3 or not all(_TOKEN.fullmatch(token) for token in tokens):
        message = f"{text[:60]!r} is no host; write AGENT.OWNER.SESSION, each of a-z 0-9 _ -"
        raise InvalidMessage(message)
    return HostName(*tokens)
