"""The widest limits of many agents: those of the best buyer and the best seller, who gain most at equal prices."""

from __future__ import annotations

import pytest

from econsim.domain.agent.prospects import widest
from econsim.schemas.agent import Limits

NOBODY = Limits(None, None, None, None)


@pytest.mark.parametrize(
    ("every", "best"),
    [
        ([], NOBODY),
        ([NOBODY, Limits(5, 6, None, None), Limits(None, None, 3, 2)], Limits(5, 6, 3, 2)),
        ([Limits(5, 6, 3, 2), Limits(7, 7, 1, 1)], Limits(7, 7, 1, 1)),
        ([Limits(7, 7, 1, 1), Limits(5, 6, 3, 2)], Limits(7, 7, 1, 1)),
        # On a coarse grid two have one price: the one who gains more counts.
        ([Limits(5, 6, 3, 2), Limits(5, 9, 3, 0)], Limits(5, 9, 3, 0)),
        ([Limits(5, 9, 3, 0), Limits(5, 6, 3, 2)], Limits(5, 9, 3, 0)),
    ],
)
def test_the_best_of_both_sides_count(every, best):
    assert widest(every) == best
