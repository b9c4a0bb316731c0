"""Measures of a market's outcome, as pure functions of numbers.

Owns the formulas. A measure that is undefined (no trade, no possible surplus) is None, never a number that could be
averaged by mistake.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import fsum, sqrt
from typing import Final

NORMAL_QUANTILE: Final = 1.959963984540054
"""97.5 % quantile of the normal distribution: two-sided 95 %."""

STUDENT_QUANTILES: Final = (
    12.706205,
    4.302653,
    3.182446,
    2.776445,
    2.570582,
    2.446912,
    2.364624,
    2.306004,
    2.262157,
)
"""97.5 % quantiles of Student's t for 1 … 9 degrees of freedom; the series in `student_quantile` is too coarse there."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean with its 95 % confidence interval."""

    mean: float
    """Mean of the sample."""
    half_width: float
    """Half the width of the interval, which is mean ± half_width."""
    n: int
    """Size of the sample."""

    @property
    def low(self) -> float:
        """Lower end of the interval."""
        return self.mean - self.half_width

    @property
    def high(self) -> float:
        """Upper end of the interval."""
        return self.mean + self.half_width


def efficiency(surplus: float, surplus_max: float) -> float | None:
    """Return allocative efficiency: realised over maximum surplus; 1 is all, below 0 is a loss."""
    return surplus / surplus_max if surplus_max > 0 else None


def smiths_alpha(
    prices: Sequence[float], quantities: Sequence[int], equilibrium_price: float
) -> float | None:
    """Return Smith's alpha (1962) in percent: root mean square deviation of prices from P0 over units, over P0."""
    if equilibrium_price <= 0:
        return None
    square = weighted_mean([(price - equilibrium_price) ** 2 for price in prices], quantities)
    return None if square is None else 100 * sqrt(square) / equilibrium_price


def weighted_mean(sample: Sequence[float], weights: Sequence[int]) -> float | None:
    """Return the weighted mean."""
    total = sum(weights)
    if not total:
        return None
    return fsum(x * weight for x, weight in zip(sample, weights, strict=True)) / total


def mean(sample: Sequence[float]) -> float | None:
    """Return the arithmetic mean: equal numbers have just that one as theirs, though 3 * 0.1 / 3 is more than 0.1."""
    return min(max(fsum(sample) / len(sample), min(sample)), max(sample)) if sample else None


def standard_deviation(sample: Sequence[float]) -> float | None:
    """Return the sample standard deviation (n - 1); needs two numbers."""
    centre = mean(sample)
    if centre is None or len(sample) < 2:
        return None
    return sqrt(fsum((x - centre) ** 2 for x in sample) / (len(sample) - 1))


def confidence_interval(sample: Sequence[float]) -> Interval | None:
    """Return the mean with its 95 % confidence interval by Student's t; needs two independent numbers."""
    centre, spread, n = mean(sample), standard_deviation(sample), len(sample)
    if centre is None or spread is None:
        return None
    return Interval(centre, student_quantile(n - 1) * spread / sqrt(n), n)


def student_quantile(degrees: int) -> float:
    """Return the 97.5 % quantile of Student's t, within 0.0002 (Abramowitz and Stegun 26.7.5)."""
    if degrees <= len(STUDENT_QUANTILES):
        return STUDENT_QUANTILES[degrees - 1]
    z, v = NORMAL_QUANTILE, degrees
    first = (z**3 + z) / (4 * v)
    second = (5 * z**5 + 16 * z**3 + 3 * z) / (96 * v**2)
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * v**3)
    return z + first + second + third


def gini(amounts: Iterable[float]) -> float | None:
    """Return the Gini coefficient of amounts that are not negative: 0 is equal, towards 1 is all to one.

    Raises ValueError for a negative amount, where the coefficient has no meaning.
    """
    ordered = sorted(amounts)
    if not ordered:
        return None
    if ordered[0] < 0:
        message = f"the Gini coefficient needs amounts of at least 0, not {ordered[0]}"
        raise ValueError(message)
    total = fsum(ordered)
    if not total:
        return 0.0
    n = len(ordered)
    weighted = fsum((2 * rank - n - 1) * amount for rank, amount in enumerate(ordered, start=1))
    return weighted / (n * total)
