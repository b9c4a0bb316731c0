"""The public tape of a batch: its quotes and trades in order, without names. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from econsim.schemas.market import Item, OrderAccepted, Shout, TradeExecuted
from econsim.schemas.orders import Side

TAPE_MAX: Final = 2_000
"""Shouts in one tick's public tape: keeps `tick_cleared` well under 1 MiB."""

Told = tuple[int, str, str, Side, int]
"""A quote: number, order, nothing, side and price. Or a trade: number, bid, ask, side of the later order, and price."""


def tape(items: Iterable[Item]) -> list[Shout]:
    """Return the quotes and trades of a batch in order, without names."""
    told: list[Told] = []
    for item in items:
        if isinstance(item, OrderAccepted):
            told.append((item.n, item.order_id, "", item.side, item.price))
        elif isinstance(item, TradeExecuted):
            told.append((item.n, item.bid_id, item.ask_id, item.taker, item.price))
    return [Shout(*each) for each in shouts(told)]


def shouts(told: Iterable[Told]) -> list[tuple[Side, int, bool]]:
    """Return side, price and whether it traded of each shout of a batch, from its quotes and trades in order.

    A quote that traded at once is one shout, at the trade's price (Cliff 1997: a shout is a quote and
    whether it was accepted).
    """
    found: list[tuple[Side, int, bool]] = []
    fresh = ""
    for _, order_id, other, side, price in told:
        if not other:
            found.append((side, price, False))
            fresh = order_id
            continue
        if fresh in (order_id, other):
            found.pop()
            fresh = ""
        found.append((side, price, True))
    return found[-TAPE_MAX:]
