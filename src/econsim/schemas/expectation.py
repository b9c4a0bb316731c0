"""Expectations of a scenario about its run: numbers with their source, checked when the run ends."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import ConfigDict, Field

from econsim.schemas.base import Message
from econsim.schemas.types import PERIODS_MAX, Name


class Measure(StrEnum):
    """A measure of a market's outcome: the mean of its periods' numbers."""

    EFFICIENCY = "efficiency"
    """Realised over maximum surplus, percent."""
    ALPHA = "alpha"
    """Smith's alpha: root mean square deviation of units' prices from the equilibrium price, percent of it."""
    MEAN_PRICE = "mean_price"
    """Mean price of the units traded, credits a unit."""
    TRADES_PER_PERIOD = "trades_per_period"
    """Units traded in a period."""


class Expectation(Message):
    """A measured number the scenario must reproduce, with its source."""

    model_config = ConfigDict(strict=False)

    measure: Measure
    """Measure of the market's outcome."""
    resource: Name | None = None
    """Market that is measured; may be left out where there is only one."""
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
