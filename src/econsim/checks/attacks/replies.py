"""Steering an answer: the reply subject of a request makes a service, a stream or the server publish elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from econsim import subjects
from econsim.adapters.jetstream.order_consumers import book_name
from econsim.checks.attacks.attack import Attack
from econsim.checks.attacks.environment import RESOURCE, Attacker, Environment
from econsim.checks.attacks.orders import entry, execution
from econsim.checks.attacks.verdict import AttackVerdict, Check, raw_subject, verdict_of
from econsim.subjects import ORDERS

WAIT_S: Final = 0.5
"""Seconds in which a misdirected answer would arrive."""


@dataclass(frozen=True, slots=True)
class ReplyAttack:
    """Attack that directs answers to one subject."""

    name: str
    """Name of the attack."""
    tries: str
    """Goal of the attack."""
    target: Callable[[Environment, Attacker], str]
    """Function that returns the subject to which answers are directed."""

    async def run(self, env: Environment, attacker: Attacker) -> AttackVerdict:
        """Send every request an agent may send, with the target as the reply subject."""
        target = self.target(env, attacker)
        requests = _requests(env, attacker)
        env.sniffer.forget(attacker.name)
        async with env.connect(await env.powers.unrestricted_user(attacker.name)) as raw:
            for subject, payload in requests:
                await raw.publish(subject, payload, target)
            settled = await env.wait_until_processed(raw, attacker)
            complaints = len(raw.errors)
        await env.sniffer.wait_until(lambda: bool(env.sniffer.messages_about(attacker.name, target)), WAIT_S)
        return verdict_of(
            Check(
                f"a request after {len(requests)} others, {complaints} of them refused for the reply alone, was answered",
                settled,
            ),
            env.unseen_check(attacker, target),
            Check(
                "nothing of it reached the system account",
                not env.system_sniffer.messages_about(attacker.name, target),
            ),
        )


def _requests(env: Environment, attacker: Attacker) -> list[tuple[str, bytes]]:
    shorts = (subjects.GET_BALANCE.short, subjects.GET_PRICES.short, subjects.INVOKE_LLM.short)
    return [
        *((short, b"{}") for short in shorts),
        (subjects.GET_BOOK.short.format(resource=RESOURCE), b"{}"),
        (subjects.EXECUTE.short, execution({"do": "get_balance"})),
        (entry(subjects.PLACE_BID), b"{}"),
        (env.report_subject(attacker, "asked"), b"{}"),
        *(
            (name, b"")
            for name in ("state.balance", "state.status", "state.tick", "state.closed", "state.price.cpu")
        ),
    ]


ROWS: Final = (
    ReplyAttack(
        "reply_to_ledger",
        "to have an answer taken for a submission to the ledger",
        lambda env, attacker: subjects.SUBMIT(run=env.run, agent=attacker.name),
    ),
    ReplyAttack(
        "reply_to_queue",
        "to have an answer stored as an order",
        lambda env, attacker: env.queued_bid(attacker),
    ),
    ReplyAttack(
        "reply_to_log",
        "to have an answer stored as an event",
        lambda env, attacker: subjects.REPORTED(agent=attacker.name, event="answered", run=env.run),
    ),
    ReplyAttack(
        "reply_to_system",
        "to have an answer taken for the end of a run",
        lambda _, attacker: subjects.RUN_CLOSED(run=attacker.name),
    ),
    ReplyAttack(
        "reply_to_admin",
        "to have an answer taken for an operator's command",
        lambda _, attacker: subjects.CLOSE_RUN(operator=attacker.name),
    ),
    ReplyAttack(
        "reply_to_bucket",
        "to have an answer written into the ledger's bucket",
        lambda env, attacker: raw_subject("$KV", "agent_state", env.run, attacker.name, "balance"),
    ),
    ReplyAttack(
        "reply_to_ack",
        "to have an answer acknowledge somebody's order",
        lambda env, attacker: raw_subject(
            "$JS", "ACK", ORDERS, book_name(env.run, RESOURCE), "1", "1", "1", "1", attacker.name
        ),
    ),
    ReplyAttack(
        "reply_to_inbox",
        "to have an answer come out in a service's inbox",
        lambda _, attacker: raw_subject("_INBOX", "market", attacker.name),
    ),
    ReplyAttack(
        "reply_to_response",
        "to have an answer come out at the server's own reply subjects",
        lambda _, attacker: raw_subject("_R_", attacker.name, "a"),
    ),
    ReplyAttack(
        "reply_to_api",
        "to have an answer taken for a request to JetStream",
        lambda _, attacker: raw_subject("$JS", "API", "STREAM", "DELETE", attacker.name),
    ),
    ReplyAttack(
        "reply_to_server",
        "to have an answer taken for a claim about accounts",
        lambda _, attacker: raw_subject("$SYS", "REQ", "CLAIMS", "UPDATE", attacker.name),
    ),
    ReplyAttack(
        "reply_to_delivery",
        "to have an answer come out as a delivery",
        lambda env, attacker: raw_subject("market", RESOURCE, "trade_executed", env.run, attacker.name),
    ),
)
"""Attacks, one for each target."""

_REASON: Final = (
    "a request that crosses accounts has a reply subject of the server's own, and services answer no other"
)

ATTACKS: Final = tuple(Attack(row.name, row.tries, _REASON, row.run) for row in ROWS)
"""Attacks with reply subjects."""
