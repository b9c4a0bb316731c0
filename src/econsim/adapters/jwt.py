"""NATS identities in pure Python: nkeys, the JWTs they sign, and creds files.

Owns the encodings only; who exists and where keys are kept is `trust`. Needs PyNaCl for Ed25519.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import os
import struct
from collections.abc import Mapping
from enum import IntEnum
from typing import Final

import nacl.signing

from econsim.adapters.clock import unix_seconds
from econsim.errors import SetupError

_SEED_PREFIX: Final = 18 << 3
_HEADER: Final = b'{"typ":"JWT","alg":"ed25519-nkey"}'
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


class Role(IntEnum):
    """What a key stands for; the value is the prefix byte that makes its first letter O, A or U."""

    OPERATOR = 14 << 3
    ACCOUNT = 0
    USER = 20 << 3


class Key:
    """An nkey: an Ed25519 pair with the role in its first letter."""

    def __init__(self, role: Role, raw: bytes = b"") -> None:
        """Make a key from 32 secret bytes, or a new random one."""
        raw = raw or os.urandom(32)
        self._signing = nacl.signing.SigningKey(raw)
        head = bytes([_SEED_PREFIX | (role >> 5), (role & 31) << 3])
        self.seed: Final = _checked(head + raw)
        self.public: Final = _checked(bytes([role]) + bytes(self._signing.verify_key))

    @classmethod
    def from_seed(cls, seed: str) -> Key:
        """Read a seed back; raises SetupError if it is damaged."""
        text = seed.strip()
        try:
            data = base64.b32decode(text + "=" * (-len(text) % 8))
        except binascii.Error:
            data = b""
        if len(data) != 36 or struct.unpack("<H", data[-2:])[0] != binascii.crc_hqx(data[:-2], 0):
            message = "a key seed is damaged; restore the trust directory from a copy or start a new one"
            raise SetupError(message)
        return cls(Role((data[0] & 7) << 5 | data[1] >> 3), data[2:34])

    def sign(self, data: bytes) -> bytes:
        """Return the Ed25519 signature."""
        return self._signing.sign(data).signature


def operator_jwt(operator: Key, name: str, system_account: str) -> str:
    """Sign the operator's own claims."""
    return _encode(operator, operator.public, name, {"type": "operator", "system_account": system_account})


def account_jwt(operator: Key, account: str, name: str, *, jetstream: bool, **claims: object) -> str:
    """Sign an account without limits; `claims` adds signing keys, exports, imports."""
    limits = _UNLIMITED | (_JETSTREAM_UNLIMITED if jetstream else {})
    return _encode(operator, account, name, {"type": "account", "limits": limits, **claims})


def scope(key: str, role: str, permissions: Mapping[str, object]) -> dict[str, object]:
    """Return a scoped signing key for an account: users it signs have exactly these permissions.

    They live in the account's JWT, not the user's: a user's JWT travels in the first line of a
    connection, which the server limits to 4 kB, and a change of permissions needs no new creds.
    """
    template = {"subs": -1, "data": -1, "payload": -1, **permissions}
    return {"kind": "user_scope", "key": key, "role": role, "description": "", "template": template}


def scoped_user_jwt(signer: Key, account: str, user: str, name: str) -> str:
    """Sign a user with a scoped signing key of the account; it carries no permissions of its own."""
    return _encode(signer, user, name, {"type": "user", "issuer_account": account})


def user_jwt(account: Key, user: str, name: str) -> str:
    """Sign a user who may do everything in the account."""
    limits = {"subs": -1, "data": -1, "payload": -1, "pub": {}, "sub": {}}
    return _encode(account, user, name, {"type": "user", **limits})


def creds(jwt: str, seed: str) -> str:
    """Return the text of a creds file."""
    return (
        f"-----BEGIN NATS USER JWT-----\n{jwt}\n------END NATS USER JWT------\n\n"
        f"-----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------\n"
    )


def _encode(signer: Key, subject: str, name: str, nats: Mapping[str, object]) -> str:
    body: dict[str, object] = {
        "iat": unix_seconds(),
        "iss": signer.public,
        "name": name,
        "sub": subject,
        "nats": {**nats, "version": 2},
    }
    body["jti"] = _base32(hashlib.sha256(_compact(body)).digest())
    signed = f"{_base64(_HEADER)}.{_base64(_compact(body))}"
    return f"{signed}.{_base64(signer.sign(signed.encode()))}"


def _compact(value: Mapping[str, object]) -> bytes:
    return json.dumps(value, separators=(",", ":"), sort_keys=True).encode()


def _checked(data: bytes) -> str:
    return _base32(data + struct.pack("<H", binascii.crc_hqx(data, 0)))


def _base32(data: bytes) -> str:
    return base64.b32encode(data).decode().rstrip("=")


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
