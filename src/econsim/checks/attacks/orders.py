"""Orders that must be refused before a market sees them: orders of others, and orders that are malformed."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from econsim import subjects
from econsim.checks.attacks.attack import Attack
from econsim.checks.attacks.environment import RESOURCE, Attacker, Environment
from econsim.checks.attacks.verdict import AttackVerdict, Check, verdict_of
from econsim.schemas.subject import Subject

HUGE: Final = 2**128
"""Amount above every limit."""


def entry(row: Subject, resource: str = RESOURCE) -> str:
    """Return the subject of a command in an agent's account."""
    return subjects.ENTER_ORDER[row].short.format(resource=resource)


def order(number: int | str, price: int = 10_000, quantity: int = 1, **more: object) -> bytes:
    """Return the body of an order; `more` adds or replaces fields."""
    body = {"command_id": f"c{number}", "order_id": f"o{number}", "price": price, "quantity": quantity}
    return json.dumps(body | more).encode()


def _changed_order(number: int, fields: dict[str, object]) -> bytes:
    return json.dumps(json.loads(order(number)) | fields).encode()


def _actions(*actions: dict[str, object]) -> bytes:
    return json.dumps({"actions": actions}).encode()


@dataclass(frozen=True, slots=True)
class RefusedOrders:
    """Attack with messages that must each be refused before a market sees them."""

    name: str
    """Name of the attack."""
    tries: str
    """Goal of the attack."""
    reason: str
    """Reason why the attack fails."""
    codes: Sequence[str]
    """Codes of refusal that are expected."""
    messages: Callable[[Environment], list[tuple[str, bytes]]]
    """Function that returns the messages, as subject and body."""

    async def run(self, env: Environment, attacker: Attacker) -> AttackVerdict:
        """Send each message and check its answer."""
        env.sniffer.forget(attacker.name)
        victim = env.victims[0]
        before, asked = await env.balance(attacker.name), self.messages(env)
        async with env.connect(attacker.user) as raw:
            answers = [await raw.request(subject, body) for subject, body in asked]
            settled = await env.wait_until_processed(raw, attacker)
        codes = [_refusal(answer.payload) if answer else "silence" for answer in answers]
        wrong = [code for code in codes if code not in self.codes]
        queued = env.sniffer.messages_about(
            attacker.name, *(row.pattern(run=env.run, agent=attacker.name) for row in subjects.ENTER_ORDER)
        )
        taken = [
            o for o, what, _ in victim.outcomes if what == "cancelled" and o not in victim.cancelled_orders
        ]
        return verdict_of(
            Check(f"{len(codes)} were refused, as {', '.join(sorted(set(codes)))}", not wrong),
            Check(f"{len(queued) or 'none'} reached a market", not queued),
            Check(
                f"{len(taken) or 'no'} orders of {victim.name} came off the book without its doing", not taken
            ),
            Check("the attacker's balance is what it was", before == await env.balance(attacker.name)),
            Check("what came later was served", settled),
        )


def _refusal(payload: bytes) -> str:
    """Return the code of a refusal, or of the first result's refusal; `admitted` without one."""
    body = json.loads(payload)
    refusal = body.get("refusal") or body.get("error") or (body.get("results") or [{}])[0].get("error")
    return str(refusal["code"]) if refusal else "admitted"


def _victims_order(env: Environment) -> str:
    """Return the newest order that a victim placed."""
    return env.victims[0].placed_orders[-1]


_FOREIGN: Final = "order_belongs_to_another_agent"
_INVALID: Final = "message_is_invalid"
_BAD: Final[tuple[dict[str, object], ...]] = (
    {"price": -1},
    {"price": 0},
    {"price": HUGE},
    {"price": 1.5},
    {"price": "10000"},
    {"price": True},
    {"price": None},
    {"quantity": -5},
    {"quantity": 0},
    {"quantity": HUGE},
    {"quantity": 1e300},
    {"quantity": [1]},
)

BOMBS: Final = (
    b"[" * 60_000,
    b'{"a":' * 8_000,
    b'{"price":' + b"9" * 60_000 + b"}",
    b'{"command_id":"' + b"x" * 60_000 + b'"}',
    b"{" + b",".join(b'"k%d":1' % n for n in range(4_000)) + b"}",
    b'{"command_id":"\xff\xfe"}',
    b'{"command_id":"\\ud800"}',
    b"\x00" * 2_000,
)
"""Bodies that are small, and expensive for a careless parser."""

ROWS: Final = (
    RefusedOrders(
        "squat_hosted",
        "to take an order id a hosted agent is about to use",
        "an agent's ids stand under its own name",
        (_FOREIGN,),
        lambda env: [
            (entry(subjects.PLACE_BID), order(n, order_id=f"{env.hosted_agent}.{n}")) for n in range(3)
        ],
    ),
    RefusedOrders(
        "squat_external",
        "to take an order id a victim is about to use",
        "an agent's ids stand under its own name",
        (_FOREIGN,),
        lambda env: [
            (entry(subjects.PLACE_BID), order("v", order_id=f"{env.victims[0].name}.next")),
            (entry(subjects.PLACE_ASK), order("w", order_id=_victims_order(env))),
        ],
    ),
    RefusedOrders(
        "cancel_another",
        "to cancel a victim's order",
        "a cancel names an order of its sender's",
        (_FOREIGN,),
        lambda env: [
            (entry(subjects.CANCEL_ORDER), json.dumps({"command_id": f"x{n}", "order_id": o}).encode())
            for n, o in enumerate(env.victims[0].placed_orders[-3:])
        ],
    ),
    RefusedOrders(
        "replace_another",
        "to replace a victim's order",
        "a replace names orders of its sender's",
        (_FOREIGN,),
        lambda env: [
            (entry(subjects.REPLACE_ORDER), order("r", order_id=_victims_order(env), new_order_id="mine")),
            (entry(subjects.REPLACE_ORDER), order("q", order_id="mine", new_order_id=_victims_order(env))),
        ],
    ),
    RefusedOrders(
        "cancel_by_execute",
        "to cancel a victim's order as an action of several",
        "actions are checked as commands are",
        (_FOREIGN,),
        lambda env: [
            (
                subjects.EXECUTE.short,
                _actions({"do": "cancel_order", "resource": RESOURCE, "order_id": _victims_order(env)}),
            )
        ],
    ),
    RefusedOrders(
        "place_by_execute",
        "to place an order under a victim's id as an action of several",
        "actions are checked as commands are",
        (_FOREIGN,),
        lambda env: [
            (
                subjects.EXECUTE.short,
                _actions(
                    {
                        "do": "place_bid",
                        "resource": RESOURCE,
                        "price": 10_000,
                        "quantity": 1,
                        "order_id": f"{env.victims[0].name}.e",
                    }
                ),
            )
        ],
    ),
    RefusedOrders(
        "forge_agent_id",
        "to act as a victim by saying so in the message",
        "identity is the subject's last token, which the server writes",
        ("agent_id_does_not_match_subject",),
        lambda env: [
            (entry(subjects.PLACE_BID), order("f", agent_id=env.victims[0].name)),
            (subjects.GET_BALANCE.short, json.dumps({"agent_id": env.victims[0].name}).encode()),
        ],
    ),
    RefusedOrders(
        "odd_amounts",
        "to place orders of negative, huge, fractional or no amounts",
        "amounts are whole numbers within limits, or the message is refused",
        (_INVALID,),
        lambda _: [(entry(subjects.PLACE_BID), _changed_order(n, bad)) for n, bad in enumerate(_BAD)],
    ),
    RefusedOrders(
        "odd_ids",
        "to name orders so that subjects, keys or pages break",
        "ids are letters, digits, - and _",
        (_INVALID,),
        lambda _: [
            (entry(subjects.PLACE_BID), order(n, order_id=bad))
            for n, bad in enumerate(
                ("*", ">", "../../x", "a.b.c", "", "x" * 65, "A", "<b>", "a b", "a\r\nb", "\x00")
            )
        ],
    ),
    RefusedOrders(
        "no_such_market",
        "to have orders pile up for a market nobody serves",
        "the admission gateway knows the markets of a run",
        ("market_is_not_in_this_run",),
        lambda _: [
            (entry(subjects.PLACE_BID, name), order(n))
            for n, name in enumerate(("gold", "ledger", "account", "prices", "clock"))
        ],
    ),
    RefusedOrders(
        "wildcard_market",
        "to place one bid on all markets",
        "a wildcard that is published is a word like any other, and no market's name",
        ("subject_is_invalid",),
        lambda _: [
            (entry(subjects.PLACE_BID, name), order(n))
            for n, name in enumerate(("*", ">", "%", "Cpu", "cpu\u00a0"))
        ],
    ),
    RefusedOrders(
        "json_bombs",
        "to use up a service with what is small and expensive to read",
        "messages are read by schema, up to a size, to a depth",
        (_INVALID, "message_is_too_large"),
        lambda _: (
            [(entry(subjects.PLACE_BID), bomb) for bomb in BOMBS]
            + [(subjects.GET_BALANCE.short, bomb) for bomb in BOMBS]
        ),
    ),
)
"""Attacks whose messages the admission gateway must refuse."""


ATTACKS: Final = tuple(Attack(row.name, row.tries, row.reason, row.run) for row in ROWS)
"""Attacks with orders that are refused."""
