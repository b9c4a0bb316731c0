"""Exceeding a quota: through many connections, many services or many actions.

The checks count the messages that arrive in `SIM` and the answers, against the seconds they took: the window of a
quota is a second, and each window has its full quota.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Final

from econsim import subjects
from econsim.checks.attacks.attack import Attack
from econsim.checks.attacks.environment import RESOURCE, Attacker, Environment
from econsim.checks.attacks.orders import bid_action, entry, execution, order
from econsim.checks.attacks.verdict import AttackVerdict, Check, verdict_of
from econsim.checks.raw_client import RawClient, publish_frame
from econsim.identity.agent_account import CONNECTIONS_MAX
from econsim.schemas.quota import Quotas

LIMITS: Final = Quotas()
"""Quotas of an agent unless an operator changes them."""

BURST: Final = 400
"""Messages sent at once, to exceed a rate."""

RATE: Final = 20
"""Messages a second that an agent may send where the sum over all services must be seen."""

CHANGED_S: Final = 1.2
"""Pause after a quota was changed: it takes effect within a second."""

BYTES_MAX: Final = 40_000
"""Quota of `stream_bytes`, in bytes."""


def _window_count(started: float) -> int:
    """Return the number of clock seconds that a span touched."""
    return int(time.perf_counter() - started) + 2


async def _on_each_connection(
    env: Environment, attacker: Attacker, work: Callable[[RawClient, int], Awaitable[None]]
) -> None:
    """Run a function on as many connections as an agent may have, at once."""
    async with AsyncExitStack() as stack:
        raws = [await stack.enter_async_context(env.connect(attacker.user)) for _ in range(CONNECTIONS_MAX)]
        await asyncio.gather(*(work(raw, number) for number, raw in enumerate(raws)))


async def _wait_for_admitted(env: Environment, attacker: Attacker, *patterns: str) -> int:
    """Wait for an attacker's first message on patterns of `SIM`, then a moment; return the count."""
    await env.sniffer.wait_until(lambda: bool(env.sniffer.messages_about(attacker.name, *patterns)))
    await asyncio.sleep(0.3)
    return len(env.sniffer.messages_about(attacker.name, *patterns))


async def orders_by_connections(env: Environment, attacker: Attacker) -> AttackVerdict:
    """Place orders over four connections at once."""
    env.sniffer.forget(attacker.name)
    started = time.perf_counter()

    async def place(raw: RawClient, number: int) -> None:
        bids = [
            publish_frame(entry(subjects.PLACE_BID), order(f"{number}-{n}"))
            for n in range(BURST // CONNECTIONS_MAX)
        ]
        await raw.send(b"".join(bids))
        await raw.flush()

    await _on_each_connection(env, attacker, place)
    queued = await _wait_for_admitted(env, attacker, env.queued_bid(attacker))
    most = LIMITS.max_order_rate * _window_count(started)
    return verdict_of(
        Check(f"of {BURST} orders {queued} were admitted, at most {most} may be", 0 < queued <= most),
    )


async def reports_by_connections(env: Environment, attacker: Attacker) -> AttackVerdict:
    """Report over four connections at once."""
    env.sniffer.forget(attacker.name)
    started = time.perf_counter()

    async def report(raw: RawClient, number: int) -> None:
        await raw.send(
            b"".join(
                publish_frame(env.report_subject(attacker, f"burst{number}"), b"{}")
                for _ in range(BURST // CONNECTIONS_MAX)
            )
        )
        await raw.flush()

    await _on_each_connection(env, attacker, report)
    stored = await _wait_for_admitted(
        env, attacker, subjects.REPORTED.pattern(agent=attacker.name, run=env.run)
    )
    most = LIMITS.max_publish_rate * _window_count(started)
    return verdict_of(
        Check(f"of {BURST} reports {stored} were admitted, at most {most} may be", 0 < stored <= most),
    )


async def ask_several_services(env: Environment, attacker: Attacker) -> AttackVerdict:
    """Send requests to three services and the admission gateway at once."""
    await env.powers.set_quota(attacker.name, "max_publish_rate", RATE)
    await asyncio.sleep(CHANGED_S)
    asked = (
        subjects.GET_BALANCE.short,
        subjects.GET_PRICES.short,
        subjects.GET_BOOK.short.format(resource=RESOURCE),
        env.report_subject(attacker, "asked"),
    )
    started = time.perf_counter()
    async with env.connect(attacker.user) as raw:
        await raw.subscribe("_INBOX.all.*", 5)
        await raw.send(
            b"".join(
                publish_frame(subject, b"{}", f"_INBOX.all.{n}")
                for n in range(BURST // 4)
                for subject in asked
            )
        )
        await raw.wait_until(lambda: len(raw.messages) >= BURST)
        served = [message for message in raw.messages if b'"error"' not in message.payload]
        most = RATE * _window_count(started)
    return verdict_of(
        Check(f"{len(raw.messages)} of {BURST} were answered", len(raw.messages) == BURST),
        Check(f"{len(served)} of them were served, at most {most} may be", 0 < len(served) <= most),
    )


async def orders_by_execute(env: Environment, attacker: Attacker) -> AttackVerdict:
    """Place twenty orders with each request."""
    env.sniffer.forget(attacker.name)
    started = time.perf_counter()
    async with env.connect(attacker.user) as raw:
        await raw.subscribe("_INBOX.all.*", 5)
        for number in range(15):
            body = execution(*(bid_action(f"s{number}-{n}") for n in range(20)))
            await raw.publish(subjects.EXECUTE.short, body, f"_INBOX.all.{number}")
        await raw.wait_until(lambda: len(raw.messages) >= 15)
    queued = env.sniffer.messages_about(attacker.name, env.queued_bid(attacker))
    most = LIMITS.max_order_rate * _window_count(started)
    return verdict_of(
        Check(f"of 300 orders {len(queued)} were admitted, at most {most} may be", 0 < len(queued) <= most)
    )


async def reads_by_execute(env: Environment, attacker: Attacker) -> AttackVerdict:
    """Ask for the balance twenty times with each request."""
    env.sniffer.forget(attacker.name)
    started = time.perf_counter()
    async with env.connect(attacker.user) as raw:
        await raw.subscribe("_INBOX.all.*", 5)
        body = execution(*[{"do": "get_balance"}] * 20)
        await raw.send(
            b"".join(publish_frame(subjects.EXECUTE.short, body, f"_INBOX.all.{n}") for n in range(60))
        )
        await raw.wait_until(lambda: len(raw.messages) >= 60)
    asked = env.sniffer.messages_about(attacker.name, subjects.GET_BALANCE(run=env.run, agent=attacker.name))
    most = LIMITS.max_publish_rate * _window_count(started)
    return verdict_of(
        Check(
            f"of 1200 questions {len(asked)} reached the ledger, at most {most} may", 0 < len(asked) <= most
        )
    )


async def without_reply(env: Environment, attacker: Attacker) -> AttackVerdict:
    """Send requests without a reply subject, so that no answer is counted."""
    env.sniffer.forget(attacker.name)
    async with env.connect(attacker.user) as raw:
        body = execution(bid_action("silent"), *[{"do": "get_balance"}] * 19)
        await raw.send(b"".join(publish_frame(subjects.EXECUTE.short, body) for _ in range(100)))
        settled = await env.wait_until_processed(raw, attacker)
        await asyncio.sleep(0.3)
    asked = env.sniffer.messages_about(
        attacker.name,
        subjects.GET_BALANCE(run=env.run, agent=attacker.name),
        env.queued_bid(attacker),
    )
    arrived = env.sniffer.messages_about(attacker.name, subjects.EXECUTE(run=env.run, agent=attacker.name))
    return verdict_of(
        Check(f"{len(arrived)} of 100 arrived", len(arrived) == 100),
        Check(f"of 2000 actions {len(asked) or 'none'} were done", not asked),
        Check("what came later was served", settled),
    )


async def stream_bytes(env: Environment, attacker: Attacker) -> AttackVerdict:
    """Fill the log with large reports."""
    await env.powers.set_quota(attacker.name, "max_stream_bytes", BYTES_MAX)
    await asyncio.sleep(CHANGED_S)
    body = json.dumps({"data": {"x": "y" * 12_000}}).encode()
    env.sniffer.forget(attacker.name)
    async with env.connect(attacker.user) as raw:
        answers = [await raw.request(env.report_subject(attacker, "filled"), body) for _ in range(12)]
    stored = env.sniffer.messages_about(
        attacker.name, subjects.REPORTED(agent=attacker.name, event="filled", run=env.run)
    )
    size = sum(len(message.payload) for message in stored)
    refused = sum(1 for answer in answers if answer and b"stream_bytes_are_exceeded" in answer.payload)
    return verdict_of(
        Check(f"{refused} of 12 were refused", refused > 0),
        Check(f"{size} bytes are in the log, {BYTES_MAX} may be", 0 < size <= BYTES_MAX),
    )


_COUNTED: Final = "all services share one counter per agent and second"

ATTACKS: Final = (
    Attack(
        "orders_by_connections",
        "to place more orders a second over four connections",
        _COUNTED,
        orders_by_connections,
    ),
    Attack(
        "reports_by_connections",
        "to report more a second over four connections",
        _COUNTED,
        reports_by_connections,
    ),
    Attack(
        "rate_by_services", "to ask more a second by asking several services", _COUNTED, ask_several_services
    ),
    Attack(
        "orders_by_execute",
        "to place more orders a second as actions of requests",
        "each order counts, alone or as an action",
        orders_by_execute,
    ),
    Attack(
        "reads_by_execute",
        "to have services ask each other more than it may ask",
        "each action is counted as a message",
        reads_by_execute,
    ),
    Attack(
        "without_reply",
        "to act uncounted by leaving out the reply subject",
        "a request without a reply subject is not executed",
        without_reply,
    ),
    Attack(
        "stream_bytes",
        "to fill the log",
        "the bytes an agent stores are counted over the whole run",
        stream_bytes,
    ),
)
"""Attacks on quotas."""
