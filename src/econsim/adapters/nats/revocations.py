"""Revocations that are owed: accounts taken away, until every node of the bus refuses them.

    <state>/trust/agents/revoked   what is owed, and how far it is

A node that is down when an account is deleted has its old state, and would let the agent in again when it is back. So
a deletion counts only when all nodes there are answered the same one; until then it is repeated, whoever runs.
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
"""When an account ends of which nobody knows; far off."""


@dataclass(frozen=True, slots=True)
class OutstandingRevocation:
    """One account that not every node has forgotten yet."""

    account: str
    """Public key of the account."""
    run: str = ""
    """The run it was for."""
    agent: str = ""
    """Who."""
    expires: int = NEVER
    """When it ends by itself, seconds since 1970: then no node lets it in any more."""
    refused_by: tuple[str, ...] = ()
    """Names of the nodes that forgot it, when they were last told."""
    missing: tuple[str, ...] = ()
    """Names of the nodes that did not answer then."""

    def progress(self) -> str:
        """Return how far it is, for people."""
        if not self.refused_by:
            return "no server was told yet"
        of = len(self.refused_by) + len(self.missing)
        return f"{len(self.refused_by)} of {of} nodes refuse it, {', '.join(self.missing)} not yet"


def record_revocation(trust: Trust, found: AgentCreds) -> None:
    """Note that the servers must be told that an account is gone: those that run, and those that come."""
    with lock(trust.directory / "lock"):
        debts = {each.account: each for each in outstanding(trust)}
        debts[found.account] = OutstandingRevocation(found.account, found.run, found.agent, found.expires)
        _keep(trust, debts)


def outstanding(trust: Trust) -> list[OutstandingRevocation]:
    """Return the revocations that some node may not know of; an account that has ended needs none."""
    now = unix_seconds()
    return [each for each in _read(_path(trust)) if each.expires > now]


async def push_outstanding(trust: Trust, provisioner: AccountProvisioner) -> list[OutstandingRevocation]:
    """Tell every node of all that is owed, and return what still is: not all have answered.

    Raises Unavailable if no server answers at all, SetupError if they refuse.
    """
    debts = outstanding(trust)
    if not debts:
        return []
    told = await provisioner.delete([each.account for each in debts])
    with lock(trust.directory / "lock"):
        now = {each.account: each for each in outstanding(trust)}
        for each in debts:
            if told.missing:
                refused_by, missing = tuple(sorted(told.carried_out)), tuple(sorted(told.missing))
                now[each.account] = OutstandingRevocation(
                    each.account, each.run, each.agent, each.expires, refused_by, missing
                )
            else:
                now.pop(each.account, None)
        _keep(trust, now)
    return list(now.values())


def _path(trust: Trust) -> Path:
    return trust.directory / "agents" / "revoked"


def _read(path: Path) -> Iterator[OutstandingRevocation]:
    text = path.read_text() if path.exists() else ""
    if not text.startswith("["):
        # As it was written once: public keys alone.
        yield from map(OutstandingRevocation, text.split())
        return
    fields: list[Mapping[str, Any]] = json.loads(text)
    for each in fields:
        lists = {name: tuple(each[name]) for name in ("refused_by", "missing")}
        yield OutstandingRevocation(**{**each, **lists})


def _keep(trust: Trust, debts: Mapping[str, OutstandingRevocation]) -> None:
    """Write what is owed down, or that nothing is."""
    if not debts:
        _path(trust).unlink(missing_ok=True)
        return
    fields = [
        {name: getattr(each, name) for name in OutstandingRevocation.__dataclass_fields__}
        for each in debts.values()
    ]
    write(_path(trust), json.dumps(fields))
