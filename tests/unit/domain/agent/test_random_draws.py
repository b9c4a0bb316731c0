"""Draws are per agent, purpose and ordinal: whatever one group is or does, all others draw and take turns as before.

The markets here never trade, because supply lies wholly above demand and nobody takes a loss: so the orders of an agent follow from its draws
alone.
"""

from __future__ import annotations

from factories import group, role, scenario
from hypothesis import given, settings
from hypothesis import strategies as st

from econsim.domain.agent.random_draws import Draws
from econsim.domain.audit.envelope import Envelope
from econsim.domain.execution.in_memory import NOW, conduct
from econsim.domain.execution.in_memory_run import InMemoryRun
from econsim.schemas.market import Accepted

CHANGES = st.fixed_dictionaries(
    {
        "policy": st.sampled_from(["zi_c", "truthful", "zip"]),
        "count": st.integers(1, 12),
        "activity_percent": st.integers(1, 100),
        "credits": st.sampled_from([0, 1, 100]),
        "units": st.integers(1, 4),
        "first": st.sampled_from([0.2, 0.7, 1.0]),
    }
)


def economy(mechanism, seed, changed):
    """Return buyers below 1 and sellers above 2, and a group of buyers that is changed; its place is among the others."""
    fields = {key: changed[key] for key in ("policy", "count", "activity_percent", "credits")}
    roles = [role("bid", first=changed["first"], last=0.5, units=changed["units"])]
    groups = (
        group("low", count=4, activity_percent=60, roles=[role("bid", first=0.9, last=0.4)]),
        group("changed", **fields, roles=roles),
        group("high", count=4, roles=[role("ask", first=2.1, last=3.0, units=2)]),
    )
    clock = {"periods": 2, "ticks_per_period": 5}
    market = {"resource": "cpu", "mechanism": mechanism, "window_ticks": 2}
    return scenario(*groups, markets=[market], clock=clock, seed=seed)


def others(driver):
    """Return the orders of all agents but those that are changed: tick, order, agent and price, in the order of their turns."""
    return [
        (addressed.event.tick, item.n, item.order_id, item.price)
        for addressed in driver.events()
        if isinstance(addressed.event.data, Accepted)
        for item in addressed.event.data.items
        if not item.agent.startswith("changed")
    ]


def without_numbers(orders):
    """Return orders in the order of their turns; numbers count the changed agents too."""
    return [(tick, order_id, price) for tick, _, order_id, price in sorted(orders)]


@settings(max_examples=25)
@given(
    mechanism=st.sampled_from(["continuous_double_auction", "call_auction"]),
    seed=st.integers(0, 99),
    before=CHANGES,
    after=CHANGES,
)
def test_a_change_of_one_group_changes_neither_draws_nor_turns_of_the_others(
    mechanism, seed, before, after
) -> None:
    envelope = Envelope("run", "ab", 0, NOW)
    for driver in (conduct, InMemoryRun):
        first, second = (others(driver(economy(mechanism, seed, each), envelope)) for each in (before, after))

        assert first
        assert without_numbers(first) == without_numbers(second)


def test_draws_within_a_purpose_are_those_of_the_whole_purpose() -> None:
    assert Draws(1, "match").within("ann", 2).bits() == Draws(1, "match", "ann", 2).bits()
    assert Draws(1, "match").within("ann", 2).bits() != Draws(1, "match").within("bob", 2).bits()
