"""Orders that are admitted, and must not make something out of nothing."""

from __future__ import annotations

import asyncio
import json
from typing import Final

from econsim import subjects
from econsim.checks.attacks.attack import Attack
from econsim.checks.attacks.environment import PROBE_INTERVAL_S, PROBES_MAX, Attacker, Environment
from econsim.checks.attacks.orders import entry, order
from econsim.checks.attacks.verdict import AttackVerdict, Check, verdict_of
from econsim.checks.raw_client import RawClient, RawMessage

PRICE_MAX: Final = 4_000_000
"""Highest price of the market, in micro-credits."""


async def place_order(raw: RawClient, subject: str, body: bytes) -> RawMessage | None:
    """Place an order, again while a busy market refuses it; return the last answer, none without any."""
    answer = await raw.request(subject, body)
    for _ in range(PROBES_MAX):
        if answer is None or b'"error"' not in answer.payload:
            break
        await asyncio.sleep(PROBE_INTERVAL_S)
        answer = await raw.request(subject, body)
    return answer


async def subscribe_outcomes(raw: RawClient) -> None:
    """Subscribe to the outcomes of the attacker's orders."""
    for number, row in enumerate(subjects.ORDER_OUTCOME, 1):
        await raw.subscribe(row.short.replace("{resource}", "*"), number)
    await raw.flush()


def outcomes(raw: RawClient) -> list[dict[str, object]]:
    """Return the items of every outcome that an attacker received."""
    found: list[dict[str, object]] = []
    for message in raw.messages:
        if message.payload.startswith(b'{"event_id"'):
            found += json.loads(message.payload)["data"].get("items", [])
    return found


async def self_trade(env: Environment, attacker: Attacker) -> AttackVerdict:
    """Buy, then trade with oneself at the highest and the lowest price in turn."""
    before = await env.balance(attacker.name)
    async with env.connect(attacker.user) as raw:
        await subscribe_outcomes(raw)
        await place_order(raw, entry(subjects.PLACE_BID), order("buy", PRICE_MAX, 1))
        await raw.wait_until(lambda: _purchases(raw, attacker.name) > 0)
        for number in range(6):
            price = (PRICE_MAX, 10_000)[number % 2]
            await place_order(raw, entry(subjects.PLACE_ASK), order(f"a{number}", price, 1))
            await place_order(raw, entry(subjects.PLACE_BID), order(f"b{number}", price, 1))
        answered = await raw.wait_until(
            lambda: len({str(i.get("order_id") or i.get("ask_id")) for i in outcomes(raw)}) >= 7
        )
    after = await env.balance(attacker.name)
    bought = _purchases(raw, attacker.name)
    return verdict_of(
        Check(f"its orders were processed ({bought} trades)", answered and bought > 0),
        Check(
            f"its money did not grow: {before.get('posted')} → {after.get('posted')}",
            posted_amount(after) <= posted_amount(before) + PRICE_MAX,
        ),
    )


def _purchases(raw: RawClient, name: str) -> int:
    return sum(item.get("buyer") == name for item in outcomes(raw))


def posted_amount(balance: dict[str, object]) -> int:
    """Return the posted amount of a balance, in micro-credits."""
    return int(str(balance.get("posted", 0)))


async def overspend(env: Environment, attacker: Attacker) -> AttackVerdict:
    """Bid for far more money than there is, all at once, on both markets."""
    async with env.connect(attacker.user) as raw:
        await subscribe_outcomes(raw)
        for number in range(40):
            market = ("cpu", "gpu")[number % 2]
            await raw.publish(entry(subjects.PLACE_BID, market), order(number, 10_000, 2_000))
        await raw.wait_until(lambda: len(outcomes(raw)) >= 40)
        items = outcomes(raw)
    balance = await env.balance(attacker.name)
    refused = sum(1 for item in items if item.get("code") == "debit_account_would_go_negative")
    return verdict_of(
        Check(f"the ledger refused {refused} of 40 for lack of money", refused > 0),
        Check(
            f"it holds no more than there is: {balance.get('pending')} of {balance.get('posted')}",
            0 <= int(str(balance.get("pending", 0))) <= posted_amount(balance),
        ),
    )


async def sell_nothing(env: Environment, attacker: Attacker) -> AttackVerdict:
    """Sell units that the attacker does not have, twice on each market."""
    before = await env.balance(attacker.name)
    async with env.connect(attacker.user) as raw:
        await subscribe_outcomes(raw)
        for number in range(4):
            await place_order(
                raw, entry(subjects.PLACE_ASK, ("cpu", "gpu")[number % 2]), order(number, 10_000, 5)
            )
        await raw.wait_until(lambda: len(outcomes(raw)) >= 4)
        codes = {str(item.get("code")) for item in outcomes(raw)}
    return verdict_of(
        Check(
            f"the ledger refused each: {', '.join(sorted(codes))}",
            codes == {"debit_account_would_go_negative"},
        ),
        Check("its balance is what it was", before == await env.balance(attacker.name)),
    )


async def replay_order(env: Environment, attacker: Attacker) -> AttackVerdict:
    """Send one order eleven times, over two connections."""
    env.sniffer.forget(attacker.name)
    async with env.connect(attacker.user) as one, env.connect(attacker.user) as other:
        await subscribe_outcomes(one)
        for raw in (one, other) * 5:
            await raw.publish(entry(subjects.PLACE_BID), order("same", 10_000, 1))
        # Wait first: a cluster knows a message id only once the first message with it is stored on most nodes.
        await one.wait_until(lambda: len(outcomes(one)) >= 1)
        answer = await place_order(other, entry(subjects.PLACE_BID), order("same", 10_000, 1))
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


async def reuse_order_id(env: Environment, attacker: Attacker) -> AttackVerdict:
    """Use an order's id for a second order, in the hope that both share the reservation."""
    async with env.connect(attacker.user) as raw:
        await subscribe_outcomes(raw)
        await place_order(raw, entry(subjects.PLACE_BID), order("one", 10_000, 1))
        await place_order(raw, entry(subjects.PLACE_BID), order("two", 20_000, 100, order_id="oone"))
        await raw.wait_until(lambda: any("code" in item for item in outcomes(raw)))
        codes = [str(item["code"]) for item in outcomes(raw) if "code" in item]
    balance = await env.balance(attacker.name)
    return verdict_of(
        Check(
            f"the second was refused as {', '.join(codes)}",
            codes == ["order_id_exists_with_different_fields"],
        ),
        Check(f"{balance.get('pending')} is reserved, for the first alone", balance.get("pending") == 10_000),
    )


ATTACKS: Final = (
    Attack(
        "self_trade",
        "to make money by trading with itself",
        "a trade moves what is reserved from one account to another, its own as well",
        self_trade,
    ),
    Attack(
        "overspend",
        "to spend the same money forty times at once",
        "one writer reserves before a market matches",
        overspend,
    ),
    Attack(
        "sell_nothing",
        "to sell units it does not have",
        "an ask reserves its units, or is refused",
        sell_nothing,
    ),
    Attack(
        "replay_order",
        "to have one order traded several times by sending it again",
        "the queue knows a command's id, and the book an order's",
        replay_order,
    ),
    Attack(
        "reuse_order_id",
        "to have two orders share one reservation",
        "an id belongs to one order with its terms",
        reuse_order_id,
    ),
)
"""Attacks with orders that are admitted."""
