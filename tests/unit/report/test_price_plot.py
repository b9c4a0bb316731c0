"""The price path as text."""

from __future__ import annotations

import pytest

from econsim.report.price_plot import AXIS, price_plot

PATH = [(tick, 1_000_000 + 10_000 * (tick % 7)) for tick in range(1, 50)]


@pytest.mark.parametrize(("width", "height"), [(20, 3), (80, 12), (200, 60)])
def test_a_plot_has_the_size_that_is_asked_for(width, height) -> None:
    lines = price_plot(PATH, (1_020_000, 1_030_000), width, height)

    assert len(lines) == height
    assert {(len(axis), len(plot)) for axis, plot in lines} == {(AXIS, width - AXIS)}


def test_the_equilibrium_is_a_dashed_line_with_its_price() -> None:
    lines = price_plot([(1, 3_000_000), (9, 1_000_000)], (2_000_000, 2_000_000), 40, 9)

    (row,) = [(axis, plot) for axis, plot in lines if "╌" in plot]
    assert row[0].strip() == "2┤"


def test_a_rising_price_ends_higher_than_it_began() -> None:
    plot = [text for _, text in price_plot([(1, 1_000_000), (50, 2_000_000)], (None, None), 60, 8)]

    first = next(row for row, text in enumerate(plot) if text[-1] != " ")
    last = next(row for row, text in enumerate(plot) if text[0] != " ")
    assert first < last


@pytest.mark.parametrize(
    ("points", "size"), [([], (40, 5)), (PATH, (10, 5)), (PATH, (40, 0)), ([(3, 5)], (40, 1))]
)
def test_a_plot_of_nothing_or_on_no_room_is_no_error(points, size) -> None:
    lines = price_plot(points, (None, None), *size)

    assert all(len(axis + plot) == size[0] for axis, plot in lines)
