"""Publishing where an agent may not: JetStream's API, and subjects of others, of the system and of operators.

Each is tried twice. With the agent's own credentials the server must answer with a refusal; as a user without
permission lists, in an account with the same imports, it must have no effect: the account's imports suffice.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from econsim import subjects
from econsim.adapters.jetstream.order_consumers import book_name
from econsim.checks.attacks.attack import Attack
from econsim.checks.attacks.environment import RESOURCE, Attacker, Environment, refusal_check
from econsim.checks.attacks.verdict import AttackVerdict, Check, raw_subject, verdict_of
from econsim.schemas.subject import Subject
from econsim.streams.buckets import bucket
from econsim.subjects import AUDIT, ORDERS

SubjectFunction = Callable[[Environment, Attacker], str]
"""Function that returns the subject."""

_API: Final = "$JS.API"
_STATE: Final = bucket("agent_state")
_PERMANENT: Final = (AUDIT, _STATE, "dead_letter")
"""Streams that never lose their first message by themselves."""


@dataclass(frozen=True, slots=True)
class PublishAttack:
    """Attack that publishes to a forbidden subject."""

    name: str
    """Name of the attack."""
    tries: str
    """Goal of the attack."""
    subject: SubjectFunction
    """Function that returns the subject."""
    body: str = "{}"
    """Message that is published; `%me` is the attacker's name, `%run` the run."""

    async def run(self, env: Environment, attacker: Attacker) -> AttackVerdict:
        """Publish as the attacker, and as a user without permission lists."""
        subject = self.subject(env, attacker)
        body = self.body.replace("%me", attacker.name).replace("%run", env.run)
        # The sniffers recognise the message by the attacker's name.
        payload = f"{body} " if attacker.name in body else f"{body} {attacker.name}"
        before = await env.stream_states()
        env.sniffer.forget(attacker.name)
        refused_check = await self._check_refusal(env, attacker, subject, payload.encode())
        arrived = await self._publish_unrestricted(env, attacker, subject, payload.encode())
        after = await env.stream_states()
        changed = [name for name in _PERMANENT if before.get(name) != after.get(name)]
        received = env.system_sniffer.messages_about(attacker.name, subject)
        return verdict_of(
            refused_check,
            Check("a permitted message beside it arrived", arrived),
            env.unseen_check(attacker, subject),
            Check("nothing of it reached the system account", not received),
            Check(f"streams are as they were {' '.join(changed)}".strip(), not changed),
        )

    async def _check_refusal(
        self, env: Environment, attacker: Attacker, subject: str, payload: bytes
    ) -> Check:
        async with env.connect(attacker.user) as raw:
            await raw.publish(subject, payload, f"_INBOX.{attacker.name}")
            await raw.flush()
            return refusal_check(raw, "publish", subject)

    async def _publish_unrestricted(
        self, env: Environment, attacker: Attacker, subject: str, payload: bytes
    ) -> bool:
        async with env.connect(await env.powers.unrestricted_user(attacker.name)) as raw:
            await raw.publish(subject, payload, f"_INBOX.{attacker.name}")
            return await env.wait_until_processed(raw, attacker)


def _subject(*tokens: str) -> SubjectFunction:
    return lambda _, __: raw_subject(*tokens)


def _run_subject(row: Subject, agent: str = "%victim", **places: str) -> SubjectFunction:
    """Return a function for a subject of the run; by default a victim is its agent."""

    def where(env: Environment, attacker: Attacker) -> str:
        who = {"%victim": env.victims[0].name, "%me": attacker.name}.get(agent, agent)
        values = {"run": env.run, "resource": RESOURCE, "agent": who, **places}
        return row(**{place: values[place] for place in row.places})

    return where


def _bucket_subject(name: str, key: str) -> SubjectFunction:
    return lambda env, attacker: f"$KV.{name}.{key}".replace("%run", env.run).replace("%me", attacker.name)


_ORDER: Final = '{"command_id":"%me","order_id":"o","price":1000000,"quantity":1}'
_MINT: Final = json.dumps(
    {
        "command_id": "%me",
        "tick": 1,
        "chains": [
            {
                "id": "%me",
                "cause": "%me",
                "transfers": [
                    {
                        "id": "%me",
                        "kind": "transfer",
                        "debit": "treasury",
                        "credit": "%me",
                        "asset": "credits",
                        "amount": 10**9,
                    }
                ],
            }
        ],
    }
)
_ALL: Final = '{"name":"%me","subjects":[">"]}'

ROWS: Final = (
    PublishAttack(
        "stream_create",
        "to make a stream that captures everything",
        _subject(_API, "STREAM", "CREATE", "spy"),
        _ALL,
    ),
    PublishAttack(
        "stream_update",
        "to change the settings of the log, so that it accepts a rollup",
        _subject(_API, "STREAM", "UPDATE", AUDIT),
        '{"name":"audit_log","allow_rollup_hdrs":true,"x":"%me"}',
    ),
    PublishAttack("stream_delete", "to delete the log", _subject(_API, "STREAM", "DELETE", AUDIT)),
    PublishAttack(
        "stream_purge", "to empty the queue of everybody's orders", _subject(_API, "STREAM", "PURGE", ORDERS)
    ),
    PublishAttack(
        "message_delete",
        "to delete an event from the log",
        _subject(_API, "STREAM", "MSG", "DELETE", AUDIT),
        '{"seq":1}',
    ),
    PublishAttack(
        "message_get",
        "to read any message of the ledger's bucket",
        _subject(_API, "STREAM", "MSG", "GET", _STATE),
        '{"seq":1}',
    ),
    PublishAttack(
        "direct_get_many",
        "to read everybody's balances in one request",
        _subject(_API, "DIRECT", "GET", _STATE),
        '{"multi_last":["$KV.agent_state.>"],"batch":100}',
    ),
    PublishAttack(
        "direct_get_another",
        "to read a victim's balance",
        lambda env, _: raw_subject(
            _API, "DIRECT", "GET", _STATE, "$KV", "agent_state", env.run, env.victims[0].name, "balance"
        ),
    ),
    PublishAttack(
        "consumer_create",
        "to have the log delivered to itself",
        _subject(_API, "CONSUMER", "CREATE", AUDIT),
        '{"stream_name":"audit_log","config":{"deliver_subject":"_INBOX.%me","ack_policy":"none"}}',
    ),
    PublishAttack(
        "consumer_next",
        "to take orders off the queue of a book",
        lambda env, _: raw_subject(_API, "CONSUMER", "MSG", "NEXT", ORDERS, book_name(env.run, RESOURCE)),
        '{"batch":10}',
    ),
    PublishAttack(
        "acknowledge",
        "to acknowledge another agent's order before its market has processed it",
        lambda env, _: raw_subject(
            "$JS", "ACK", ORDERS, book_name(env.run, RESOURCE), "1", "1", "1", "1", "0"
        ),
    ),
    PublishAttack(
        "balance_write",
        "to write its own balance into the ledger's bucket",
        _bucket_subject("agent_state", "%run.%me.balance"),
        '{"posted":9007199254740991,"pending":0}',
    ),
    PublishAttack(
        "lease_steal",
        "to take the lease of a book's writer",
        _bucket_subject("leases", f"book.%run.{RESOURCE}"),
    ),
    PublishAttack(
        "quota_write",
        "to raise its own quotas",
        _bucket_subject("quotas", "%run.%me"),
        '{"max_publish_rate":1000000}',
    ),
    PublishAttack(
        "counter_poison",
        "to use up a victim's quota",
        lambda env, _: raw_subject("quota", "publish_rate", env.run, env.victims[0].name, "1"),
        "+1000000",
    ),
    PublishAttack(
        "price_write", "to set a market's price", _bucket_subject("market_prices", f"{RESOURCE}.%run")
    ),
    PublishAttack(
        "dead_letter_plant",
        "to store a dead letter that an operator would put back into the queue",
        lambda env, attacker: raw_subject(
            "dead_letter", subjects.PLACE_BID(resource=RESOURCE, run=env.run, agent=attacker.name)
        ),
        _ORDER,
    ),
    PublishAttack("run_close", "to announce the end of the run", _run_subject(subjects.RUN_CLOSED)),
    PublishAttack("tick_forge", "to open a tick", _run_subject(subjects.TICKED)),
    PublishAttack("suspend_another", "to have a victim suspended", _run_subject(subjects.AGENT_SUSPENDED)),
    PublishAttack(
        "admin_close",
        "to end the run as an operator",
        lambda _, __: subjects.CLOSE_RUN(operator="operator"),
        '{"run":"%run"}',
    ),
    PublishAttack(
        "admin_quota",
        "to raise its quotas as an operator",
        lambda _, __: subjects.SET_QUOTA(operator="operator"),
        '{"run":"%run","agent":"%me","update":{"max_publish_rate":1000000}}',
    ),
    PublishAttack(
        "admin_letter",
        "to put a dead letter back as an operator",
        lambda _, __: subjects.RETRY_LETTER(operator="operator"),
        '{"sequence":1}',
    ),
    PublishAttack(
        "mint_money",
        "to have the ledger move the treasury's money to itself",
        _run_subject(subjects.SUBMIT, "market"),
        _MINT,
    ),
    PublishAttack(
        "close_tick",
        "to close a tick as the clock",
        _run_subject(subjects.CLOSE_TICK, "clock"),
        '{"command_id":"%me","tick":9,"period":1,"tick_of_period":9,"close_period":true}',
    ),
    PublishAttack(
        "place_orders",
        "to place orders for all agents of a host",
        _run_subject(subjects.PLACE_ORDERS, "host_1"),
        '{"command_id":"%me","tick":1,"actions":[]}',
    ),
    PublishAttack(
        "order_as_another", "to place an order as a victim", _run_subject(subjects.PLACE_BID), _ORDER
    ),
    PublishAttack(
        "order_unadmitted",
        "to place its own order past the admission gateway and its quotas",
        _run_subject(subjects.PLACE_BID, "%me"),
        _ORDER,
    ),
    PublishAttack(
        "order_elsewhere",
        "to place an order in a run it is not in",
        lambda env, attacker: subjects.PLACE_BID(resource=RESOURCE, run=env.other_run, agent=attacker.name),
        _ORDER,
    ),
    PublishAttack(
        "wildcard_place_bid",
        "to place a bid on all markets and in all runs with a wildcard",
        lambda _, attacker: raw_subject("market", "*", "place_bid", "*", attacker.name),
        _ORDER,
    ),
    PublishAttack(
        "report_as_another",
        "to report as a victim",
        lambda env, _: raw_subject("agent", env.victims[0].name, "noted"),
    ),
    PublishAttack(
        "event_forge",
        "to write a forged event into the log",
        lambda env, attacker: subjects.REPORTED(agent=attacker.name, event="enriched", run=env.run),
    ),
    PublishAttack(
        "delivery_forge", "to tell a victim that its order traded", _run_subject(subjects.ORDER_OUTCOME[3])
    ),
    PublishAttack("broadcast_forge", "to tell everybody a false price", _run_subject(subjects.ALL_PRICES)),
    PublishAttack(
        "inbox_of_service",
        "to send commands to a book past the queue",
        lambda env, _: raw_subject("_INBOX", "market", book_name(env.run, RESOURCE), "any"),
        _ORDER,
    ),
    PublishAttack(
        "inbox_of_another",
        "to answer a victim's request instead of a service",
        lambda env, _: raw_subject("_INBOX", env.victims[0].name),
    ),
    PublishAttack(
        "response_forge", "to answer through the server's own reply subjects", _subject("_R_", "a", "b")
    ),
    PublishAttack(
        "trace_forge", "to write spans into the trace", _subject("trace", "market", "cpu", "span_started")
    ),
    PublishAttack(
        "claims_update",
        "to ask the server for more imports",
        _subject("$SYS", "REQ", "CLAIMS", "UPDATE"),
        "e30.e30.%me",
    ),
    PublishAttack(
        "claims_delete",
        "to have a victim's account deleted",
        _subject("$SYS", "REQ", "CLAIMS", "DELETE"),
        "e30.e30.%me",
    ),
    PublishAttack(
        "server_ping",
        "to have the server list the connections of all accounts",
        _subject("$SYS", "REQ", "SERVER", "PING", "CONNZ"),
    ),
    PublishAttack(
        "server_kick",
        "to have a service's connection closed",
        _subject("$SYS", "REQ", "SERVER", "PING", "KICK"),
        '{"cid":1,"x":"%me"}',
    ),
)
"""Attacks, one for each subject."""

_REASON: Final = "the account imports no such subject, so nobody receives it; the user's permission list only makes the refusal visible"

ATTACKS: Final = tuple(Attack(row.name, row.tries, _REASON, row.run) for row in ROWS)
"""Attacks that publish."""
