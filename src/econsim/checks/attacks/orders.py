"""Orders that must be refused before a market sees them: orders of others, and orders that are malformed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from econsim import subjects
from econsim.checks.attacks.attack import Attack
from econsim.checks.attacks.environment import RESOURCE, Attacker, Environment, refusal_code
from econsim.checks.attacks.verdict import AttackVerdict, Check, verdict_of
from econsim.schemas.subject import Subject

HUGE: Final = 2**128
"""Amount above every limit."""

Messages = list[tuple[str, bytes]]
"""Messages, as subject and body."""


def entry(row: Subject, resource: str = RESOURCE) -> str:
    """Return the subject of a command in an agent's account."""
    return subjects.ENTER_ORDER[row].short.format(resource=resource)


def order(number: int | str, price: object = 10_000, quantity: object = 1, **more: object) -> bytes:
    """Return the body of an order; `more` adds or replaces fields."""
    body = {"command_id": f"c{number}", "order_id": f"o{number}", "price": price, "quantity": quantity}
    return json.dumps(body | more).encode()


def execution(*actions: Mapping[str, object]) -> bytes:
    """Return the body of a request to execute actions."""
    return json.dumps({"actions": actions}).encode()


def bid_action(order_id: str) -> dict[str, object]:
    """Return the action of a request that places a bid."""
    return {"do": "place_bid", "resource": RESOURCE, "order_id": order_id, "price": 10_000, "quantity": 1}


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
    messages: Callable[[Environment], Messages]
    """Function that returns the messages."""

    async def run(self, env: Environment, attacker: Attacker) -> AttackVerdict:
        """Send each message and check its answer."""
        env.sniffer.forget(attacker.name)
        victim = env.victims[0]
        before, asked = await env.balance(attacker.name), self.messages(env)
        async with env.connect(attacker.user) as raw:
            answers = [await raw.request(subject, body) for subject, body in asked]
            settled = await env.wait_until_processed(raw, attacker)
        codes = {refusal_code(answer) for answer in answers}
        queued = env.sniffer.messages_about(
            attacker.name, *(row.pattern(run=env.run, agent=attacker.name) for row in subjects.ENTER_ORDER)
        )
        taken = [
            o for o, what, _ in victim.outcomes if what == "cancelled" and o not in victim.cancelled_orders
        ]
        return verdict_of(
            Check(
                f"{len(answers)} were refused, as {', '.join(sorted(codes))}",
                bool(codes) and codes <= {*self.codes},
            ),
            Check(f"{len(queued) or 'none'} reached a market", not queued),
            Check(
                f"{len(taken) or 'no'} orders of {victim.name} left the book without its command", not taken
            ),
            Check("the attacker's balance is what it was", before == await env.balance(attacker.name)),
            Check("what came later was served", settled),
        )


def _bids(bodies: Iterable[bytes]) -> Messages:
    return [(entry(subjects.PLACE_BID), body) for body in bodies]


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
_BAD_IDS: Final = ("*", ">", "../../x", "a.b.c", "", "x" * 65, "A", "<b>", "a b", "a\r\nb", "\x00")

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
        "every order id of an agent begins with its name",
        (_FOREIGN,),
        lambda env: _bids(order(n, order_id=f"{env.hosted_agent}.{n}") for n in range(3)),
    ),
    RefusedOrders(
        "squat_external",
        "to take an order id a victim is about to use",
        "every order id of an agent begins with its name",
        (_FOREIGN,),
        lambda env: [
            (entry(subjects.PLACE_BID), order("v", order_id=f"{env.victims[0].name}.next")),
            (entry(subjects.PLACE_ASK), order("w", order_id=_victims_order(env))),
        ],
    ),
    RefusedOrders(
        "cancel_another",
        "to cancel a victim's order",
        "a cancel must name an order of its sender",
        (_FOREIGN,),
        lambda env: [
            (entry(subjects.CANCEL_ORDER), json.dumps({"command_id": f"x{n}", "order_id": o}).encode())
            for n, o in enumerate(env.victims[0].placed_orders[-3:])
        ],
    ),
    RefusedOrders(
        "replace_another",
        "to replace a victim's order",
        "a replace must name orders of its sender",
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
                execution({"do": "cancel_order", "resource": RESOURCE, "order_id": _victims_order(env)}),
            )
        ],
    ),
    RefusedOrders(
        "place_by_execute",
        "to place an order under a victim's id as an action of several",
        "actions are checked as commands are",
        (_FOREIGN,),
        lambda env: [(subjects.EXECUTE.short, execution(bid_action(f"{env.victims[0].name}.e")))],
    ),
    RefusedOrders(
        "forge_agent_id",
        "to act as a victim by naming it in the message",
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
        lambda _: _bids(order(n, **bad) for n, bad in enumerate(_BAD)),
    ),
    RefusedOrders(
        "odd_ids",
        "to name orders so that subjects, keys or pages break",
        "ids are letters, digits, - and _",
        (_INVALID,),
        lambda _: _bids(order(n, order_id=bad) for n, bad in enumerate(_BAD_IDS)),
    ),
    RefusedOrders(
        "no_such_market",
        "to fill the queue with orders for a market that does not exist",
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
        "a published wildcard is an ordinary token, and no market has that name",
        ("subject_is_invalid",),
        lambda _: [
            (entry(subjects.PLACE_BID, name), order(n))
            for n, name in enumerate(("*", ">", "%", "Cpu", "cpu\u00a0"))
        ],
    ),
    RefusedOrders(
        "json_bombs",
        "to use up a service with bodies that are small and expensive to parse",
        "messages are read by schema, with limits on size and depth",
        (_INVALID, "message_is_too_large"),
        lambda _: [*_bids(BOMBS), *((subjects.GET_BALANCE.short, bomb) for bomb in BOMBS)],
    ),
)
"""Attacks whose messages the admission gateway must refuse."""


ATTACKS: Final = tuple(Attack(row.name, row.tries, row.reason, row.run) for row in ROWS)
"""Attacks with orders that are refused."""
