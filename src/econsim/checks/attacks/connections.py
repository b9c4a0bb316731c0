"""Exhausting the server: connections, subscriptions, bytes, half-open handshakes, silent readers, foreign protocols."""

from __future__ import annotations

import asyncio
import json
import resource
from contextlib import AsyncExitStack, suppress
from typing import Final
from urllib.parse import urlsplit

from econsim import subjects
from econsim.checks.attacks.attack import Attack, AttackFunction
from econsim.checks.attacks.environment import Attacker, Environment, public_patterns
from econsim.checks.attacks.verdict import AttackVerdict, Check, raw_subject, skipped_verdict, verdict_of
from econsim.checks.raw_client import CRLF, TIMEOUT_S, RawClient, dial, publish_frame
from econsim.identity.agent_account import CONNECTIONS_MAX, PAYLOAD_BYTES_MAX, SUBSCRIPTIONS_MAX

HALF_OPEN: Final = 300
"""Connections that never send CONNECT."""

PINGS: Final = 20_000
"""Pings of the ping flood."""


async def _others_check(env: Environment) -> Check:
    """Return the check that another agent can connect now."""
    connected = False
    with suppress(OSError, TimeoutError):
        async with dial(env.url) as client:
            connected = await client.connect(env.bystander)
    return Check("others connect", connected)


async def connections(env: Environment, attacker: Attacker) -> AttackVerdict:
    """Open many connections and keep them."""
    async with AsyncExitStack() as stack:
        raws = [await stack.enter_async_context(dial(env.url)) for _ in range(30)]
        accepted = [raw for raw in raws if await raw.connect(attacker.user)]
        # A client may be cut off before the server's error reaches it.
        errors = {raw.errors[0] for raw in raws if raw.errors}
        closed = sum(raw.closed or bool(raw.errors) for raw in raws if raw not in accepted)
        others = await _others_check(env)
    return verdict_of(
        Check(
            f"{len(accepted)} of 30 were accepted, {CONNECTIONS_MAX} may be",
            0 < len(accepted) <= CONNECTIONS_MAX,
        ),
        Check(
            f"{closed} were closed with the errors: {', '.join(sorted(errors))}",
            bool(errors) and closed == 30 - len(accepted),
        ),
        others,
    )


async def subscriptions(env: Environment, attacker: Attacker) -> AttackVerdict:
    """Subscribe a thousand times on one connection."""
    async with env.connect(attacker.user) as raw:
        await raw.send(b"".join(f"SUB _INBOX.{n} {n}".encode() + CRLF for n in range(1, 1_001)))
        await raw.flush()
        refused = [error for error in raw.errors if "maximum subscriptions" in error.lower()]
        await raw.send(b"".join(publish_frame(raw_subject("_INBOX", str(n)), b"x") for n in range(1, 1_001)))
        await raw.flush()
        others = await _others_check(env)
    return verdict_of(
        Check(
            f"{len(refused)} of 1000 were refused, {SUBSCRIPTIONS_MAX} may be",
            len(refused) >= 1_000 - SUBSCRIPTIONS_MAX or raw.closed,
        ),
        others,
    )


async def payload(env: Environment, attacker: Attacker) -> AttackVerdict:
    """Publish a megabyte, then claim a size of a thousand megabytes and send little of it."""
    env.sniffer.forget(attacker.name)
    async with env.connect(attacker.user) as raw:
        body = json.dumps({"data": {"x": attacker.name * 100_000}}).encode()
        await raw.publish(env.report_subject(attacker, "large"), body)
        closed = await raw.wait_until_closed()
    async with env.connect(attacker.user) as raw:
        await raw.send(
            f"PUB {env.report_subject(attacker, 'large')} 1000000000".encode() + CRLF + b"x" * 10_000
        )
        again = await raw.wait_until_closed()
    seen = env.sniffer.messages_about(attacker.name, subjects.REPORT.pattern())
    return verdict_of(
        Check(f"the server hung up on {len(body)} bytes, {PAYLOAD_BYTES_MAX} may be", closed),
        Check("and on a length that was only claimed", again),
        Check(f"{len(seen) or 'nothing'} of it was seen in SIM", not seen),
        await _others_check(env),
    )


async def control_line(env: Environment, attacker: Attacker) -> AttackVerdict:
    """Send subjects of sixty kilobytes, and one that never ends."""
    ended = []
    for line in (
        b"PUB " + b"a" * 60_000 + b" 2\r\n{}\r\n",
        b"PUB " + b"a." * 40_000,
        b"SUB " + b"x" * 60_000 + b" 1\r\n",
    ):
        async with env.connect(attacker.user) as raw:
            await raw.send(line)
            ended.append(await raw.wait_until_closed())
    return verdict_of(
        Check(f"the server hung up on {sum(ended)} of {len(ended)}", all(ended)),
        await _others_check(env),
    )


async def half_open(env: Environment, _: Attacker) -> AttackVerdict:
    """Open connections and never send CONNECT."""
    files, _most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files < 2 * HALF_OPEN:
        return skipped_verdict(
            f"this process may open {files} files; it takes {2 * HALF_OPEN}, see `ulimit -n`"
        )
    parts = urlsplit(env.url)
    opened = await asyncio.gather(
        *(asyncio.open_connection(parts.hostname, parts.port) for __ in range(HALF_OPEN))
    )
    others = await _others_check(env)
    closed = await asyncio.gather(*(_hangs_up(reader) for reader, __ in opened))
    for __, writer in opened:
        writer.close()
    return verdict_of(
        others,
        Check(f"the server hung up on {sum(closed)} within {TIMEOUT_S:.0f} s", all(closed)),
    )


async def _hangs_up(reader: asyncio.StreamReader, found: bytearray | None = None) -> bool:
    """Return whether the server hung up within the limit; add what it sent before to `found`."""
    kept = bytearray() if found is None else found
    try:
        async with asyncio.timeout(TIMEOUT_S):
            while data := await reader.read(65_536):
                kept += data
    except TimeoutError:
        return False
    except OSError:
        return True
    return True


async def never_reads(env: Environment, attacker: Attacker) -> AttackVerdict:
    """Subscribe many times to everything an agent may receive, and read none of it."""
    before = env.outcome_counts()
    parts = urlsplit(env.url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port, limit=1_024)
    raw = RawClient(reader, writer)
    await raw.read_info()
    connected = await raw.connect(attacker.user)
    raw.stop_reading()
    public = public_patterns(attacker)
    for number in range(1, SUBSCRIPTIONS_MAX - 4):
        await raw.subscribe(public[number % len(public)], number)
    for _ in range(40):
        await raw.send(publish_frame("state.price.cpu", b"", "_INBOX.x") * 50)
    await asyncio.sleep(1.5)
    others = await _others_check(env)
    served = await env.wait_for_growth(env.outcome_counts, before)
    await raw.close()
    return verdict_of(
        Check("the attacker was connected", connected),
        Check("victims received outcomes meanwhile", served),
        others,
    )


async def pings(env: Environment, attacker: Attacker) -> AttackVerdict:
    """Send pings as fast as the connection takes them."""
    before = env.answer_counts()
    async with env.connect(attacker.user) as raw:
        await raw.send((b"PING" + CRLF) * PINGS)
        served = await env.wait_for_growth(env.answer_counts, before)
        others = await _others_check(env)
    return verdict_of(
        Check("victims were served meanwhile", served),
        others,
    )


async def churn(env: Environment, attacker: Attacker) -> AttackVerdict:
    """Connect and hang up sixty times."""
    before = env.answer_counts()
    for _ in range(60):
        async with dial(env.url) as client:
            await client.connect(attacker.user)
    served = await env.wait_for_growth(env.answer_counts, before)
    return verdict_of(
        Check("victims were served meanwhile", served),
        await _others_check(env),
    )


def _foreign_protocols(*openings: bytes) -> AttackFunction:
    """Return the attack that speaks other protocols on the port for clients."""

    async def run(env: Environment, attacker: Attacker) -> AttackVerdict:
        ended, answers = 0, b""
        for opening in openings:
            parts = urlsplit(env.url)
            reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
            writer.write(opening.replace(b"%jwt", attacker.user.jwt.encode()))
            ended += await _hangs_up(reader, found := bytearray())
            answers += bytes(found)
            writer.close()
        accepted = b"+OK" in answers or b"101 Switching" in answers or b"PONG" in answers
        return verdict_of(
            Check(f"the server hung up on {ended} of {len(openings)}", ended == len(openings)),
            Check("it took none of them", not accepted),
            await _others_check(env),
        )

    return run


_LIMITED: Final = "the server limits them for each account"

ATTACKS: Final = (
    Attack("many_connections", "to use up the server's connections", _LIMITED, connections),
    Attack("many_subscriptions", "to use up the server's memory with subscriptions", _LIMITED, subscriptions),
    Attack("large_payload", "to send more than a message may hold", _LIMITED, payload),
    Attack(
        "control_line",
        "to use up the server's memory with a line that does not end",
        "a line has 4096 bytes, or the connection ends",
        control_line,
    ),
    Attack(
        "half_open",
        "to hold connections open without CONNECT",
        "the server closes a connection without CONNECT after two seconds",
        half_open,
    ),
    Attack(
        "never_reads",
        "to fill the server's buffers with messages it never reads",
        "each connection has its own buffer, and the server drops slow readers",
        never_reads,
    ),
    Attack(
        "ping_flood",
        "to slow the server down with pings",
        "a ping costs the server less than it costs to send",
        pings,
        loud=True,
    ),
    Attack(
        "connection_churn",
        "to slow the server down with handshakes",
        "a handshake concerns one account, and is checked in microseconds",
        churn,
        loud=True,
    ),
    Attack(
        "as_web_socket",
        "to connect as a web page would",
        "the server listens for clients alone",
        _foreign_protocols(
            b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: eA==\r\n\r\n"
        ),
    ),
    Attack(
        "as_mqtt",
        "to connect as a device would",
        "the server listens for clients alone",
        _foreign_protocols(b"\x10\x10\x00\x04MQTT\x04\x02\x00\x3c\x00\x04evil"),
    ),
    Attack(
        "as_server",
        "to connect as a server of the cluster or a leaf would, and bring subjects of its own",
        "the server listens for clients alone, and the account allows no leaf",
        _foreign_protocols(
            b'INFO {"server_id":"x","version":"2.15.1","proto":1}\r\n',
            b'CONNECT {"jwt":"%jwt","server":"leaf","is_leaf":true,"lnoc":true}\r\nLS+ >\r\n',
            b"RS+ SIM > \r\n",
            b"RMSG SIM a 1\r\nx\r\n",
            b"A+ SIM\r\n",
        ),
    ),
)
"""Attacks that exhaust the server."""
