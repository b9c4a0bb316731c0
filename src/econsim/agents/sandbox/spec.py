"""Description of one untrusted agent: its command, its identity, its server and its limits."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from econsim.agents.sandbox.limits import MachineLimits


class Isolation(StrEnum):
    """Levels of an agent's isolation."""

    NAMESPACES = "namespaces"
    """Namespaces of its own: the agent sees only the files it is shown, and reaches NATS alone."""
    LIMITS = "limits"
    """An ordinary process of this user, with limits, a clean environment and a hard stop."""


@dataclass(frozen=True, slots=True)
class AgentSpec:
    """Description of an agent to run."""

    run: str
    """Run of the agent."""
    agent: str
    """Name of the agent in the run."""
    command: tuple[str, ...]
    """Program and arguments of the agent; it can read the files they name."""
    server: str
    """URL of the NATS server."""
    creds: Path
    """Creds file of the agent."""
    directory: Path
    """Working directory, to which relative paths of the command refer."""
    readable: tuple[Path, ...] = ()
    """Further files and directories the agent may read."""
    secrets: tuple[Path, ...] = ()
    """Paths the agent must never see; a readable path that contains one is refused."""
    limits: MachineLimits = field(default_factory=MachineLimits)
    """Resource limits of the agent."""
    isolation: Isolation = Isolation.NAMESPACES
    """Isolation of the agent."""

    def environment(self, server: str, creds: str) -> dict[str, str]:
        """Return the whole environment of the agent: it inherits no variable of this process."""
        return {
            "PATH": f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin",
            "HOME": "/tmp",  # noqa: S108 - private to the sandbox
            "LANG": "C.UTF-8",
            "PYTHONUNBUFFERED": "1",
            "ECONSIM_NATS": server,
            "ECONSIM_CREDS": creds,
            "ECONSIM_RUN": self.run,
            "ECONSIM_AGENT": self.agent,
        }
