"""Expectations of a scenario about its run: measures with their source, and forms about its events and its economy.

`Expectation` is the union of all forms, told apart by `form`; without that key it is a measure. `domain/expectation/` judges.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Final, Literal, TypeAlias

from pydantic import ConfigDict, Discriminator, Field, Tag

from econsim.schemas.base import Message
from econsim.schemas.expectation_economic import (
    Conservation,
    Costs,
    EquilibriumPrice,
    Gini,
    LimitPrices,
    Solvent,
    Spread,
    Uncrossed,
)
from econsim.schemas.expectation_forms import (
    Before,
    Count,
    Happens,
    Latency,
    Never,
    Sequence,
    Stable,
    State,
    Sum,
    Then,
    UntilEvent,
)
from econsim.schemas.types import PERIODS_MAX, Name


class Measure(StrEnum):
    """A measure of a market's outcome, or of a group: the mean of its periods' numbers."""

    EFFICIENCY = "efficiency"
    """Realised over maximum surplus, percent."""
    ALPHA = "alpha"
    """Smith's alpha: root mean square deviation of units' prices from the equilibrium price, percent of it."""
    CONSTRAINED_EFFICIENCY = "constrained_efficiency"
    """Realised surplus over the most that the price limits and the tax of the period leave possible, percent."""
    CONSTRAINED_ALPHA = "constrained_alpha"
    """Smith's alpha around the equilibrium price within the price limits and after the tax of the period, percent."""
    TAX_REVENUE = "tax_revenue"
    """Credits that the tax brings in a period; negative for a subsidy."""
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


def _is_measure(value: object) -> bool:
    """Return whether the word is that of a measure: files have none, so their canonical hash is as ever."""
    return value == MEASURE


MEASURE: Final = "measure"
"""Word of the form that is meant where a file gives none."""


class MeasureExpectation(Message):
    """A measured number the scenario must reproduce, with its source."""

    model_config = ConfigDict(strict=False)

    form: Annotated[Literal["measure"], Field(exclude_if=_is_measure)] = "measure"
    """Word of the form; may be left out."""
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


FORMS: Final[Mapping[str, type[Message]]] = {
    "measure": MeasureExpectation,
    "happens": Happens,
    "never": Never,
    "then": Then,
    "before": Before,
    "sequence": Sequence,
    "exactly": Count,
    "at_most": Count,
    "at_least": Count,
    "until": UntilEvent,
    "state": State,
    "stable": Stable,
    "sum": Sum,
    "latency": Latency,
    "conservation": Conservation,
    "solvent": Solvent,
    "costs": Costs,
    "limit_prices": LimitPrices,
    "uncrossed": Uncrossed,
    "equilibrium_price": EquilibriumPrice,
    "spread": Spread,
    "gini": Gini,
}
"""Word of a form → its schema."""

INVARIANTS: Final = frozenset({"conservation", "solvent", "costs", "limit_prices", "uncrossed"})
"""Words of the forms that must hold of any run, whoever takes part and however time goes."""

UNKNOWN_FORM: Final = "form_is_unknown"
"""Type of the error of an expectation whose form there is not."""


_EVENT_KEYS: Final = frozenset({"event", "events", "trigger", "first", "at", "until", "times"})
"""Keys that no measure has: a table with one of them lacks its form."""


def _form(value: object) -> str | None:
    """Return the tag of an expectation's schema; none, which is refused, for a word that is no form."""
    if isinstance(value, Mapping) and "form" not in value and not value.keys().isdisjoint(_EVENT_KEYS):
        return None
    word = value.get("form", MEASURE) if isinstance(value, Mapping) else getattr(value, "form", None)
    found = FORMS.get(word) if isinstance(word, str) else None
    return None if found is None else found.__name__


Expectation: TypeAlias = Annotated[
    Annotated[MeasureExpectation, Tag("MeasureExpectation")]
    | Annotated[Happens, Tag("Happens")]
    | Annotated[Never, Tag("Never")]
    | Annotated[Then, Tag("Then")]
    | Annotated[Before, Tag("Before")]
    | Annotated[Sequence, Tag("Sequence")]
    | Annotated[Count, Tag("Count")]
    | Annotated[UntilEvent, Tag("UntilEvent")]
    | Annotated[State, Tag("State")]
    | Annotated[Stable, Tag("Stable")]
    | Annotated[Sum, Tag("Sum")]
    | Annotated[Latency, Tag("Latency")]
    | Annotated[Conservation, Tag("Conservation")]
    | Annotated[Solvent, Tag("Solvent")]
    | Annotated[Costs, Tag("Costs")]
    | Annotated[LimitPrices, Tag("LimitPrices")]
    | Annotated[Uncrossed, Tag("Uncrossed")]
    | Annotated[EquilibriumPrice, Tag("EquilibriumPrice")]
    | Annotated[Spread, Tag("Spread")]
    | Annotated[Gini, Tag("Gini")],
    Discriminator(
        _form,
        custom_error_type=UNKNOWN_FORM,
        custom_error_message="form is not one of the forms of expectations",
    ),
]
"""An expectation of any form."""
