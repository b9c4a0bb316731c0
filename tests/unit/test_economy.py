"""Small whole economies in memory: what a scenario promises is what its agents come to."""

from __future__ import annotations

import pytest
from economies import call
from run_builders import records, summed


def efficiencies(wanted):
    """Return each period's efficiency on the first market."""
    return [period.efficiency for period in summed(records(wanted)).markets[0].periods]


@pytest.mark.parametrize(("window", "ticks"), [(4, 3), (3, 4), (2, 3), (100, 1), (1, 1), (3, 3)])
def test_a_call_auction_clears_in_every_period_however_its_windows_fit(window, ticks) -> None:
    assert efficiencies(call(window, ticks)) == [1, 1, 1, 1]
