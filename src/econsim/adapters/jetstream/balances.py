"""Balances of all holders of a run as of one moment, read without a consumer. For readers that look from time to time."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any, Final

import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg

from econsim.errors import Unavailable
from econsim.schemas.ledger import CREDITS, DEBT, Position

STREAM: Final = "KV_agent_state"
"""Stream of the bucket that holds all balances."""

KEYS_MAX: Final = 1_000
"""Keys of one question: the server answers up to 1024."""

TIMEOUT_S: Final = 5.0
"""Longest to wait for the answer to one question."""

_ENDS: Final = ("204", "404")
"""Status of the marker after the last message, and of an answer without any."""


async def read_balances(client: Client, run: str, holders: Sequence[str]) -> dict[str, dict[str, Position]]:
    """Return holder → asset → position of those holders that have an account; money only.

    All are as of one write of the ledger. Raises Unavailable if the server does not answer.
    """
    found: dict[str, dict[str, Position]] = {}
    up_to = 0
    for start in range(0, len(holders), KEYS_MAX):
        some = holders[start : start + KEYS_MAX]
        keys = [f"$KV.agent_state.{run}.{holder}.balance" for holder in some]
        question = {"multi_last": keys, "batch": KEYS_MAX} | ({"up_to_seq": up_to} if up_to else {})
        for message in await _answers(client, question):
            headers = message.headers or {}
            up_to = up_to or int(headers.get("Nats-UpTo-Sequence", 0))
            if "Nats-Subject" in headers:
                found[headers["Nats-Subject"].split(".")[3]] = _positions(json.loads(message.data))
    return found


async def _answers(client: Client, question: dict[str, Any]) -> list[Msg]:
    """Return the messages of an answer, the marker of its end included."""
    found: list[Msg] = []
    inbox = await client.subscribe(client.new_inbox())
    try:
        async with asyncio.timeout(TIMEOUT_S):
            await client.publish(
                f"$JS.API.DIRECT.GET.{STREAM}", json.dumps(question).encode(), reply=inbox.subject
            )
            while not found or _status(found[-1]) is None:
                found.append(await inbox.next_msg(timeout=TIMEOUT_S))
    except (TimeoutError, nats.errors.Error) as error:
        text = f"stream {STREAM} did not answer within {TIMEOUT_S:.0f} s"
        raise Unavailable(text) from error
    finally:
        if not client.is_closed:
            await inbox.unsubscribe()
    if (status := _status(found[-1])) not in _ENDS:
        text = f"the balances cannot be read now ({status})"
        raise Unavailable(text)
    return found


def _status(message: Msg) -> str | None:
    """Return the status of a marker; none for a stored message."""
    return (message.headers or {}).get("Status")


def _positions(value: dict[str, Any]) -> dict[str, Position]:
    return {
        CREDITS: Position(value["posted"], value["pending"]),
        DEBT: Position(value.get("debt", 0), 0),
    }
