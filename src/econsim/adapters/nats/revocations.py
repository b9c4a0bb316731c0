"""Outstanding revocations: suspended accounts that some node of the bus may still admit.

    <state>/trust/agents/revoked   the outstanding revocations, and the progress of each

A node that is down when an account is deleted keeps its old state, and would admit the agent again when it is back.
A deletion is complete only when all nodes confirmed the same one; until then it is repeated, by whichever command runs.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from econsim.adapters.clock import unix_seconds
from econsim.adapters.nats.account_push import AccountProvisioner
from econsim.identity.agent_credentials import AgentCreds
from econsim.identity.private_files import write
from econsim.identity.trust_root import Trust, lock

NEVER: Final = 2**53
"""End of an account that names none: far off."""


@dataclass(frozen=True, slots=True)
class OutstandingRevocation:
    """One account that not every node has forgotten yet."""

    account: str
    """Public key of the account."""
    run: str = ""
    """Run of the account."""
    agent: str = ""
    """Agent of the account."""
    expires: int = NEVER
    """Time the account ends by itself, in seconds since 1970; no node admits it after that."""
    refused_by: tuple[str, ...] = ()
    """Names of the nodes that deleted the account at the last attempt."""
    missing: tuple[str, ...] = ()
    """Names of the nodes that did not answer then."""

    def progress(self) -> str:
        """Return the progress of the revocation, for people."""
        if not self.refused_by:
            return "no server has confirmed it yet"
        of = len(self.refused_by) + len(self.missing)
        return f"{len(self.refused_by)} of {of} nodes refuse it, {', '.join(self.missing)} not yet"


def record_revocation(trust: Trust, found: AgentCreds) -> None:
    """Record that every server must delete an account: those that run, and those that come back."""
    with lock(trust.directory / "lock"):
        revocations = {each.account: each for each in outstanding(trust)}
        revocations[found.account] = OutstandingRevocation(
            found.account, found.run, found.agent, found.expires
        )
        _write(trust, revocations)


def outstanding(trust: Trust) -> list[OutstandingRevocation]:
    """Return the revocations that some node may not know; an account that has ended needs none."""
    now = unix_seconds()
    return [each for each in _read(_path(trust)) if each.expires > now]


async def push_outstanding(trust: Trust, provisioner: AccountProvisioner) -> list[OutstandingRevocation]:
    """Push all outstanding revocations to every node; return those that some node has not confirmed.

    Raises Unavailable if no server answers at all, SetupError if they refuse.
    """
    revocations = outstanding(trust)
    if not revocations:
        return []
    result = await provisioner.delete([each.account for each in revocations])
    with lock(trust.directory / "lock"):
        now = {each.account: each for each in outstanding(trust)}
        for each in revocations:
            if result.missing:
                refused_by, missing = tuple(sorted(result.carried_out)), tuple(sorted(result.missing))
                now[each.account] = OutstandingRevocation(
                    each.account, each.run, each.agent, each.expires, refused_by, missing
                )
            else:
                now.pop(each.account, None)
        _write(trust, now)
    return list(now.values())


def _path(trust: Trust) -> Path:
    return trust.directory / "agents" / "revoked"


def _read(path: Path) -> Iterator[OutstandingRevocation]:
    text = path.read_text() if path.exists() else ""
    if not text.startswith("["):
        # The earlier format: public keys alone.
        yield from map(OutstandingRevocation, text.split())
        return
    fields: list[Mapping[str, Any]] = json.loads(text)
    for each in fields:
        lists = {name: tuple(each[name]) for name in ("refused_by", "missing")}
        yield OutstandingRevocation(**{**each, **lists})


def _write(trust: Trust, revocations: Mapping[str, OutstandingRevocation]) -> None:
    """Write the outstanding revocations, or remove the file if there are none."""
    if not revocations:
        _path(trust).unlink(missing_ok=True)
        return
    fields = [
        {name: getattr(each, name) for name in OutstandingRevocation.__dataclass_fields__}
        for each in revocations.values()
    ]
    write(_path(trust), json.dumps(fields))
