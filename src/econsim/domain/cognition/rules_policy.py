"""The policy of the provider `rules`: from an observation to the rows of an answer. Pure.

It quotes its private value less a margin, or its cost plus one, one lot a market; and it buys tokens before it runs out
of them, at the lowest ask. It never spends more credits, and never offers more units, than the observation shows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Final, NamedTuple

from econsim.domain.cognition.observation import AgentObservation, ObservedMarket, TokenSupply
from econsim.domain.cognition.strategy import Strategy
from econsim.schemas.money import format_credits
from econsim.schemas.orders import Side, Verb

MARGIN_PERCENT: Final = 5
"""Profit margin of a quote, percent of the value or cost."""

THOUGHTS_AHEAD_MIN: Final = 2
"""Thoughts that the tokens must last for: this one, and the next, in which new tokens can be bought."""

THOUGHTS_AHEAD: Final = 3
"""Thoughts that tokens are bought for."""

PATIENCE_TICKS: Final = 5
"""Ticks of a period after which a strategist that has not traded narrows its margin."""

MARGIN_WIDE_PERCENT: Final = 30
"""Largest margin of a strategist that trades, percent."""

MARGIN_NARROW_PERCENT: Final = 10
"""Largest margin of a strategist that has waited in vain, percent."""

Row = dict[str, object]
"""One row of an answer: an action, or the strategy of a market."""


class WantedOrder(NamedTuple):
    """The one order that the policy wants to be open on a market."""

    side: Side
    """Side of the order."""
    price: int
    """Limit of the order, micro-credits a unit."""
    quantity: int
    """Units of the order, before what the agent can pay or deliver."""


def policy_actions(observation: AgentObservation, reference: int | None = None) -> list[Row]:
    """Return the actions of a tick, those on the token market first; `reference` is a price to go by on the agent's own market."""
    tokens, left = observation.tokens, observation.credits
    first = None if tokens is None else tokens.resource
    rows: list[Row] = []
    for market in sorted(observation.markets, key=lambda market: market.resource != first):
        wanted = _wanted_order(market, tokens, reference)
        if wanted is None or _is_open(market, wanted):
            continue
        rows += _cancels(market, wanted.side)
        buys = wanted.side is Side.BID
        stock = left // wanted.price if buys else observation.holdings.get(market.resource, 0)
        units = _whole_lots(min(wanted.quantity, stock), market)
        if units > 0:
            rows.append(_order(market, wanted, units))
            left -= units * wanted.price if buys else 0
    return rows


def policy_strategies(observation: AgentObservation) -> list[Row]:
    """Return a strategy for each market where the agent has a role: a wide margin, a narrow one after waiting in vain."""
    rows: list[Row] = []
    for market in observation.markets:
        if market.side is None:
            continue
        in_vain = not market.traded and observation.tick_of_period > PATIENCE_TICKS
        most = MARGIN_NARROW_PERCENT if in_vain else MARGIN_WIDE_PERCENT
        strategy = Strategy(margin_max_percent=most)
        rows.append({"resource": market.resource, **asdict(strategy)})
    return rows


def _wanted_order(
    market: ObservedMarket, tokens: TokenSupply | None, reference: int | None
) -> WantedOrder | None:
    if tokens is not None and market.resource == tokens.resource:
        missing = tokens.needed * THOUGHTS_AHEAD - tokens.units
        if missing > tokens.needed * (THOUGHTS_AHEAD - THOUGHTS_AHEAD_MIN):
            return _token_bid(market, missing)
    if market.side is None or market.value is None:
        return None
    price = _quote(market, market.side, market.value, reference)
    return None if price is None else WantedOrder(market.side, price, market.lot_size)


def _token_bid(market: ObservedMarket, missing: int) -> WantedOrder:
    """Return a bid at the lowest ask; without one a tick above the last price, or at the price floor."""
    above = market.price_min if market.last_price is None else market.last_price + market.tick_size
    price = min(above, market.price_max) if market.best_ask is None else market.best_ask
    return WantedOrder(Side.BID, price, _whole_lots(missing + market.lot_size - 1, market))


def _quote(market: ObservedMarket, side: Side, value: int, reference: int | None) -> int | None:
    """Return the price with the margin, or the reference if it is better for the agent, on the grid and within the limits.

    None if only a loss is left.
    """
    size = market.tick_size
    if side is Side.BID:
        price = value * (100 - MARGIN_PERCENT) // 100
        price = (price if reference is None else min(price, reference)) // size * size
        price = max(min(price, market.price_max), market.price_min)
        return price if price <= value else None
    price = -(-value * (100 + MARGIN_PERCENT) // 100)
    price = -(-(price if reference is None else max(price, reference)) // size) * size
    price = min(max(price, market.price_min), market.price_max)
    return price if price >= value else None


def _is_open(market: ObservedMarket, wanted: WantedOrder) -> bool:
    return any(order.side is wanted.side and order.price == wanted.price for order in market.orders)


def _cancels(market: ObservedMarket, side: Side) -> Iterator[Row]:
    """Yield cancels of the open orders of a side: the wanted one takes their place."""
    for order in market.orders:
        if order.side is side:
            yield {"verb": Verb.CANCEL, "resource": market.resource, "order_id": order.order_id}


def _order(market: ObservedMarket, wanted: WantedOrder, units: int) -> Row:
    verb = Verb.BID if wanted.side is Side.BID else Verb.ASK
    price = format_credits(wanted.price)
    return {"verb": verb, "resource": market.resource, "price": price, "quantity": units}


def _whole_lots(units: int, market: ObservedMarket) -> int:
    return units // market.lot_size * market.lot_size
