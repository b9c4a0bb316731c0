"""Bending the one reading of JetStream that agents have: a direct get of their own keys under `state.…`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final

from econsim.checks.attacks.attack import Attack
from econsim.checks.attacks.environment import Attacker, Environment
from econsim.checks.attacks.verdict import AttackVerdict, Check, verdict_of
from econsim.checks.raw_client import RawMessage

BODIES: Final[dict[str, dict[str, object]]] = {
    "multi_last": {"multi_last": ["$KV.agent_state.>"], "batch": 100},
    "sequence": {"seq": 1},
    "next_of": {"seq": 1, "next_by_subj": "$KV.agent_state.>"},
    "last_of": {"last_by_subj": "$KV.agent_state.%run.%victim.balance"},
    "batch": {"seq": 1, "batch": 1_000},
    "up_to_time": {"multi_last": ["$KV.agent_state.>"], "up_to_time": "2099-01-01T00:00:00Z"},
    "start_time": {"start_time": "2000-01-01T00:00:00Z", "batch": 1_000},
}
"""Payloads that a direct get by sequence or of many subjects would take."""

NAMES: Final = ("state.balance", "state.holdings", "state.price.cpu", "state.tick", "state.closed")
"""Where they are tried."""


@dataclass(frozen=True, slots=True)
class ReadingAttack:
    """One payload, tried on every reading."""

    name: str
    body: dict[str, object]

    async def run(self, env: Environment, attacker: Attacker) -> AttackVerdict:
        """Ask every reading with the payload, and once without."""
        text = json.dumps(self.body).replace("%run", env.run).replace("%victim", env.victims[0].name)
        async with env.connect(attacker.user) as raw:
            plain = await raw.request(NAMES[0])
            heard = len(raw.messages)
            for name in NAMES:
                await raw.request(name, text.encode())
            leaked = [said for said in raw.messages[heard:] if said.payload or _foreign(said, env)]
            answers = len(raw.messages) - heard
        return verdict_of(
            Check("its own balance it may read", plain is not None and b"posted" in plain.payload),
            Check(f"the server answered {answers} of {len(NAMES)} with a status", answers == len(NAMES)),
            Check(f"{len(leaked) or 'none'} of the answers held a message", not leaked),
        )


def _foreign(said: RawMessage, env: Environment) -> bool:
    text = said.headers + said.payload
    return any(f".{external.name}.".encode() in text for external in env.victims)


async def crafted_keys(env: Environment, attacker: Attacker) -> AttackVerdict:
    """Put wildcards, and more than a token, where the name of a market stands."""
    tried = [
        "state.price.*",
        "state.price.>",
        f"state.price.{env.run}",
        "state.price.*.*",
        "state.*",
        "state.>",
    ]
    async with env.connect(await env.powers.unrestricted_user(attacker.name)) as raw:
        answers = [await raw.request(name, b"", 0.5) for name in tried]
    held = [a for a in answers if a is not None and a.payload]
    public = all(
        b"Nats-Subject: $KV.market_prices." in a.headers and f".{env.run}\r".encode() in a.headers
        for a in held
    )
    return verdict_of(
        Check(f"{len(held)} of {len(tried)} gave a public price of the run, nothing else", public),
        Check("no answer speaks of a victim", not any(_foreign(a, env) for a in answers if a)),
    )


async def headers(env: Environment, attacker: Attacker) -> AttackVerdict:
    """Ask for one's own balance with headers that change what a direct get returns."""
    lines = b"Nats-Subject: $KV.agent_state.>\r\nNats-Sequence: 1\r\nNats-Stream: audit_log\r\nNats-Min-Last-Sequence: 0"
    async with env.connect(attacker.user) as raw:
        answer = await raw.request("state.balance", b"", headers=lines)
    subject = f"Nats-Subject: $KV.agent_state.{env.run}.{attacker.name}.balance".encode()
    return verdict_of(
        Check("the answer is its own balance", answer is not None and subject in answer.headers),
        Check("it speaks of no victim", answer is not None and not _foreign(answer, env)),
    )


_REASON: Final = (
    "the subject names the one key, the import pins it, and with a payload the server refuses the request"
)

ATTACKS: Final = (
    *(
        Attack(
            f"read_{name}",
            f"to read others' keys through its own with a payload ({name})",
            _REASON,
            ReadingAttack(name, body).run,
        )
        for name, body in BODIES.items()
    ),
    Attack(
        "read_crafted",
        "to read others' keys with wildcards in the name of a reading",
        "a wildcard that is published is a word like any other, in one token of one bucket",
        crafted_keys,
    ),
    Attack(
        "read_headers",
        "to read others' keys with headers",
        "a direct get by subject goes by nothing but its subject",
        headers,
    ),
)
"""All of them."""
