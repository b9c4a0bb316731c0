"""Orders that are another's, or that would make something out of nothing."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from econsim import subjects
from econsim.checks.attacks.attack import Attack
from econsim.checks.attacks.environment import RESOURCE, Attacker, Environment
from econsim.checks.attacks.verdict import AttackVerdict, Check, verdict_of
from econsim.checks.raw_client import RawClient
from econsim.schemas.subject import Subject

HUGE: Final = 2**128
MOST: Final = 4_000_000
"""The market's highest price, in micro-credits."""


def entry(row: Subject, resource: str = RESOURCE) -> str:
    """Return what a command is called in an agent's account."""
    return subjects.ENTER_ORDER[row].short.format(resource=resource)


def order(number: int | str, price: int = 10_000, quantity: int = 1, **more: object) -> bytes:
    """Return an order as it goes over the wire."""
    body = {"command_id": f"c{number}", "order_id": f"o{number}", "price": price, "quantity": quantity}
    return json.dumps(body | more).encode()


def _actions(*actions: dict[str, object]) -> bytes:
    return json.dumps({"actions": actions}).encode()


@dataclass(frozen=True, slots=True)
class Row:
    """Messages that must each be refused with one of these codes, before a market sees them."""

    name: str
    tries: str
    reason: str
    codes: Sequence[str]
    messages: Callable[[Environment], list[tuple[str, bytes]]]

    async def run(self, env: Environment, attacker: Attacker) -> AttackVerdict:
        """Send each and read the answer."""
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
    """Return the code of a refusal, also of one action in a list of results."""
    body = json.loads(payload)
    told = body.get("refusal") or body.get("error") or (body.get("results") or [{}])[0].get("error")
    return str(told["code"]) if told else "admitted"


def _resting(env: Environment) -> str:
    """Return a victim's order that rests, or the newest it placed."""
    return env.victims[0].placed_orders[-1]


_FOREIGN: Final = "order_belongs_to_another_agent"
_INVALID: Final = "message_is_invalid"
_BAD: Final[tuple[dict[str, object], ...]] = (
    {"price": -1}, {"price": 0}, {"price": HUGE}, {"price": 1.5}, {"price": "10000"}, {"price": True}, {"price": None},
    {"quantity": -5}, {"quantity": 0}, {"quantity": HUGE}, {"quantity": 1e300}, {"quantity": [1]},
)  # fmt: skip

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
"""Small, and expensive for a careless reader."""

ROWS: Final = (
    Row("squat_hosted", "to take an order id a hosted agent is about to use", "an agent's ids stand under its own name", (_FOREIGN,),
        lambda s: [(entry(subjects.PLACE_BID), order(n, order_id=f"{s.hosted_agent}.{n}")) for n in range(3)]),
    Row("squat_external", "to take an order id a victim is about to use", "an agent's ids stand under its own name", (_FOREIGN,),
        lambda s: [(entry(subjects.PLACE_BID), order("v", order_id=f"{s.victims[0].name}.next")), (entry(subjects.PLACE_ASK), order("w", order_id=_resting(s)))]),
    Row("cancel_another", "to cancel a victim's order", "a cancel names an order of its sender's", (_FOREIGN,),
        lambda s: [(entry(subjects.CANCEL_ORDER), json.dumps({"command_id": f"x{n}", "order_id": o}).encode()) for n, o in enumerate(s.victims[0].placed_orders[-3:])]),
    Row("replace_another", "to replace a victim's order", "a replace names orders of its sender's", (_FOREIGN,),
        lambda s: [(entry(subjects.REPLACE_ORDER), order("r", order_id=_resting(s), new_order_id="mine")), (entry(subjects.REPLACE_ORDER), order("q", order_id="mine", new_order_id=_resting(s)))]),
    Row("cancel_by_execute", "to cancel a victim's order as an action of several", "actions are checked as commands are", (_FOREIGN,),
        lambda s: [(subjects.EXECUTE.short, _actions({"do": "cancel_order", "resource": RESOURCE, "order_id": _resting(s)}))]),
    Row("place_by_execute", "to place an order under a victim's id as an action of several", "actions are checked as commands are", (_FOREIGN,),
        lambda s: [(subjects.EXECUTE.short, _actions({"do": "place_bid", "resource": RESOURCE, "price": 10_000, "quantity": 1, "order_id": f"{s.victims[0].name}.e"}))]),
    Row("forge_agent_id", "to act as a victim by saying so in the message", "identity is the subject's last token, which the server writes", ("agent_id_does_not_match_subject",),
        lambda s: [(entry(subjects.PLACE_BID), order("f", agent_id=s.victims[0].name)), (subjects.GET_BALANCE.short, json.dumps({"agent_id": s.victims[0].name}).encode())]),
    Row("odd_amounts", "to place orders of negative, huge, fractional or no amounts", "amounts are whole numbers within limits, or the message is refused", (_INVALID,),
        lambda _: [(entry(subjects.PLACE_BID), order(n, **bad)) for n, bad in enumerate(_BAD)]),  # type: ignore[arg-type]  # wrong on purpose
    Row("odd_ids", "to name orders so that subjects, keys or pages break", "ids are letters, digits, - and _", (_INVALID,),
        lambda _: [(entry(subjects.PLACE_BID), order(n, order_id=bad)) for n, bad in enumerate(("*", ">", "../../x", "a.b.c", "", "x" * 65, "A", "<b>", "a b", "a\r\nb", "\x00"))]),
    Row("no_such_market", "to have orders pile up for a market nobody serves", "the entrance knows the markets of a run", ("market_is_not_in_this_run",),
        lambda _: [(entry(subjects.PLACE_BID, name), order(n)) for n, name in enumerate(("gold", "ledger", "account", "prices", "clock"))]),
    Row("wildcard_market", "to place one bid on all markets", "a wildcard that is published is a word like any other, and no market's name", ("subject_is_invalid",),
        lambda _: [(entry(subjects.PLACE_BID, name), order(n)) for n, name in enumerate(("*", ">", "%", "Cpu", "cpu\u00a0"))]),
    Row("json_bombs", "to use up a service with what is small and expensive to read", "messages are read by schema, up to a size, to a depth", (_INVALID, "message_is_too_large"),
        lambda _: [(entry(subjects.PLACE_BID), bomb) for bomb in BOMBS] + [(subjects.GET_BALANCE.short, bomb) for bomb in BOMBS]),
)  # fmt: skip
"""What must be refused at the entrance."""


async def told_of(raw: RawClient) -> None:
    """Subscribe to what becomes of one's orders."""
    for number, row in enumerate(subjects.ORDER_OUTCOME, 1):
        await raw.subscribe(row.short.replace("{resource}", "*"), number)
    await raw.flush()


def outcomes(raw: RawClient) -> list[dict[str, object]]:
    """Return every item an attacker was told of its orders."""
    found: list[dict[str, object]] = []
    for said in raw.messages:
        if said.payload.startswith(b'{"event_id"'):
            found += json.loads(said.payload)["data"].get("items", [])
    return found


async def self_trade(env: Environment, attacker: Attacker) -> AttackVerdict:
    """Buy, then trade back and forth with oneself at the highest and the lowest price."""
    before = await env.balance(attacker.name)
    async with env.connect(attacker.user) as raw:
        await told_of(raw)
        await raw.request(entry(subjects.PLACE_BID), order("buy", MOST, 1))
        await raw.wait_until(lambda: _bought(raw, attacker.name))
        for number in range(6):
            price = (MOST, 10_000)[number % 2]
            await raw.request(entry(subjects.PLACE_ASK), order(f"a{number}", price, 1))
            await raw.request(entry(subjects.PLACE_BID), order(f"b{number}", price, 1))
        answered = await raw.wait_until(
            lambda: len({str(i.get("order_id") or i.get("ask_id")) for i in outcomes(raw)}) >= 7
        )
    after = await env.balance(attacker.name)
    bought = sum(1 for i in outcomes(raw) if i.get("buyer") == attacker.name)
    return verdict_of(
        Check(f"its orders were dealt with ({bought} trades)", answered and bought > 0),
        Check(
            f"its money did not grow: {before.get('posted')} → {after.get('posted')}",
            _posted(after) <= _posted(before) + MOST,
        ),
    )


def _bought(raw: RawClient, name: str) -> bool:
    return any(
        item.get("buyer") == name
        for said in raw.messages
        if b'"buyer"' in said.payload
        for item in json.loads(said.payload)["data"]["items"]
    )


def _posted(balance: dict[str, object]) -> int:
    return int(str(balance.get("posted", 0)))


async def overspend(env: Environment, attacker: Attacker) -> AttackVerdict:
    """Bid for far more than one has, all at once, on both markets."""
    async with env.connect(attacker.user) as raw:
        await told_of(raw)
        for number in range(40):
            market = ("cpu", "gpu")[number % 2]
            await raw.publish(entry(subjects.PLACE_BID, market), order(number, 10_000, 2_000))
        await raw.wait_until(lambda: len(outcomes(raw)) >= 40)
        told = outcomes(raw)
    balance = await env.balance(attacker.name)
    refused = sum(1 for item in told if item.get("code") == "debit_account_would_go_negative")
    return verdict_of(
        Check(f"the ledger refused {refused} of 40 for want of money", refused > 0),
        Check(
            f"it holds no more than there is: {balance.get('pending')} of {balance.get('posted')}",
            0 <= int(str(balance.get("pending", 0))) <= _posted(balance),
        ),
    )


async def sell_nothing(env: Environment, attacker: Attacker) -> AttackVerdict:
    """Sell units one does not have, twice on each market."""
    before = await env.balance(attacker.name)
    async with env.connect(attacker.user) as raw:
        await told_of(raw)
        for number in range(4):
            await raw.request(entry(subjects.PLACE_ASK, ("cpu", "gpu")[number % 2]), order(number, 10_000, 5))
        await raw.wait_until(lambda: len(outcomes(raw)) >= 4)
        codes = {str(item.get("code")) for item in outcomes(raw)}
    return verdict_of(
        Check(
            f"the ledger refused each: {', '.join(sorted(codes))}",
            codes == {"debit_account_would_go_negative"},
        ),
        Check("its balance is what it was", before == await env.balance(attacker.name)),
    )


async def replay(env: Environment, attacker: Attacker) -> AttackVerdict:
    """Send one order again and again, over two connections."""
    env.sniffer.forget(attacker.name)
    async with env.connect(attacker.user) as one, env.connect(attacker.user) as other:
        await told_of(one)
        for raw in (one, other) * 5:
            await raw.publish(entry(subjects.PLACE_BID), order("same", 10_000, 1))
        # Not before: a cluster knows an id once the first with it is stored on most nodes, and has others wait until then.
        await one.wait_until(lambda: len(outcomes(one)) >= 1)
        answer = await other.request(entry(subjects.PLACE_BID), order("same", 10_000, 1))
        await env.wait_until_processed(one, attacker)
        accepted = {
            i["n"]
            for i in outcomes(one)
            if i.get("order_id") == f"{attacker.name}.osame" and "side" in i and "reason" not in i
        }
    return verdict_of(
        Check(
            "the queue knew the last of eleven", answer is not None and b'"duplicate":true' in answer.payload
        ),
        Check(f"{len(accepted)} order entered the book", len(accepted) == 1),
    )


async def other_content(env: Environment, attacker: Attacker) -> AttackVerdict:
    """Use an order's id again for another order, in the hope that its reservation is taken for both."""
    async with env.connect(attacker.user) as raw:
        await told_of(raw)
        await raw.request(entry(subjects.PLACE_BID), order("one", 10_000, 1))
        await raw.request(entry(subjects.PLACE_BID), order("two", 20_000, 100, order_id="oone"))
        await raw.wait_until(lambda: any("code" in item for item in outcomes(raw)))
        codes = [str(item["code"]) for item in outcomes(raw) if "code" in item]
    balance = await env.balance(attacker.name)
    return verdict_of(
        Check(
            f"the second was refused as {', '.join(codes)}",
            codes == ["order_id_exists_with_different_fields"],
        ),
        Check(f"{balance.get('pending')} is held, for the first alone", balance.get("pending") == 10_000),
    )


ATTACKS: Final = (
    *(Attack(row.name, row.tries, row.reason, row.run) for row in ROWS),
    Attack("self_trade", "to make money by trading with itself", "a trade moves what is held from one account to another, its own as well", self_trade),
    Attack("overspend", "to spend the same money forty times at once", "one writer reserves before a market matches", overspend),
    Attack("sell_nothing", "to sell units it does not have", "an ask holds its units, or is refused", sell_nothing),
    Attack("replay_order", "to have one order traded several times by sending it again", "the queue knows a command's id, and the book an order's", replay),
    Attack("reuse_order_id", "to have two orders share one reservation", "an id stands for one order and its terms", other_content),
)  # fmt: skip
"""All of them."""
