"""The trust root of a state directory: operator, accounts `SYS`, `SIM` and `READERS`, one user per role.

    <state>/trust/            0700
        operator.seed         signs accounts: its holder controls the bus
        sys.seed sim.seed readers.seed
                              account keys
        roles/<role>.seed     signs users of one role; its permissions are in its account's JWT
        creds/<role>.creds    one user per role in `roles`, and `sys.creds` for the system account
        revoked.json          earlier system users, each with the time of its revocation
        agents/<run>/         accounts of agents, see `agent_credentials`

All files 0600, written whole or not at all. `roles` has the permissions of each user.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from econsim.errors import NotFound, SetupError
from econsim.identity.access import SIM
from econsim.identity.agent_account import exports
from econsim.identity.nats_jwt import (
    Key,
    NkeyKind,
    account_jwt,
    creds,
    operator_jwt,
    read_claims,
    scope,
    scoped_user_jwt,
    service_limits,
    user_jwt,
)
from econsim.identity.private_files import FILE, make_missing, private_directory, write
from econsim.identity.roles import MONITOR_REQUESTS, READER_REQUESTS, READERS, ROLES, SYSTEM, permissions
from econsim.identity.server_config import quote
from econsim.schemas.subject import token

SYSTEM_USER: Final = "sys"
"""Name of the user of the system account, who pushes account JWTs and reads server events."""


@dataclass(frozen=True, slots=True)
class Trust:
    """Keys and credentials of one state directory."""

    directory: Path
    """Directory of the trust root, `<state>/trust`."""
    operator: Key
    """Key of the operator, which signs accounts."""
    system: Key
    """Key of account `SYS`."""
    sim: Key
    """Key of account `SIM`, where every service lives."""
    readers: Key
    """Key of account `READERS`, which reads what `SIM` exports to it."""
    roles: Mapping[str, Key]
    """Scoped key of each role, which signs its users."""
    now: Callable[[], int]
    """Clock, in seconds since 1970."""

    @classmethod
    def open(cls, state: Path, now: Callable[[], int]) -> Trust:
        """Load the trust root and create what is missing; `now` returns the time, in seconds since 1970.

        Raises SetupError for a file that is damaged or not writable, and if the log beside it was written with other keys: nobody could
        read it with these.
        """
        directory = state / "trust"
        try:
            for path in (directory, directory / "roles", directory / "creds"):
                private_directory(path)
            with lock(directory / "lock"):
                _require_key_of_log(state, directory / "sim.seed")
                trust = cls._load(directory, now)
                _write_missing_creds(trust)
        except OSError as error:
            message = f"cannot keep keys in {directory}: {error.strerror}; choose another state directory with --state"
            raise SetupError(message) from error
        return trust

    @classmethod
    def _load(cls, directory: Path, now: Callable[[], int]) -> Trust:
        return cls(
            directory,
            _key(directory / "operator.seed", NkeyKind.OPERATOR),
            _key(directory / "sys.seed", NkeyKind.ACCOUNT),
            _key(directory / "sim.seed", NkeyKind.ACCOUNT),
            _key(directory / "readers.seed", NkeyKind.ACCOUNT),
            {role: _key(directory / "roles" / f"{role}.seed", NkeyKind.ACCOUNT) for role in ROLES},
            now,
        )

    def rotate(self) -> Trust:
        """Replace the keys and credentials of every role and of the system user; return the new trust.

        The old ones hold until the server has the new accounts (`account_push.rotate`). Operator and accounts
        keep their keys: streams belong to an account, agents' accounts to the operator.
        """
        with lock(self.directory / "lock"):
            user = read_claims(self.creds(SYSTEM_USER)).user
            revoked = self._revocations() | {user: self.now() + 1}
            write(self.directory / "revoked.json", json.dumps(revoked))
            for path in (
                *(self.directory / "roles").glob("*.seed"),
                *(self.directory / "creds").glob("*.creds"),
            ):
                path.unlink()
            trust = self._load(self.directory, self.now)
            _write_missing_creds(trust)
        return trust

    def grant(self, name: str, role: str, path: Path) -> None:
        """Write credentials of a role under the name of a person or process, which admin commands carry.

        Raises NotFound for a role that does not exist, InvalidSubject for a name that is no subject token.
        """
        jwt, seed = self.sign_user(name, role)
        make_missing(path.parent)
        write(path, creds(jwt, seed))

    def sign_user(self, name: str, role: str, life_s: int | None = None) -> tuple[str, str]:
        """Return the JWT and the seed of a new user of a role, which the server knows for so many seconds; for ever without.

        Raises NotFound for a role that does not exist, InvalidSubject for a name that is no subject token.
        """
        token(name, "name")
        if role not in self.roles:
            message = f"there is no role {role!r}; the roles are {', '.join(ROLES)}"
            raise NotFound(message)
        user, issued = Key(NkeyKind.USER), self.now()
        jwt = scoped_user_jwt(
            self.roles[role],
            self.account_key(role).public,
            user.public,
            name,
            role,
            issued=issued,
            expires=None if life_s is None else issued + life_s,
        )
        return jwt, user.seed

    def account_key(self, role: str) -> Key:
        """Return the key of the account of a role's users."""
        return self.readers if ROLES[role].account == READERS else self.sim

    def creds(self, role: str) -> Path:
        """Return the creds file of a role or the system user; raises NotFound for a role that does not exist."""
        if role != SYSTEM_USER and role not in ROLES:
            message = f"there is no role {role!r}; the roles are {', '.join((*ROLES, SYSTEM_USER))}"
            raise NotFound(message)
        return self.directory / "creds" / f"{role}.creds"

    def server_config(self, resolver: Path) -> str:
        """Return the part of a server's configuration that names this operator.

        `resolver` is where the server keeps account JWTs pushed to it later.
        """
        preload = "\n".join(f"  {key}: {jwt}" for key, jwt in self.accounts().items())
        operator = operator_jwt(self.operator, "econsim", self.system.public, issued=self.now())
        return (
            f"operator: {operator}\n"
            f"system_account: {self.system.public}\n"
            f'resolver {{ type: full, dir: {quote(resolver)}, allow_delete: true, interval: "2m" }}\n'
            f"resolver_preload {{\n{preload}\n}}\n"
        )

    def accounts(self, beside: Trust | None = None) -> dict[str, str]:
        """Return the JWT of every account by its public key, with today's permissions of every role.

        `beside` is the trust before a rotation, whose roles' keys are to hold too.
        """
        keys = [*self.roles.items(), *(beside.roles.items() if beside else ())]
        scopes = {
            account: [scope(k.public, r, permissions(r)) for r, k in keys if ROLES[r].account == account]
            for account in (SIM, READERS)
        }
        asked = [{"name": each, "subject": each, "type": "service"} for each in READER_REQUESTS]
        # A page of stored messages is many answers to one question.
        offered = [each | {"response_type": "Stream"} for each in asked]
        imported = [each | {"account": self.sim.public, "local_subject": each["subject"]} for each in asked]
        monitored = [
            {"name": each, "subject": each, "type": "service", "response_type": "Stream"}
            for each in MONITOR_REQUESTS
        ]
        monitoring = [
            {
                "name": each,
                "subject": each,
                "type": "service",
                "account": self.system.public,
                "local_subject": each,
            }
            for each in MONITOR_REQUESTS
        ]
        bare, full = service_limits(jetstream=False), service_limits(jetstream=True)
        claims: dict[str, tuple[Key, Mapping[str, object]]] = {
            "SYS": (self.system, {"limits": bare, "revocations": self._revocations(), "exports": monitored}),
            SIM: (
                self.sim,
                {
                    "limits": full,
                    "signing_keys": scopes[SIM],
                    "exports": exports() + offered,
                    "imports": monitoring,
                },
            ),
            READERS: (self.readers, {"limits": bare, "signing_keys": scopes[READERS], "imports": imported}),
        }
        return {
            key.public: account_jwt(self.operator, key.public, name, claim, issued=self.now())
            for name, (key, claim) in claims.items()
        }

    def _revocations(self) -> dict[str, int]:
        path = self.directory / "revoked.json"
        try:
            found = json.loads(path.read_bytes()) if path.exists() else {}
        except ValueError:
            found = None
        if not isinstance(found, dict):
            message = f"{path} is damaged; restore the trust directory from a copy or start a new one"
            raise SetupError(message)
        return found


def _write_missing_creds(trust: Trust) -> None:
    """Write the credentials that are missing or outdated."""
    for role in trust.roles:
        path = trust.creds(role)
        if not path.exists() or not _current(trust, role, path):
            trust.grant(role, role, path)
    path = trust.creds(SYSTEM_USER)
    # Its lists are in its own JWT, so a file of an earlier econsim would lack newer permissions.
    if not path.exists() or read_claims(path).permissions != SYSTEM:
        user = Key(NkeyKind.USER)
        write(
            trust.creds(SYSTEM_USER),
            creds(user_jwt(trust.system, user.public, SYSTEM_USER, SYSTEM, issued=trust.now()), user.seed),
        )


def _current(trust: Trust, role: str, path: Path) -> bool:
    """Tell whether credentials name their role and its account; those of earlier versions do not."""
    claims = read_claims(path)
    return (claims.role, claims.account) == (role, trust.account_key(role).public)


def _require_key_of_log(state: Path, seed: Path) -> None:
    """Raise SetupError if the server's data belongs to other accounts than that of the key; without data any key will do."""
    accounts = {each.name for each in (state / "nats" / "data" / "jetstream").glob("A*")}
    if not accounts or (seed.exists() and _key(seed, NkeyKind.ACCOUNT).public in accounts):
        return
    message = (
        f"the keys of the log in {state / 'nats'} are not in {seed.parent}, and without them no run in it can be read; put that directory "
        f"back from a copy, or move {state / 'nats'} away to begin with an empty log"
    )
    raise SetupError(message)


def _key(path: Path, kind: NkeyKind) -> Key:
    """Return the key in a file, a new one if there is no file; raises SetupError if it holds no key of this kind."""
    if not path.exists():
        key = Key(kind)
        write(path, key.seed)
        return key
    try:
        return Key.from_seed(path.read_text(encoding="utf-8", errors="replace"), kind)
    except SetupError as error:
        message = f"{path}: {error}"
        raise SetupError(message) from error


@contextmanager
def lock(path: Path) -> Iterator[None]:
    """Hold a lock file, so that two commands started at once agree on one set of keys."""
    with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, FILE), "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
