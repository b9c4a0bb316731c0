"""Reading others' keys through the only read of JetStream that agents have: a direct get of their own keys."""

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
"""Payloads of direct gets by sequence or of many subjects."""

NAMES: Final = (
    *("state.balance", "state.holdings", "state.price.cpu", "state.tick", "state.closed"),
    "state.chunk.00.1",
)
"""Subjects on which the payloads are tried."""


@dataclass(frozen=True, slots=True)
class ReadingAttack:
    """Attack with one payload on every read."""

    name: str
    """Name of the payload."""
    body: dict[str, object]
    """Payload that is sent."""

    async def run(self, env: Environment, attacker: Attacker) -> AttackVerdict:
        """Request every subject with the payload, and one without."""
        text = json.dumps(self.body).replace("%run", env.run).replace("%victim", env.victims[0].name)
        async with env.connect(attacker.user) as raw:
            plain = await raw.request(NAMES[0])
            before = len(raw.messages)
            for name in NAMES:
                await raw.request(name, text.encode())
            leaked = [
                message
                for message in raw.messages[before:]
                if message.payload or _mentions_victim(message, env)
            ]
            answers = len(raw.messages) - before
        return verdict_of(
            Check("its own balance it may read", plain is not None and b"posted" in plain.payload),
            Check(f"the server answered {answers} of {len(NAMES)} with a status", answers == len(NAMES)),
            Check(f"{len(leaked) or 'none'} of the answers held a message", not leaked),
        )


def _mentions_victim(message: RawMessage, env: Environment) -> bool:
    text = message.headers + message.payload
    return any(f".{external.name}.".encode() in text for external in env.victims)


async def request_crafted_keys(env: Environment, attacker: Attacker) -> AttackVerdict:
    """Request subjects with wildcards or two tokens in place of a market's name."""
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
        own = await raw.request(NAMES[0])
    answered = [a for a in answers if a is not None and a.payload]
    public = all(
        b"Nats-Subject: $KV.market_prices." in a.headers and f".{env.run}\r".encode() in a.headers
        for a in answered
    )
    return verdict_of(
        Check("its own balance it may read", own is not None and b"posted" in own.payload),
        Check(f"{len(answered)} of {len(tried)} gave a public price of the run, nothing else", public),
        Check("no answer speaks of a victim", not any(_mentions_victim(a, env) for a in answers if a)),
    )


async def request_with_headers(env: Environment, attacker: Attacker) -> AttackVerdict:
    """Request the attacker's balance with the headers of a direct get's answer."""
    lines = b"Nats-Subject: $KV.agent_state.>\r\nNats-Sequence: 1\r\nNats-Stream: audit_log\r\nNats-Min-Last-Sequence: 0"
    async with env.connect(attacker.user) as raw:
        answer = await raw.request("state.balance", b"", headers=lines)
    subject = f"Nats-Subject: $KV.agent_state.{env.run}.{attacker.name}.balance".encode()
    return verdict_of(
        Check("the answer is its own balance", answer is not None and subject in answer.headers),
        Check("it speaks of no victim", answer is not None and not _mentions_victim(answer, env)),
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
        "a published wildcard is an ordinary token, within one bucket",
        request_crafted_keys,
    ),
    Attack(
        "read_headers",
        "to read others' keys with headers",
        "a direct get by subject ignores headers",
        request_with_headers,
    ),
)
"""Attacks on reads."""
