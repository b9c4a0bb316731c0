"""Numbers as people read them."""

import pytest

from econsim.report.format import plus_minus


@pytest.mark.parametrize(
    ("value", "half_width", "text"),
    [
        (96.69, 1.4, "96.69 ± 1.40"),
        (0.0541, 0.012, "0.0541 ± 0.0120"),
        (94.66667, None, "94.67"),
        (-0.096342, None, "-0.0963"),
        (188.0, None, "188"),
        (2.5, 0.0, "2.50"),
    ],
)
def test_a_number_has_as_many_decimals_as_those_beside_it(value, half_width, text):
    assert plus_minus(value, half_width) == text
