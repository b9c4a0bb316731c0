"""Expectations of a scenario about its run: numbers with their source, checked when the run ends."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final

from pydantic import ConfigDict, Field

from econsim.schemas.base import Message
from econsim.schemas.types import PERIODS_MAX, Name


class Measure(StrEnum):
    """A measure of a market's outcome, or of a group: the mean of its periods' numbers."""

    EFFICIENCY = "efficiency"
    """Realised over maximum surplus, percent."""
    ALPHA = "alpha"
    """Smith's alpha: root mean square deviation of units' prices from the equilibrium price, percent of it."""
    MEAN_PRICE = "mean_price"
    """Mean price of the units traded, credits a unit."""
    TRADES_PER_PERIOD = "trades_per_period"
    """Units traded in a period."""
    FIRST_ARRIVAL = "first_arrival"
    """Units sold by the seller whose ask was the first to arrive in the period, percent of all units traded."""
    THINKING_COST = "thinking_cost"
    """Cost of thinking: credits that an agent of the group pays for calls of models in a period, mean over its agents."""
    PRICED_OUT = "priced_out"
    """Agents of the group that could not afford their newest call, percent."""
    NET_GAIN = "net_gain"
    """Net gain: worth of the units that an agent of the group traded in a period, less their prices and its payments for calls of
    models and tools, credits, mean over its agents."""


GROUP_MEASURES: Final = frozenset({Measure.THINKING_COST, Measure.PRICED_OUT, Measure.NET_GAIN})
"""Measures of a group of agents; the others are of a market."""


def _is_none(value: object) -> bool:
    """Return whether a key is left out: a file without it has the same canonical hash as ever."""
    return value is None


class Expectation(Message):
    """A measured number the scenario must reproduce, with its source."""

    model_config = ConfigDict(strict=False)

    measure: Measure
    """Measure of the market's outcome or of the group."""
    resource: Name | None = None
    """Market that is measured; may be left out where there is only one."""
    group: Annotated[Name | None, Field(exclude_if=_is_none)] = None
    """Group of agents that is measured, for `thinking_cost`, `priced_out` and `net_gain`."""
    first_period: Annotated[int, Field(strict=True, ge=1, le=PERIODS_MAX)] = 1
    """First period of the mean."""
    last_period: Annotated[int, Field(strict=True, ge=1, le=PERIODS_MAX)] | None = None
    """Last period of the mean; none for the run's last."""
    value: Annotated[float, Field(strict=True)]
    """Mean that is expected, in the measure's unit."""
    tolerance: Annotated[float, Field(strict=True, ge=0)]
    """Difference from the value that is allowed, either way."""
    source: str
    """Source of the value: paper, page or independent implementation."""
