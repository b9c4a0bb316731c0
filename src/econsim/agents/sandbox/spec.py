"""One untrusted agent: what to run, as whom, on which server, and within which limits."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from econsim.agents.sandbox.limits import MachineLimits


class Isolation(StrEnum):
    """How far an agent is kept apart."""

    NAMESPACES = "namespaces"
    """In a jail: it sees what it is shown, and reaches NATS."""
    LIMITS = "limits"
    """As any process of this user, with limits, a clean environment and a hard stop."""


@dataclass(frozen=True, slots=True)
class AgentSpec:
    """An agent to be run."""

    run: str
    """Run it takes part in."""
    agent: str
    """Its name there."""
    command: tuple[str, ...]
    """Program and arguments; the files named in it are shown to it."""
    server: str
    """URL of the NATS server."""
    creds: Path
    """Its creds file."""
    directory: Path
    """Where relative names in the command start."""
    readable: tuple[Path, ...] = ()
    """Further files and directories that it may read."""
    secrets: tuple[Path, ...] = ()
    """What it must not be shown, whatever it asks for."""
    limits: MachineLimits = field(default_factory=MachineLimits)
    """What it may use."""
    isolation: Isolation = Isolation.NAMESPACES
    """How far it is kept apart."""

    def environment(self, server: str, creds: str) -> dict[str, str]:
        """Return its whole environment: nothing of ours is in it."""
        return {
            "PATH": f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin",
            "HOME": "/tmp",  # noqa: S108 - the jail's own
            "LANG": "C.UTF-8",
            "PYTHONUNBUFFERED": "1",
            "ECONSIM_NATS": server,
            "ECONSIM_CREDS": creds,
            "ECONSIM_RUN": self.run,
            "ECONSIM_AGENT": self.agent,
        }
