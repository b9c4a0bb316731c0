"""The colours of charts: read on white and on dark, and told apart by colour-blind readers."""

from __future__ import annotations

from math import dist

import pytest

from econsim.report.charts import BLUE, COLOURS, CORAL, GREY, ON_DARK

WHITE, DARK = "#ffffff", "#171b23"
TEXT_CONTRAST_MIN = 4.5
"""Contrast of text with its ground that WCAG 2.2 asks for."""

# Machado, Oliveira and Fernandes (2009), severity 1, on linear light.
SEEN_BY = {
    "protan": ((0.152, 1.053, -0.205), (0.115, 0.786, 0.099), (-0.004, -0.048, 1.052)),
    "deutan": ((0.367, 0.861, -0.228), (0.280, 0.673, 0.047), (-0.012, 0.043, 0.969)),
    "tritan": ((1.256, -0.077, -0.179), (-0.078, 0.931, 0.148), (0.005, 0.691, 0.304)),
}


def linear(colour):
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    return [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]


def luminance(colour):
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear(colour), strict=True))


def contrast(one, other):
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def seen(colour, reader):
    light = linear(colour)
    return [sum(map(float.__mul__, row, light)) for row in SEEN_BY[reader]]


@pytest.mark.parametrize("colour", [colour for colour in COLOURS if colour != GREY])
def test_the_name_of_a_line_can_be_read_on_white_and_on_dark(colour):
    assert contrast(colour, WHITE) >= TEXT_CONTRAST_MIN
    assert contrast(ON_DARK[colour], DARK) >= TEXT_CONTRAST_MIN


@pytest.mark.parametrize("reader", SEEN_BY)
def test_a_colour_blind_reader_tells_buyers_from_sellers(reader):
    """Other lines also have shapes; all have their names."""
    assert dist(seen(BLUE, reader), seen(CORAL, reader)) > 0.3
    assert dist(seen(ON_DARK[BLUE], reader), seen(ON_DARK[CORAL], reader)) > 0.3
