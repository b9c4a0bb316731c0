"""Taking another identity: changed and self-made credentials, others' JWTs, replayed signatures, a second CONNECT."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

from econsim import subjects
from econsim.adapters.clock import unix_seconds
from econsim.checks.attacks.attack import Attack
from econsim.checks.attacks.environment import Attacker, Environment, refusal_check
from econsim.checks.attacks.verdict import AttackVerdict, Check, verdict_of
from econsim.checks.raw_client import CRLF, UserCredentials, dial, unsigned_credentials
from econsim.identity.nats_jwt import Key, NkeyKind, user_claims, user_jwt

Forge = Callable[[Environment, Attacker], UserCredentials]
"""Function that makes false credentials."""


def jwt_parts(jwt: str) -> tuple[str, dict[str, Any], str]:
    """Return the parts of a JWT: header, claims, signature."""
    head, body, signature = jwt.split(".")
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    return head, found, signature


def jwt_of(head: str, body: dict[str, Any], signature: str = "", signer: Key | None = None) -> str:
    """Return a JWT of these parts, signed by a key or with a signature that is given."""
    fields = f"{head}.{_base64(json.dumps(body, separators=(',', ':')).encode())}"
    return f"{fields}.{signature if signer is None else _base64(signer.sign(fields.encode()))}"


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


@dataclass(frozen=True, slots=True)
class IdentityAttack:
    """Attack with an identity that is not the attacker's."""

    name: str
    """Name of the attack."""
    tries: str
    """Goal of the attack."""
    reason: str
    """Reason why the attack fails."""
    forge: Forge
    """Function that makes the credentials."""
    fields: tuple[tuple[str, object], ...] = ()
    """More fields of CONNECT."""

    async def run(self, env: Environment, attacker: Attacker) -> AttackVerdict:
        """Connect with the false credentials; then with the attacker's own, which must be accepted."""
        async with dial(env.url) as client:
            accepted = await client.connect(self.forge(env, attacker), **dict(self.fields))
            errors = client.errors[:1]
        async with dial(env.url) as client:
            own = await client.connect(attacker.user)
        return verdict_of(
            Check(
                f"the server refused it: {errors}",
                not accepted and any("authorization" in e.lower() or "expired" in e.lower() for e in errors),
            ),
            Check("its own credentials are accepted", own),
        )


def _edit_claims(change: Callable[[dict[str, Any]], None]) -> Forge:
    """Return a function that changes the claims of the attacker's JWT and keeps its signature."""

    def forge(_: Environment, attacker: Attacker) -> UserCredentials:
        head, body, signature = jwt_parts(attacker.user.jwt)
        change(body)
        return replace(attacker.user, jwt=jwt_of(head, body, signature))

    return forge


def _resign_claims(change: Callable[[dict[str, Any], Key, Environment], None]) -> Forge:
    """Return a function that changes the claims and signs them with a new account key."""

    def forge(env: Environment, attacker: Attacker) -> UserCredentials:
        head, body, _ = jwt_parts(attacker.user.jwt)
        signer = Key(NkeyKind.ACCOUNT)
        change(body, signer, env)
        return replace(attacker.user, jwt=jwt_of(head, body, signer=signer))

    return forge


def _remove_lists(body: dict[str, Any]) -> None:
    body["nats"] |= {"pub": {}, "sub": {}}


def _remove_expiry(body: dict[str, Any]) -> None:
    body.pop("exp", None)


def _make_bearer(body: dict[str, Any]) -> None:
    body["nats"]["bearer_token"] = True


def _rename(body: dict[str, Any]) -> None:
    body["name"] = "operator"


def _in_sim(body: dict[str, Any], signer: Key, env: Environment) -> None:
    body["nats"] |= {"pub": {}, "sub": {}, "issuer_account": user_claims(env.powers.stolen_jwt.jwt).account}
    body["iss"] = signer.public


def _own_account(body: dict[str, Any], signer: Key, _: Environment) -> None:
    body["nats"] |= {"pub": {}, "sub": {}}
    body["iss"] = signer.public


def _as_issuer(body: dict[str, Any], signer: Key, _: Environment) -> None:
    body["nats"] |= {"pub": {}, "sub": {}, "issuer_account": body["iss"]}
    body["iss"] = signer.public


def _unsigned_user(_: Environment, attacker: Attacker) -> UserCredentials:
    body = jwt_parts(attacker.user.jwt)[1]
    _remove_lists(body)
    return replace(attacker.user, jwt=jwt_of(_base64(b'{"typ":"JWT","alg":"none"}'), body))


def _victims_jwt(env: Environment, attacker: Attacker) -> UserCredentials:
    return UserCredentials(env.bystander.jwt, attacker.user.seed)


def _key_alone(_: Environment, attacker: Attacker) -> UserCredentials:
    return UserCredentials(seed=attacker.user.seed)


def _self_made_user(_: Environment, attacker: Attacker) -> UserCredentials:
    account, user = Key(NkeyKind.ACCOUNT), Key(NkeyKind.USER)
    return UserCredentials(user_jwt(account, user.public, attacker.name, issued=unix_seconds()), user.seed)


_SIGNED: Final = "a changed JWT has no valid signature"
_CHAIN: Final = (
    "accounts are signed by the operator, users by their account, and the attacker holds neither key"
)

ROWS: Final = (
    IdentityAttack(
        "edit_permissions",
        "to remove the permission lists from its JWT",
        _SIGNED,
        _edit_claims(_remove_lists),
    ),
    IdentityAttack(
        "edit_expiry",
        "to remove the expiry from its JWT",
        _SIGNED,
        _edit_claims(_remove_expiry),
    ),
    IdentityAttack("edit_name", "to write an operator's name into its JWT", _SIGNED, _edit_claims(_rename)),
    IdentityAttack(
        "edit_bearer",
        "to turn its JWT into a bearer token, which needs no key",
        _SIGNED,
        _edit_claims(_make_bearer),
    ),
    IdentityAttack(
        "unsigned", "to have a JWT accepted that claims to need no signature", _SIGNED, _unsigned_user
    ),
    IdentityAttack(
        "sign_for_sim", "to sign itself a user of the services' account", _CHAIN, _resign_claims(_in_sim)
    ),
    IdentityAttack(
        "sign_account",
        "to sign itself a user of an account of its own making",
        _CHAIN,
        _resign_claims(_own_account),
    ),
    IdentityAttack(
        "sign_for_account",
        "to sign itself a user without lists in its own account",
        _CHAIN,
        _resign_claims(_as_issuer),
    ),
    IdentityAttack(
        "self_made", "to connect with an account, a user and keys all its own", _CHAIN, _self_made_user
    ),
    IdentityAttack(
        "jwt_of_another",
        "to use a victim's JWT with its own key",
        "the key a JWT names must sign the server's nonce",
        _victims_jwt,
    ),
    IdentityAttack(
        "jwt_of_service",
        "to use a service's JWT without its key",
        "the key a JWT names must sign the server's nonce",
        lambda env, _: env.powers.stolen_jwt,
    ),
    IdentityAttack(
        "key_alone",
        "to connect with a key and no JWT",
        "the server accepts no user without a JWT",
        _key_alone,
    ),
    IdentityAttack(
        "no_credentials",
        "to connect without credentials",
        "the server accepts no user without a JWT",
        lambda _, __: UserCredentials(),
    ),
    IdentityAttack(
        "stranger",
        "to connect with a key that no account signed",
        "the server accepts no user without a JWT",
        lambda _, __: unsigned_credentials(),
    ),
    IdentityAttack(
        "password",
        "to guess a name and a password",
        "the server accepts no user without a JWT",
        lambda _, __: UserCredentials(),
        (("user", "operator"), ("pass", "operator"), ("auth_token", "s3cr3t")),
    ),
    IdentityAttack(
        "name_account",
        "to ask for the services' account by name",
        "the account is that of the JWT, whatever the other fields claim",
        lambda _, __: UserCredentials(),
        (("account", "SIM"), ("new_account", True)),
    ),
    IdentityAttack(
        "expired",
        "to use credentials that have expired",
        "the server checks the expiry of every JWT",
        lambda env, _: env.powers.expired_user,
    ),
)
"""Attacks, one for each false identity."""


async def replay_signature(env: Environment, attacker: Attacker) -> AttackVerdict:
    """Send the CONNECT of one connection again on another connection."""
    async with dial(env.url) as first:
        fields = attacker.user.connect_fields(str(first.info["nonce"]))
        accepted = await first.connect(UserCredentials(), **fields)
        async with dial(env.url) as second:
            other = first.info["nonce"] != second.info["nonce"]
            again = await second.connect(UserCredentials(), **fields)
    return verdict_of(
        Check("the handshake was good", accepted),
        Check("the next connection had another nonce", other),
        Check("the repetition was refused", not again),
    )


async def second_connect(env: Environment, attacker: Attacker) -> AttackVerdict:
    """Send CONNECT as somebody else on a connection that is accepted."""
    tried = subjects.RUN_CLOSED(run=env.run)
    env.sniffer.forget(attacker.name)
    async with env.connect(attacker.user) as raw:
        for fields in (
            {"jwt": env.powers.stolen_jwt.jwt},
            {"user": "sys"},
            {"account": "SIM"},
            {"jwt": env.bystander.jwt, "sig": "AA"},
        ):
            await raw.send(b"CONNECT " + json.dumps({"verbose": False, **fields}).encode() + CRLF)
        await raw.flush()
        await raw.publish(tried, attacker.name.encode())
        await raw.flush()
        still = raw.closed or refusal_check(raw, "publish", tried).holds
    return verdict_of(
        Check("it kept its identity, or lost its connection", still),
        env.unseen_check(attacker, tried),
    )


ATTACKS: Final = (
    *(Attack(row.name, row.tries, row.reason, row.run) for row in ROWS),
    Attack(
        "replay_signature",
        "to use a handshake it overheard",
        "each connection has a nonce of its own",
        replay_signature,
    ),
    Attack(
        "second_connect",
        "to become somebody else on a connection it has",
        "the server settles the identity when the connection is made",
        second_connect,
    ),
)
"""Attacks on identities."""
