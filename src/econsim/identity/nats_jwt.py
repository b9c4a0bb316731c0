"""NATS identities in pure Python: nkeys, the JWTs they sign, and creds files.

Owns the encodings only; `trust_root` owns the users and the keys on disk. Needs PyNaCl for Ed25519.
Every function that signs takes the time: `issued`, in seconds since 1970.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import os
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from typing import Any, Final

import nacl.signing

from econsim.errors import SetupError

_SEED_PREFIX: Final = 18 << 3
_HEADER: Final = b'{"typ":"JWT","alg":"ed25519-nkey"}'
_ROLE_TAG: Final = "role:"
_UNLIMITED: Final = {
    "subs": -1,
    "data": -1,
    "payload": -1,
    "imports": -1,
    "exports": -1,
    "conn": -1,
    "leaf": -1,
    "wildcards": True,
}
_JETSTREAM_UNLIMITED: Final = {
    "mem_storage": -1,
    "disk_storage": -1,
    "streams": -1,
    "consumer": -1,
    "max_ack_pending": -1,
    "mem_max_stream_bytes": -1,
    "disk_max_stream_bytes": -1,
}


class NkeyKind(IntEnum):
    """Kind of a key; the value is the prefix byte that makes the first letter of the key O, A or U."""

    OPERATOR = 14 << 3
    ACCOUNT = 0
    USER = 20 << 3


class Key:
    """An nkey: an Ed25519 pair with its kind in the first letter."""

    def __init__(self, kind: NkeyKind, raw: bytes = b"") -> None:
        """Make a key from 32 secret bytes, or a new random one."""
        raw = raw or os.urandom(32)
        self._signing = nacl.signing.SigningKey(raw)
        head = bytes([_SEED_PREFIX | (kind >> 5), (kind & 31) << 3])
        self.seed: Final = _with_checksum(head + raw)
        self.public: Final = _with_checksum(bytes([kind]) + bytes(self._signing.verify_key))

    @classmethod
    def from_seed(cls, seed: str, kind: NkeyKind) -> Key:
        """Read the seed of a key of this kind back; raises SetupError if it is damaged or of another kind."""
        text = seed.strip()
        try:
            key = cls(kind, base64.b32decode(text + "=" * (-len(text) % 8))[2:34])
        except ValueError:
            key = None
        if key is None or key.seed != text:
            message = "a key seed is damaged; restore the trust directory from a copy or start a new one"
            raise SetupError(message)
        return key

    def sign(self, data: bytes) -> bytes:
        """Return the Ed25519 signature."""
        return self._signing.sign(data).signature


def operator_jwt(operator: Key, name: str, system_account: str, *, issued: int) -> str:
    """Sign the operator's own claims."""
    claims = {"type": "operator", "system_account": system_account}
    return _encode(operator, operator.public, name, claims, issued=issued)


def account_jwt(  # noqa: PLR0913 - a claim each
    operator: Key,
    account: str,
    name: str,
    claims: Mapping[str, object],
    *,
    issued: int,
    expires: int | None = None,
) -> str:
    """Sign an account; `claims` are its limits (`service_limits`, `agent_limits`), signing keys, exports, imports, revocations.

    The account expires at `expires`, seconds since 1970; never if there is none.
    """
    return _encode(operator, account, name, {"type": "account", **claims}, issued=issued, expires=expires)


def service_limits(*, jetstream: bool) -> dict[str, object]:
    """Return the limits of an account of econsim: none, with or without JetStream."""
    return {**_UNLIMITED, **(_JETSTREAM_UNLIMITED if jetstream else {})}


def agent_limits(limits: Mapping[str, int]) -> dict[str, object]:
    """Return the limits of an agent's account: no JetStream, no exports, no leaf servers, and `limits`.

    Their names are the server's: `conn` and `subs` are counts, `payload` is in bytes, `imports` a count.
    """
    return {**_UNLIMITED, "exports": 0, "leaf": 0, **limits}


def deletion_jwt(operator: Key, accounts: Sequence[str], *, issued: int) -> str:
    """Sign the request to delete accounts; the server ends their connections at once."""
    claims = {"type": "generic", "accounts": list(accounts)}
    return _encode(operator, operator.public, "deletion", claims, issued=issued)


def scope(key: str, role: str, permissions: Mapping[str, object]) -> dict[str, object]:
    """Return a scoped signing key for an account: users it signs have exactly these permissions.

    The permissions are in the account's JWT, not the user's: a user's JWT is sent in the first line of a connection, which
    the server limits to 4 kB, and a change of permissions needs no new creds.
    """
    template = {"subs": -1, "data": -1, "payload": -1, **permissions}
    return {"kind": "user_scope", "key": key, "role": role, "description": "", "template": template}


def scoped_user_jwt(  # noqa: PLR0913 - a claim each
    signer: Key, account: str, user: str, name: str, role: str, *, issued: int, expires: int | None = None
) -> str:
    """Sign a user with a scoped signing key of the account; it carries no permissions of its own.

    The role is a tag of the JWT, by which the client knows its inbox.
    """
    claims = {"type": "user", "issuer_account": account, "tags": [f"{_ROLE_TAG}{role}"]}
    return _encode(signer, user, name, claims, issued=issued, expires=expires)


def user_jwt(  # noqa: PLR0913 - a claim each
    account: Key,
    user: str,
    name: str,
    permissions: Mapping[str, object] | None = None,
    *,
    issued: int,
    expires: int | None = None,
) -> str:
    """Sign a user of the account with publish and subscribe lists; without any, everything is permitted."""
    claims = {"subs": -1, "data": -1, "payload": -1, "pub": {}, "sub": {}, **(permissions or {})}
    return _encode(account, user, name, {"type": "user", **claims}, issued=issued, expires=expires)


def creds(jwt: str, seed: str) -> str:
    """Return the text of a creds file."""
    return (
        f"-----BEGIN NATS USER JWT-----\n{jwt}\n------END NATS USER JWT------\n\n"
        f"-----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------\n"
    )


@dataclass(frozen=True, slots=True)
class UserClaims:
    """Claims of a creds file about its user: the server verifies them, a client only reads them."""

    name: str
    """Name of the user."""
    user: str
    """Public key of the user."""
    account: str
    """Public key of the account."""
    role: str = ""
    """Role of the user in `SIM` or `READERS`; empty for an agent, which has an account of its own."""
    expires: int | None = None
    """Time the user expires, in seconds since 1970; none if never."""
    permissions: Mapping[str, object] = field(default_factory=dict)
    """Publish and subscribe lists in the user's own JWT; none if its signing key has them."""


def read_claims(path: Path) -> UserClaims:
    """Read a creds file; raises SetupError that names the file if it holds no user."""
    try:
        return user_claims(path.read_text(encoding="utf-8", errors="replace"))
    except SetupError as error:
        message = f"{path}: {error}"
        raise SetupError(message) from error


def user_claims(text: str) -> UserClaims:
    """Read a creds file's text, or a bare JWT; raises SetupError if it holds no user."""
    try:
        claims = _claims(text)
        nats = claims["nats"]
        tags = [str(tag) for tag in nats.get("tags", ()) if str(tag).startswith(_ROLE_TAG)]
        role = tags[0].removeprefix(_ROLE_TAG) if tags else ""
        account = nats.get("issuer_account") or claims["iss"]
        lists = {key: nats[key] for key in ("pub", "sub") if key in nats}
        return UserClaims(
            str(claims["name"]), str(claims["sub"]), str(account), role, claims.get("exp"), lists
        )
    except (IndexError, KeyError, ValueError, TypeError, AttributeError) as error:
        message = "these are no credentials; a creds file begins with -----BEGIN NATS USER JWT-----"
        raise SetupError(message) from error


def _claims(text: str) -> dict[str, Any]:
    head = text.partition("-----BEGIN NATS USER JWT-----\n")[2].partition("\n")[0] or text.strip()
    part = head.split(".")[1]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return found


def _encode(  # noqa: PLR0913 - a claim each
    signer: Key,
    subject: str,
    name: str,
    nats: Mapping[str, object],
    *,
    issued: int,
    expires: int | None = None,
) -> str:
    body: dict[str, object] = {
        "iat": issued,
        "iss": signer.public,
        "name": name,
        "sub": subject,
        "nats": {**nats, "version": 2},
    }
    if expires is not None:
        body["exp"] = expires
    body["jti"] = _base32(hashlib.sha256(_compact(body)).digest())
    signed = f"{_base64(_HEADER)}.{_base64(_compact(body))}"
    return f"{signed}.{_base64(signer.sign(signed.encode()))}"


def _compact(value: Mapping[str, object]) -> bytes:
    return json.dumps(value, separators=(",", ":"), sort_keys=True).encode()


def _with_checksum(data: bytes) -> str:
    return _base32(data + struct.pack("<H", binascii.crc_hqx(data, 0)))


def _base32(data: bytes) -> str:
    return base64.b32encode(data).decode().rstrip("=")


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
