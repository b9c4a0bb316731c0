"""The forms of expectations about the economy: what must be true of money, prices and books. `expectation.py` joins them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from econsim.schemas.expectation_parts import Constraint, Form
from econsim.schemas.types import PERIODS_MAX, Name

Periods = Annotated[int, Field(strict=True, ge=1, le=PERIODS_MAX)]
"""Number of a trading day."""


class Conservation(Form):
    """Nothing is lost or made: all that is traded is paid and delivered, and clearing accounts are empty when the run ends."""

    form: Literal["conservation"] = "conservation"
    """Word of the form."""


class Solvent(Form):
    """Nobody but the treasury ever owns less than nothing, or has reserved more than is owned."""

    form: Literal["solvent"] = "solvent"
    """Word of the form."""


class Costs(Form):
    """The prices of all calls of models and tools add up to what the ledger took from each agent for them."""

    form: Literal["costs"] = "costs"
    """Word of the form."""


class LimitPrices(Form):
    """No trade is above its bid's limit or below its ask's."""

    form: Literal["limit_prices"] = "limit_prices"
    """Word of the form."""
    resource: Name | None = None
    """Market; none for all."""


class Uncrossed(Form):
    """After matching, no bid is as high as an ask."""

    form: Literal["uncrossed"] = "uncrossed"
    """Word of the form."""
    resource: Name | None = None
    """Market; none for all that match at every tick."""


class EquilibriumPrice(Form):
    """The mean price of each period lies within the equilibrium interval of the agents' private values."""

    form: Literal["equilibrium_price"] = "equilibrium_price"
    """Word of the form."""
    resource: Name | None = None
    """Market; may be left out where there is only one."""
    tolerance_percent: Annotated[float, Field(strict=True, ge=0, le=100)] = 0
    """Distance from the interval that is allowed, percent of its middle."""
    first_period: Periods = 1
    """First period that is judged: agents that learn need some before."""


class Spread(Form):
    """The mean distance of the best ask from the best bid after matching."""

    form: Literal["spread"] = "spread"
    """Word of the form."""
    resource: Name | None = None
    """Market; may be left out where there is only one."""
    value: Constraint
    """Constraint on the mean, in credits."""


class Gini(Form):
    """The Gini coefficient of the agents' wealth at the end: 0 if all have the same, near 1 if one has all."""

    form: Literal["gini"] = "gini"
    """Word of the form."""
    value: Constraint
    """Constraint on the coefficient; wealth is money owned less money owed, and below zero counts as zero."""
