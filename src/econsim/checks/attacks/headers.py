"""Headers that have a meaning for JetStream or for a service, on messages an agent may send.

An order and a report are sent with each. The stored messages must have the two headers that econsim writes and no
others, and the header must have no effect.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final

from econsim import subjects
from econsim.checks.attacks.attack import Attack
from econsim.checks.attacks.environment import RESOURCE, Attacker, Environment, refusal_code
from econsim.checks.attacks.orders import entry, order
from econsim.checks.attacks.verdict import AttackVerdict, Check, verdict_of
from econsim.checks.raw_client import CRLF, RawClient, RawMessage
from econsim.domain.audit.envelope import DIGEST, digest

EVENT: Final = "headed"
"""Event of the report that is sent."""

MESSAGE_ID: Final = "Nats-Msg-Id"
"""Header with the message id of what econsim stores, beside the digest."""


@dataclass(frozen=True, slots=True)
class HeaderAttack:
    """Attack with headers that would have an effect."""

    name: str
    """Name of the attack."""
    tries: str
    """Goal of the attack."""
    lines: str
    """Header lines, `|` between them; `%target` is a forbidden subject, `%id` a victim's message id."""

    async def run(self, env: Environment, attacker: Attacker) -> AttackVerdict:
        """Send a report and an order with the headers, as a user without permission lists."""
        target = subjects.RUN_CLOSED(run=attacker.name)
        victims = await env.newest_message(subjects.AUDIT, subjects.TICKED(run=env.run))
        id_ = (victims.headers or {}).get(MESSAGE_ID, "") if victims else ""
        lines = self.lines.replace("%target", target).replace("%id", id_).replace("|", "\r\n").encode()
        before = await env.stream_states()
        async with env.connect(await env.powers.unrestricted_user(attacker.name)) as raw:
            report = await raw.request(env.report_subject(attacker, EVENT), b"{}", headers=lines)
            placed = await raw.request(entry(subjects.PLACE_BID), order(attacker.name), headers=lines)
            settled = await env.wait_until_processed(raw, attacker)
            refused = list(raw.errors)
        stored = await env.newest_report(attacker, EVENT)
        queued = env.sniffer.messages_about(attacker.name, env.queued_bid(attacker))
        unchanged = _settings(await env.stream_states()) == _settings(before)
        common = (
            Check("what came later was served too", settled),
            env.unseen_check(attacker, target),
            Check("no stream has other settings", unchanged),
        )
        codes = {refusal_code(report), refusal_code(placed)}
        if refused:
            return verdict_of(
                Check(f"the server refused both: {refused[0]}", codes == {"silence"}),
                Check("neither is stored", stored is None and not queued),
                *common,
            )
        return verdict_of(
            Check(f"report and order were taken as they are ({', '.join(codes)})", codes == {"admitted"}),
            Check(
                "the event has econsim's id and digest alone",
                stored is not None
                and _has_own_headers(stored.headers or {}, stored.subject or "", stored.data or b"{}"),
            ),
            Check(
                "the order in the queue has econsim's id and digest alone",
                len(queued) == 1 and _has_own_lines(queued[0], env, attacker),
            ),
            *common,
        )


def _settings(states: dict[str, tuple[str, int]]) -> dict[str, str]:
    return {stream: settings for stream, (settings, _) in states.items()}


def _has_own_headers(found: dict[str, str], subject: str, event: bytes) -> bool:
    return found == {MESSAGE_ID: json.loads(event).get("event_id"), DIGEST: digest(subject, event)}


def _has_own_lines(message: RawMessage, env: Environment, attacker: Attacker) -> bool:
    lines = [line for line in message.headers.split(CRLF)[1:] if line]
    return sorted(lines) == [
        f"{DIGEST}: {digest(message.subject, message.payload)}".encode(),
        f"{MESSAGE_ID}: {env.run}.{attacker.name}.c{attacker.name}".encode(),
    ]


ROWS: Final = (
    HeaderAttack("header_message_id", "to occupy the id of a victim's next message", f"{MESSAGE_ID}: %id"),
    HeaderAttack(
        "header_expected",
        "to have a message stored only at a sequence of its choice",
        "Nats-Expected-Stream: KV_agent_state|Nats-Expected-Last-Sequence: 0|Nats-Expected-Last-Subject-Sequence: 99",
    ),
    HeaderAttack("header_rollup", "to have a message replace everything before it", "Nats-Rollup: all"),
    HeaderAttack("header_ttl", "to have a message vanish from the log after a second", "Nats-TTL: 1s"),
    HeaderAttack(
        "header_schedule",
        "to have the server write on a subject of its choice later",
        "Nats-Schedule: @every 1s|Nats-Schedule-Target: %target|Nats-Schedule-TTL: 1s",
    ),
    HeaderAttack(
        "header_batch", "to open an atomic batch and hold it", "Nats-Batch-Id: held|Nats-Batch-Sequence: 1"
    ),
    HeaderAttack(
        "header_batch_commit",
        "to commit somebody's batch",
        "Nats-Batch-Id: held|Nats-Batch-Sequence: 2|Nats-Batch-Commit: 1",
    ),
    HeaderAttack("header_increment", "to increase a counter", "Nats-Incr: +1000000"),
    HeaderAttack(
        "header_trace",
        "to have the server publish where a message went on a subject of its choice",
        "Nats-Trace-Dest: %target",
    ),
    HeaderAttack(
        "header_request_info",
        "to claim to be somebody else's account",
        'Nats-Request-Info: {"acc":"SIM","name_tag":"operator"}',
    ),
    HeaderAttack(
        "header_marker",
        "to have its message count as a deletion in a bucket",
        "KV-Operation: PURGE|Nats-Marker-Reason: Purge",
    ),
    HeaderAttack(
        "header_source",
        "to have its message count as copied from the ledger",
        "Nats-Stream-Source: KV_agent_state 1 > >|Nats-Stream: KV_agent_state|Nats-Sequence: 1",
    ),
    HeaderAttack(
        "header_status",
        "to have its message count as a refusal of the server",
        "Status: 503|Description: No Responders|status: error",
    ),
)
"""Attacks, one for each effect of a header."""

ODD: Final = (
    b"no colon",
    b": no name",
    b"name\x00: nul",
    b"correlation_id: \xff\xfe",
    b"correlation_id: a\r\n Nats-Rollup: all",
    b"correlation_id: " + b"x" * 3_000,
    b"content-type: application/x-python-pickle",
    "correlation_id: grüße\u2028x".encode(),
    b"reply_to: system",
    b"A: 1\r\n" * 500,
)
"""Header blocks that break parsers, or that the framework reads."""


async def send_malformed_headers(env: Environment, attacker: Attacker) -> AttackVerdict:
    """Send requests and reports with malformed headers."""
    book = subjects.GET_BOOK.short.format(resource=RESOURCE)
    async with env.connect(attacker.user) as raw:
        for block in ODD:
            for subject in (env.report_subject(attacker, EVENT), BALANCE, book):
                await raw.request(subject, b"{}", 0.7, block)
        # A status line in place of the first header line: client libraries take it for a message of the server.
        for status in (b"100 Idle Heartbeat", b"503", b"408 Request Timeout"):
            await _send_status(raw, env.report_subject(attacker, EVENT), status)
        settled = await env.wait_until_processed(raw, attacker)
        balance = await raw.request(BALANCE, b"{}")
        errors = list(raw.errors)
    lost = [external.name for external in env.victims if external.reconnects()]
    return verdict_of(
        Check("the admission gateway serves on", settled),
        Check("the ledger serves on", balance is not None and attacker.name.encode() in balance.payload),
        Check(f"the server complained of {errors or 'nothing'}", not errors),
        Check(f"{lost or 'no victim'} lost a connection", not lost),
    )


async def _send_status(raw: RawClient, subject: str, status: bytes) -> None:
    head = b"NATS/1.0 " + status + CRLF + CRLF
    await raw.send(f"HPUB {subject} {len(head)} {len(head)}".encode() + CRLF + head + CRLF)


BALANCE: Final = subjects.GET_BALANCE.short
"""Request that shows whether services still serve."""

_REASON: Final = "the admission gateway writes a new message, with its own id and without the agent's headers"

ATTACKS: Final = (
    *(Attack(row.name, row.tries, _REASON, row.run) for row in ROWS),
    Attack(
        "header_malformed",
        "to break a service's parser with malformed headers",
        "the library parses headers before a service sees them, and no service depends on them",
        send_malformed_headers,
    ),
)
"""Attacks with headers."""
