"""Below the protocol: false sizes, protocol lines inside other lines, bytes that are no text."""

from __future__ import annotations

import json
from typing import Final

from econsim import subjects
from econsim.checks.attacks.attack import Attack
from econsim.checks.attacks.environment import Attacker, Environment
from econsim.checks.attacks.verdict import AttackVerdict, Check, verdict_of
from econsim.checks.raw_client import CRLF


async def send_false_sizes(env: Environment, attacker: Attacker) -> AttackVerdict:
    """Send sizes that are negative, huge or false, followed by a forbidden publish."""
    tried = subjects.RUN_CLOSED(run=env.run)
    own = env.report_subject(attacker, "sized").encode()
    smuggled = b"PUB " + tried.encode() + b" %d" % len(attacker.name) + CRLF + attacker.name.encode() + CRLF
    lines = (
        b"PUB " + own + b" -1" + CRLF + smuggled,
        b"PUB " + own + b" 99999999999999999999" + CRLF + smuggled,
        b"PUB " + own + b" 2" + CRLF + b"{}xx" + CRLF + smuggled,
        b"HPUB " + own + b" 99 12" + CRLF + b"NATS/1.0\r\n\r\n" + CRLF + smuggled,
        b"HPUB " + own + b" 0 2" + CRLF + b"{}" + CRLF + smuggled,
        b"PUB " + own + b" 0x02" + CRLF + b"{}" + CRLF + smuggled,
        b"PUB " + own + b" 2 2 2" + CRLF + b"{}" + CRLF + smuggled,
        b"PUB" + CRLF + smuggled,
        b"\x00" * 64 + smuggled,
        b"MSG " + tried.encode() + b" 1 2" + CRLF + b"{}" + CRLF + smuggled,
    )
    env.sniffer.forget(attacker.name)
    reported = 0
    for line in lines:
        async with env.connect(attacker.user) as raw:
            await raw.send(line)
            reported += await raw.wait_until(lambda raw=raw: bool(raw.errors) or raw.closed)  # type: ignore[misc]  # bound on purpose
    async with env.connect(attacker.user) as raw:
        settled = await env.wait_until_processed(raw, attacker)
    return verdict_of(
        Check(f"the server complained of {reported} of {len(lines)}", reported == len(lines)),
        env.unseen_check(attacker, tried),
        Check("it is served when it speaks the protocol", settled),
    )


async def inject_lines(env: Environment, attacker: Attacker) -> AttackVerdict:
    """Put line ends into a subject, a reply and a header, followed by a forbidden publish."""
    tried = subjects.RUN_CLOSED(run=env.run)
    inner = f"PUB {tried} {len(attacker.name)}\r\n{attacker.name}\r\n"
    env.sniffer.forget(attacker.name)
    async with env.connect(attacker.user) as raw:
        await raw.publish(f"{env.report_subject(attacker, 'x')} 0\r\n\r\n{inner}", b"{}")
        await raw.wait_until(lambda: bool(raw.errors))
        subject = raw.errors[:]
    async with env.connect(attacker.user) as raw:
        await raw.publish(env.report_subject(attacker, "noted"), b"{}", f"_INBOX.x 0\r\n\r\n{inner}")
        await raw.flush(1.0)
    async with env.connect(attacker.user) as raw:
        lines = f"A: b\r\n\r\n{inner}Nats-Rollup: all".encode()
        await raw.request(
            env.report_subject(attacker, "noted"),
            json.dumps({"data": {"x": f"\r\n{inner}"}}).encode(),
            1.0,
            lines,
        )
        settled = await env.wait_until_processed(raw, attacker)
    return verdict_of(
        Check(
            f"the server took the inner line as a line of the attacker's own: {subject[:1]}",
            any("permissions violation" in e.lower() for e in subject),
        ),
        env.unseen_check(attacker, tried),
        Check("lines inside a header have no effect", settled),
    )


async def send_undecodable_bytes(env: Environment, attacker: Attacker) -> AttackVerdict:
    """Send every service subjects and status lines that are no UTF-8, which its library cannot decode."""
    reconnects = {each.name: each.reconnects() for each in env.victims}
    prefix = env.report_subject(attacker, "x").removesuffix("x").encode()
    head = b"NATS/1.0 \xff\xfe\r\n\r\n"
    named = (
        subjects.GET_BALANCE.short,
        subjects.GET_PRICES.short,
        subjects.EXECUTE.short,
        subjects.INVOKE_LLM.short,
        subjects.GET_BOOK.short.format(resource="cpu"),
        env.report_subject(attacker, "noted"),
    )
    async with env.connect(attacker.user) as raw:
        for odd in (b"\xff\xfe", b"a\x0cb", b"a\x0b1", b"\xc3", b"\x85", b"\x1c"):
            await raw.send(b"PUB " + prefix + odd + b" 2\r\n{}\r\n")
        for name in named:
            for reply in (b"", b" _INBOX.x"):
                await raw.send(
                    b"HPUB " + name.encode() + reply + b" %d %d" % (len(head), len(head)) + CRLF + head + CRLF
                )
        served = {name: await raw.request(name, b"{}") for name in named}
        settled = await env.wait_until_processed(raw, attacker)
    silent = [name for name, answer in served.items() if answer is None]
    return verdict_of(
        Check(f"{silent or 'no service'} stopped answering", not silent and settled),
        Check(
            "no victim lost its connection",
            reconnects == {each.name: each.reconnects() for each in env.victims},
        ),
    )


ATTACKS: Final = (
    Attack(
        "lying_sizes",
        "to have a forbidden line read as part of one that is allowed",
        "a size that does not fit ends the connection, and each line is checked by itself",
        send_false_sizes,
    ),
    Attack(
        "injected_lines",
        "to inject protocol lines through subjects, replies and headers",
        "text after a line end is a line of its own, with the attacker's own rights",
        inject_lines,
    ),
    Attack(
        "not_text",
        "to stop services with bytes that are no text",
        "such a message is read with replacement characters, and refused as any other",
        send_undecodable_bytes,
    ),
)
"""Attacks on the protocol."""
