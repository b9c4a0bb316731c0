"""The trust root of a state directory: operator, accounts `SYS` and `SIM`, one user per service.

    <state>/trust/            0700
        operator.seed         signs accounts; whoever holds it owns the bus
        sys.seed sim.seed     account keys
        roles/<role>.seed     signs users of one role of SIM; the role's permissions are in SIM's JWT
        creds/<role>.creds    one user per role in `permissions`, and `sys.creds` for the system account

All files 0600, written whole or not at all. Uses `permissions` for what a user may do.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from econsim.adapters.jwt import Key, Role, account_jwt, creds, operator_jwt, scope, scoped_user_jwt, user_jwt
from econsim.errors import NotFound, SetupError
from econsim.permissions import ROLES, permissions

SYSTEM_USER: Final = "sys"
"""The user of the system account: pushes account JWTs, reads server events."""


@dataclass(frozen=True, slots=True)
class Trust:
    """Keys and credentials of one state directory."""

    directory: Path
    """`<state>/trust`."""
    operator: Key
    """Signs accounts."""
    system: Key
    """Key of account `SYS`."""
    sim: Key
    """Key of account `SIM`, where every service lives."""
    roles: Mapping[str, Key]
    """Per role of `SIM`, the scoped key that signs its users."""

    @classmethod
    def open(cls, state: Path) -> Trust:
        """Load the trust root, creating what is missing; raises SetupError if it cannot be kept there."""
        directory = state / "trust"
        try:
            _private_directory(directory)
            _private_directory(directory / "roles")
            _private_directory(directory / "creds")
            with _locked(directory / "lock"):
                trust = cls(
                    directory,
                    _key(directory / "operator.seed", Role.OPERATOR),
                    _key(directory / "sys.seed", Role.ACCOUNT),
                    _key(directory / "sim.seed", Role.ACCOUNT),
                    {role: _key(directory / "roles" / f"{role}.seed", Role.ACCOUNT) for role in ROLES},
                )
                trust._mint()
        except OSError as error:
            message = f"cannot keep keys in {directory}: {error.strerror}; choose another state directory with --state"
            raise SetupError(message) from error
        return trust

    def creds(self, service: str) -> Path:
        """Return the creds file of a service; raises NotFound for a role that does not exist."""
        if service != SYSTEM_USER and service not in ROLES:
            message = f"there is no role {service!r}; the roles are {', '.join((*ROLES, SYSTEM_USER))}"
            raise NotFound(message)
        return self.directory / "creds" / f"{service}.creds"

    def server_config(self, resolver: Path) -> str:
        """Return the part of a server's configuration that makes it obey this operator.

        `resolver` is where the server keeps account JWTs pushed to it later.
        """
        preload = "\n".join(f"  {key}: {jwt}" for key, jwt in self.accounts().items())
        return (
            f"operator: {operator_jwt(self.operator, 'econsim', self.system.public)}\n"
            f"system_account: {self.system.public}\n"
            f'resolver {{ type: full, dir: {json.dumps(str(resolver))}, allow_delete: true, interval: "2m" }}\n'
            f"resolver_preload {{\n{preload}\n}}\n"
        )

    def accounts(self) -> dict[str, str]:
        """Return the JWT of every account by its public key, with today's permissions of every role."""
        scopes = [scope(key.public, role, permissions(role)) for role, key in self.roles.items()]
        return {
            self.system.public: account_jwt(self.operator, self.system.public, "SYS", jetstream=False),
            self.sim.public: account_jwt(
                self.operator, self.sim.public, "SIM", jetstream=True, signing_keys=scopes
            ),
        }

    def _mint(self) -> None:
        for role, signer in self.roles.items():
            if not self.creds(role).exists():
                user = Key(Role.USER)
                jwt = scoped_user_jwt(signer, self.sim.public, user.public, role)
                _write(self.creds(role), creds(jwt, user.seed))
        if not self.creds(SYSTEM_USER).exists():
            user = Key(Role.USER)
            _write(self.creds(SYSTEM_USER), creds(user_jwt(self.system, user.public, SYSTEM_USER), user.seed))


def _key(path: Path, role: Role) -> Key:
    if path.exists():
        return Key.from_seed(path.read_text())
    key = Key(role)
    _write(path, key.seed)
    return key


def _private_directory(path: Path) -> None:
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.chmod(0o700)


def _write(path: Path, text: str) -> None:
    part = path.with_suffix(path.suffix + ".part")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    part.replace(path)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold a lock file, so that two commands started at once agree on one set of keys."""
    with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
