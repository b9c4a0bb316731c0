"""Balances of all holders of a run as of one moment, read without a consumer. For readers that look from time to time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from nats.aio.client import Client
from pydantic_core import from_json

from econsim.adapters.jetstream.direct_get import newest_of
from econsim.domain.ledger.bucket import LedgerKey, balance_key, holdings_key, parse_key
from econsim.schemas.ledger import CREDITS, DEBT, Position

STREAM: Final = "KV_agent_state"
"""Stream of the bucket that holds all balances."""

KEYS_MAX: Final = 1_000
"""Keys of one question: the server answers up to 1024."""


async def read_balances(client: Client, run: str, holders: Sequence[str]) -> dict[str, dict[str, Position]]:
    """Return holder → asset → position of those holders that have an account.

    All are as of one write of the ledger. Raises Unavailable if the server does not answer.
    """
    found: dict[str, dict[str, Position]] = {}
    up_to = 0
    keys = [
        f"$KV.agent_state.{key(run, holder)}" for holder in holders for key in (balance_key, holdings_key)
    ]
    for start in range(0, len(keys), KEYS_MAX):
        page = await newest_of(client, STREAM, keys[start : start + KEYS_MAX], up_to)
        up_to = up_to or page.up_to
        for stored in page.messages:
            kind, holder = parse_key(stored.subject.removeprefix("$KV.agent_state."))
            found.setdefault(holder, {}).update(_positions(kind, from_json(stored.payload)))
    return found


def _positions(kind: LedgerKey, value: Any) -> dict[str, Position]:  # noqa: ANN401 - JSON
    if kind is LedgerKey.HOLDINGS:
        return {asset: Position(each["posted"], each["pending"]) for asset, each in value.items()}
    return {CREDITS: Position(value["posted"], value["pending"]), DEBT: Position(value.get("debt", 0), 0)}
