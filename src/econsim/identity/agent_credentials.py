"""Accounts of agents on disk: each is made for one run, expires, and is kept until it is revoked.

    <state>/trust/agents/<run>/    0700
        <agent>.creds              file for the agent: its user's JWT and key, nothing else
        <agent>.jwt                its account, for the server
        <agent>.out                the agent is suspended, until `econsim agent create`

The account's own key signs one user and is thrown away. `agent_account` says what an account holds; `account_push`
sends it to a live server, and `revocations` keeps the deletions that some server has not confirmed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from econsim.errors import NotFound, SetupError
from econsim.identity.agent_account import (
    CONNECTIONS_MAX,
    DEFAULT_PERMISSIONS,
    IMPORTS_MAX,
    PAYLOAD_BYTES_MAX,
    SUBSCRIPTIONS_MAX,
    imports,
    permissions,
)
from econsim.identity.nats_jwt import Key, NkeyKind, account_jwt, agent_limits, creds, read_claims, user_jwt
from econsim.identity.private_files import private_directory, write
from econsim.identity.trust_root import Trust, lock
from econsim.schemas.subject import token

LIFE_S: Final = 86_400
"""Default life of an agent's credentials, in seconds: longer than nearly every run; forgotten ones expire."""

LIMITS: Final = {
    "conn": CONNECTIONS_MAX,
    "subs": SUBSCRIPTIONS_MAX,
    "payload": PAYLOAD_BYTES_MAX,
    "imports": IMPORTS_MAX,
}
"""Limits of one agent's account, enforced by the server."""


@dataclass(frozen=True, slots=True)
class AgentCreds:
    """One agent's account."""

    run: str
    """Run of the account."""
    agent: str
    """Agent of the account."""
    account: str
    """Public key of the account."""
    expires: int
    """Time the account expires, in seconds since 1970."""
    creds: Path
    """Creds file for the agent."""

    def expired(self, now: int) -> bool:
        """Tell whether the account has expired at `now`, seconds since 1970."""
        return self.expires <= now

    def jwt(self) -> str:
        """Return the JWT of the account, as the server takes it."""
        return self.creds.with_suffix(".jwt").read_text()


def mint(trust: Trust, run: str, agent: str, life_s: int = LIFE_S) -> AgentCreds:
    """Make an account for an agent of a run, valid for `life_s` seconds, and write its files.

    It replaces an earlier account, which the server admits until it is revoked. Raises InvalidSubject for names that are no
    subject tokens, SetupError if the files cannot be written.
    """
    claims = agent_claims(trust, run, agent)
    account, user, expires = Key(NkeyKind.ACCOUNT), Key(NkeyKind.USER), trust.now() + life_s
    directory = _home(trust) / run
    path = directory / f"{agent}.creds"
    account_claims = account_jwt(
        trust.operator, account.public, agent, claims, issued=trust.now(), expires=expires
    )
    jwt = user_jwt(account, user.public, agent, permissions(agent), issued=trust.now(), expires=expires)
    try:
        for each in (_home(trust), directory):
            private_directory(each)
        with lock(trust.directory / "lock"):
            write(path.with_suffix(".jwt"), account_claims)
            write(path, creds(jwt, user.seed))
            path.with_suffix(".out").unlink(missing_ok=True)
    except OSError as error:
        message = f"cannot keep credentials in {directory}: {error.strerror}; choose another state directory with --state"
        raise SetupError(message) from error
    return AgentCreds(run, agent, account.public, expires, path)


def agent_claims(trust: Trust, run: str, agent: str) -> dict[str, object]:
    """Return the claims of an agent's account: limits, imports, and default permissions of its users.

    Raises InvalidSubject for names that are no subject tokens.
    """
    found = imports(run, agent, trust.sim.public)
    return {"limits": agent_limits(LIMITS), "imports": found, "default_permissions": DEFAULT_PERMISSIONS}


def each_account(trust: Trust, run: str = "*") -> Iterator[AgentCreds]:
    """Yield the accounts of all runs or of one, by run and name; expired ones included."""
    for path in sorted(_home(trust).glob(f"{run}/*.creds")):
        claims = read_claims(path)
        yield AgentCreds(path.parent.name, path.stem, claims.account, claims.expires or 0, path)


def find_account(trust: Trust, run: str, agent: str) -> AgentCreds:
    """Return an agent's account; raises NotFound, and InvalidSubject for a run that is no subject token."""
    token(run, "run")
    for found in each_account(trust, run):
        if found.agent == agent:
            return found
    message = (
        f"agent {agent!r} has no credentials for run {run!r}; `econsim agent list` shows those there are"
    )
    raise NotFound(message, code="agent_has_no_credentials")


def suspend_account(found: AgentCreds) -> None:
    """Delete an account's files and mark its agent as suspended: opening the run again does not admit it."""
    write(found.creds.with_suffix(".out"), "")
    delete_account(found)


def suspended_agents(trust: Trust, run: str) -> set[str]:
    """Return the suspended agents of a run."""
    return {path.stem for path in (_home(trust) / token(run, "run")).glob("*.out")}


def delete_account(found: AgentCreds) -> None:
    """Delete an account's files, for good: the key that signed its user is gone."""
    found.creds.unlink(missing_ok=True)
    found.creds.with_suffix(".jwt").unlink(missing_ok=True)


def _home(trust: Trust) -> Path:
    return trust.directory / "agents"
