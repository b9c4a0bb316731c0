"""A price path as lines of text: dots of braille, and the equilibrium as a dashed line. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from econsim.report.format import money

COLUMNS_MIN: Final = 4
"""Columns of a plot at least: with fewer there is nothing to see."""

AXIS: Final = 9
"""Columns of the prices at the left, with the line that parts them from the plot."""

_BRAILLE: Final = 0x2800
_DOTS: Final = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""Bits of the dots of a braille sign, by row and column."""


def price_plot(
    points: Sequence[tuple[int, int]],
    band: tuple[int | None, int | None],
    width: int,
    height: int,
) -> list[tuple[str, str]]:
    """Return axis and plot of each line for prices (tick, micro-credits), oldest first.

    `band` is the interval of equilibrium prices, drawn as `╌` where no price is; an end that is none is left out.
    """
    columns = width - AXIS
    if columns < COLUMNS_MIN or height < 1:
        return []
    levels = [price for _, price in points] + [price for price in band if price is not None]
    if not levels:
        return [(" " * (AXIS - 1) + "│", " " * columns)] * height
    low, high = min(levels), max(levels)
    pad = max(1, (high - low) // 10)
    low, high = max(0, low - pad), high + pad

    def row_of(price: int, rows: int) -> int:
        return min(rows - 1, (high - price) * rows // (high - low))

    marks = {row_of(price, height) for price in band if price is not None}
    dots = _dots(points, columns, 4 * height, lambda price: row_of(price, 4 * height))
    labels = {0: high, height - 1: low} | {
        row_of(price, height): price for price in band if price is not None
    }
    return [
        (
            f"{money(labels[row]) if row in labels else '':>{AXIS - 1}.{AXIS - 1}}"
            + ("┤" if row in labels else "│"),
            "".join(
                chr(_BRAILLE + dots[row][column]) if dots[row][column] else "╌" if row in marks else " "
                for column in range(columns)
            ),
        )
        for row in range(height)
    ]


def _dots(
    points: Sequence[tuple[int, int]], columns: int, rows: int, row_of: Callable[[int], int]
) -> list[list[int]]:
    """Return the bits of each sign; the prices between two points are joined by a line of dots."""
    signs = [[0] * columns for _ in range(rows // 4)]
    if not points:
        return signs
    start, end = points[0][0], points[-1][0]
    across = 2 * columns - 1
    last: tuple[int, int] | None = None
    for tick, price in points:
        x = (tick - start) * across // (end - start) if end > start else 0
        y = row_of(price)
        for step_x, step_y in _line(last or (x, y), (x, y)):
            signs[step_y // 4][step_x // 2] |= _DOTS[step_y % 4][step_x % 2]
        last = (x, y)
    return signs


def _line(start: tuple[int, int], end: tuple[int, int]) -> list[tuple[int, int]]:
    """Return the dots from one to another."""
    steps = max(abs(end[0] - start[0]), abs(end[1] - start[1]), 1)
    return [
        (start[0] + (end[0] - start[0]) * step // steps, start[1] + (end[1] - start[1]) * step // steps)
        for step in range(steps + 1)
    ]
