"""Values and costs drawn from the distributions of a scenario. Pure.

Each unit has draws of its own, keyed by the seed, its agent, its market and its place (and by the period, if it is drawn anew in
each): more agents, units or periods change nobody else's. Numbers are drawn in decimals, so that every machine agrees.
"""

from __future__ import annotations

from decimal import Context, Decimal
from typing import Final

from econsim.domain.agent.random_draws import Draws
from econsim.schemas.scenario_parts import Draw
from econsim.schemas.scenario_words import Distribution, Redraw

PURPOSE: Final = "value"
"""Purpose of these draws."""

RUN: Final = 0
"""Number in the place of the period where values are drawn once a run."""

_EXACT: Final = Context(prec=28)
"""Arithmetic with a result that is rounded correctly to 28 digits, whatever the machine."""

_HALF: Final = 2**52
"""Half the range of a number of 53 bits."""


def draw_values(draw: Draw, units: int, tick_size: int, of: tuple[int, str, str], period: int) -> list[int]:
    """Return the values or costs of so many units of an agent, micro-credits on the grid, in the order of the draws.

    `of` are the seed, the agent and the market. Where no price of the grid lies between the ends, all are the lowest end.
    """
    seed, agent, resource = of
    when = period if draw.redraw is Redraw.PERIOD else RUN
    low, high = -(-draw.low // tick_size), draw.high // tick_size
    if low > high:
        return [draw.low] * units
    return [
        _value(draw, low, high, tick_size, Draws(seed, PURPOSE, agent, resource, when, unit))
        for unit in range(units)
    ]


def _value(draw: Draw, low: int, high: int, tick_size: int, draws: Draws) -> int:
    """Return one value; `low` and `high` are in ticks."""
    if draw.distribution is Distribution.UNIFORM or draw.mean is None or draw.deviation is None:
        return draws.integer(low, high) * tick_size
    while True:
        # The ends are at most a deviation away on one side, so a third of the draws lie between them.
        value = draw.mean + int(_EXACT.multiply(Decimal(draw.deviation), _normal(draws)))
        if draw.low <= value <= draw.high:
            nearest = (2 * value + tick_size) // (2 * tick_size)
            return min(max(nearest, low), high) * tick_size


def _normal(draws: Draws) -> Decimal:
    """Return a standard normal number, by the polar method of Marsaglia and Bray (1964)."""
    while True:
        u, v = (Decimal((draws.bits() >> 11) - _HALF) / _HALF for _ in range(2))
        square = _EXACT.add(_EXACT.multiply(u, u), _EXACT.multiply(v, v))
        if 0 < square < 1:
            factor = _EXACT.divide(_EXACT.multiply(Decimal(-2), _EXACT.ln(square)), square)
            return _EXACT.multiply(u, _EXACT.sqrt(factor))
