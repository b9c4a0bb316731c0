"""Being somebody else: tampered and self-made credentials, others' JWTs, replayed signatures, second thoughts."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

from econsim.adapters.clock import unix_seconds
from econsim.checks.attacks.attack import Attack
from econsim.checks.attacks.environment import Attacker, Environment, refusal_check
from econsim.checks.attacks.verdict import AttackVerdict, Check, verdict_of
from econsim.checks.raw_client import CRLF, UserCredentials, dial, unsigned_credentials
from econsim.identity.nats_jwt import Key, KeyKind, user_claims, user_jwt

Forge = Callable[[Environment, Attacker], UserCredentials]
"""Who one says to be."""


def claims(jwt: str) -> tuple[str, dict[str, Any], str]:
    """Take a JWT apart: header, claims, signature."""
    head, body, signature = jwt.split(".")
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    return head, found, signature


def addressed(head: str, body: dict[str, Any], signature: str = "", signer: Key | None = None) -> str:
    """Put a JWT together, signed by a key of one's own or with a signature one has."""
    said = f"{head}.{_base64(json.dumps(body, separators=(',', ':')).encode())}"
    return f"{said}.{signature if signer is None else _base64(signer.sign(said.encode()))}"


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


@dataclass(frozen=True, slots=True)
class IdentityAttack:
    """One identity that is not one's own."""

    name: str
    tries: str
    reason: str
    forge: Forge
    fields: tuple[tuple[str, object], ...] = ()
    """More that is said when connecting."""

    async def run(self, env: Environment, attacker: Attacker) -> AttackVerdict:
        """Connect as that; then as oneself, to see that the door is open to those it is for."""
        async with dial(env.url) as client:
            taken = await client.connect(self.forge(env, attacker), **dict(self.fields))
            told = client.errors[:1]
        async with dial(env.url) as client:
            own = await client.connect(attacker.user)
        return verdict_of(
            Check(
                f"the server did not let it in: {told}",
                not taken and any("authorization" in e.lower() or "expired" in e.lower() for e in told),
            ),
            Check("with its own credentials it comes in", own),
        )


def _edited(change: Callable[[dict[str, Any]], None]) -> Forge:
    """Return credentials whose claims were changed and whose signature was kept."""

    def forge(_: Environment, attacker: Attacker) -> UserCredentials:
        head, body, signature = claims(attacker.user.jwt)
        change(body)
        return replace(attacker.user, jwt=addressed(head, body, signature))

    return forge


def _resigned(change: Callable[[dict[str, Any], Key, Environment], None]) -> Forge:
    """Return credentials signed anew, with an account key of one's own."""

    def forge(env: Environment, attacker: Attacker) -> UserCredentials:
        head, body, _ = claims(attacker.user.jwt)
        signer = Key(KeyKind.ACCOUNT)
        change(body, signer, env)
        return replace(attacker.user, jwt=addressed(head, body, signer=signer))

    return forge


def _wider(body: dict[str, Any]) -> None:
    body["nats"] |= {"pub": {}, "sub": {}}


def _for_ever(body: dict[str, Any]) -> None:
    body.pop("exp", None)


def _bearer(body: dict[str, Any]) -> None:
    body["nats"]["bearer_token"] = True


def _renamed(body: dict[str, Any]) -> None:
    body["name"] = "operator"


def _in_sim(body: dict[str, Any], signer: Key, env: Environment) -> None:
    body["nats"] |= {"pub": {}, "sub": {}, "issuer_account": user_claims(env.powers.stolen_jwt().jwt).account}
    body["iss"] = signer.public


def _own_account(body: dict[str, Any], signer: Key, _: Environment) -> None:
    body["nats"] |= {"pub": {}, "sub": {}}
    body["iss"] = signer.public


def _as_issuer(body: dict[str, Any], signer: Key, _: Environment) -> None:
    body["nats"] |= {"pub": {}, "sub": {}, "issuer_account": body["iss"]}
    body["iss"] = signer.public


def _unsigned(env: Environment, attacker: Attacker) -> UserCredentials:
    del env
    body = claims(attacker.user.jwt)[1]
    _wider(body)
    return replace(attacker.user, jwt=addressed(_base64(b'{"typ":"JWT","alg":"none"}'), body))


def _victims_jwt(env: Environment, attacker: Attacker) -> UserCredentials:
    return UserCredentials(env.bystander.jwt, attacker.user.seed)


def _key_alone(_: Environment, attacker: Attacker) -> UserCredentials:
    return UserCredentials(seed=attacker.user.seed)


def _made_up(_: Environment, attacker: Attacker) -> UserCredentials:
    account, user = Key(KeyKind.ACCOUNT), Key(KeyKind.USER)
    return UserCredentials(user_jwt(account, user.public, attacker.name, issued=unix_seconds()), user.seed)


_SIGNED: Final = "a JWT holds what its signer signed: changed, it is nobody's"
_CHAIN: Final = (
    "accounts are signed by the operator, users by their account, and the attacker holds neither key"
)

ROWS: Final = (
    IdentityAttack(
        "edit_permissions", "to edit the lists of what it may say out of its JWT", _SIGNED, _edited(_wider)
    ),
    IdentityAttack(
        "edit_expiry", "to edit the end of its credentials out of its JWT", _SIGNED, _edited(_for_ever)
    ),
    IdentityAttack("edit_name", "to edit an operator's name into its JWT", _SIGNED, _edited(_renamed)),
    IdentityAttack("edit_bearer", "to make its JWT one that needs no key", _SIGNED, _edited(_bearer)),
    IdentityAttack("unsigned", "to have a JWT taken that says it needs no signature", _SIGNED, _unsigned),
    IdentityAttack(
        "sign_for_sim", "to sign itself a user of the services' account", _CHAIN, _resigned(_in_sim)
    ),
    IdentityAttack(
        "sign_account",
        "to sign itself a user of an account of its own making",
        _CHAIN,
        _resigned(_own_account),
    ),
    IdentityAttack(
        "sign_for_account",
        "to sign itself a user without lists in its own account",
        _CHAIN,
        _resigned(_as_issuer),
    ),
    IdentityAttack("self_made", "to connect with an account, a user and keys all its own", _CHAIN, _made_up),
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
        lambda env, _: env.powers.stolen_jwt(),
    ),
    IdentityAttack(
        "key_alone", "to connect with a key and no JWT", "the server knows no users but by JWT", _key_alone
    ),
    IdentityAttack(
        "no_credentials",
        "to connect as nobody",
        "the server knows no users but by JWT",
        lambda _, __: UserCredentials(),
    ),
    IdentityAttack(
        "stranger",
        "to connect with a key nobody signed",
        "the server knows no users but by JWT",
        lambda _, __: unsigned_credentials(),
    ),
    IdentityAttack(
        "password",
        "to guess a name and a password",
        "the server knows no users but by JWT",
        lambda _, __: UserCredentials(),
        (("user", "operator"), ("pass", "operator"), ("auth_token", "s3cr3t")),
    ),
    IdentityAttack(
        "name_account",
        "to ask for the services' account by name",
        "the account is the JWT's, whatever else is said",
        lambda _, __: UserCredentials(),
        (("account", "SIM"), ("new_account", True)),
    ),
    IdentityAttack(
        "expired",
        "to use credentials that have ended",
        "the server knows the time",
        lambda env, attacker: env.powers.expired_user(attacker.name),
    ),
)
"""Who one may say to be."""


async def replayed_signature(env: Environment, attacker: Attacker) -> AttackVerdict:
    """Overhear a whole handshake, and say it again on another connection."""
    async with dial(env.url) as first:
        said = attacker.user.connect_fields(str(first.info["nonce"]))
        taken = await first.connect(UserCredentials(), **said)
        async with dial(env.url) as second:
            other = first.info["nonce"] != second.info["nonce"]
            again = await second.connect(UserCredentials(), **said)
    return verdict_of(
        Check("the handshake was good", taken),
        Check("the next connection had another nonce", other),
        Check("said again it was refused", not again),
    )


async def second_connect(env: Environment, attacker: Attacker) -> AttackVerdict:
    """Say on a live connection that one is somebody else now."""
    from econsim import subjects  # noqa: PLC0415 - tried here only

    tried = subjects.RUN_CLOSED(run=env.run)
    env.sniffer.forget(attacker.name)
    async with env.connect(attacker.user) as raw:
        for said in (
            {"jwt": env.powers.stolen_jwt().jwt},
            {"user": "sys"},
            {"account": "SIM"},
            {"jwt": env.bystander.jwt, "sig": "AA"},
        ):
            await raw.send(b"CONNECT " + json.dumps({"verbose": False, **said}).encode() + CRLF)
        await raw.flush()
        await raw.publish(tried, attacker.name.encode())
        await raw.flush()
        still = raw.closed or refusal_check(raw, "publish", tried).holds
    return verdict_of(
        Check("it stayed who it was, or was hung up on", still),
        env.unseen_check(attacker, tried),
    )


ATTACKS: Final = (
    *(Attack(row.name, row.tries, row.reason, row.run) for row in ROWS),
    Attack(
        "replay_signature",
        "to use a handshake it overheard",
        "each connection has a nonce of its own",
        replayed_signature,
    ),
    Attack(
        "second_connect",
        "to become somebody else on a connection it has",
        "who one is was settled when the connection was made",
        second_connect,
    ),
)
"""All of them."""
