"""Balances of all holders of a run as of one moment, read without a consumer. For readers that look from time to time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from nats.aio.client import Client
from pydantic_core import from_json

from econsim.adapters.jetstream.direct_get import newest_of
from econsim.schemas.ledger import CREDITS, DEBT, Position

STREAM: Final = "KV_agent_state"
"""Stream of the bucket that holds all balances."""

KEYS_MAX: Final = 1_000
"""Keys of one question: the server answers up to 1024."""


async def read_balances(client: Client, run: str, holders: Sequence[str]) -> dict[str, dict[str, Position]]:
    """Return holder → asset → position of those holders that have an account; money only.

    All are as of one write of the ledger. Raises Unavailable if the server does not answer.
    """
    found: dict[str, dict[str, Position]] = {}
    up_to = 0
    for start in range(0, len(holders), KEYS_MAX):
        keys = [f"$KV.agent_state.{run}.{holder}.balance" for holder in holders[start : start + KEYS_MAX]]
        page = await newest_of(client, STREAM, keys, up_to)
        up_to = up_to or page.up_to
        for stored in page.messages:
            value, holder = from_json(stored.payload), stored.subject.split(".")[3]
            credits_ = Position(value["posted"], value["pending"])
            found[holder] = {CREDITS: credits_, DEBT: Position(value.get("debt", 0), 0)}
    return found
