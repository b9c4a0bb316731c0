"""Net gains of groups. Catches: a price or payment that is left out, a day's units counted in the next one, a wrong side."""

from __future__ import annotations

import pytest
from factories import group, role, scenario
from run_builders import records, small_run, summed
from thinking import studio
from tool_builders import answer, offered, tool_users

from econsim.schemas.types import MICROS_PER_CREDIT

LOOK = offered("look", answer("2.20"), price=0.05)


def gains(summary):
    return {group.group: group.periods for group in summary.gains}


@pytest.mark.parametrize(
    "wanted", [None, tool_users(LOOK), studio()], ids=["traders", "tool users", "studio"]
)
def test_what_all_groups_gain_is_the_surplus_less_all_payments(wanted) -> None:
    summary = summed(small_run() if wanted is None else records(wanted))

    sizes = {each.name: each.count for each in summary.scenario.agents}
    paid = sum(each.price for each in (*summary.thinking, *summary.tools))
    surplus = sum(period.surplus for market in summary.markets for period in market.periods)
    total = sum(sizes[name] * sum(periods) for name, periods in gains(summary).items())
    assert surplus > 0
    assert total * MICROS_PER_CREDIT == pytest.approx(surplus - paid)


def test_a_groups_gains_are_what_its_agents_are_richer_by() -> None:
    summary = summed(records(tool_users(LOOK)))

    profits = [holder.profit for holder in summary.holders if holder.group == "buyer"]

    assert sum(gains(summary)["buyer"]) * 2 * MICROS_PER_CREDIT == pytest.approx(sum(profits))


def test_a_taker_gains_what_its_delegators_pay() -> None:
    summary = summed(records(studio()))

    profits = [holder.profit for holder in summary.holders if holder.group == "researcher"]

    assert sum(gains(summary)["researcher"]) * 2 * MICROS_PER_CREDIT == pytest.approx(sum(profits))


def test_a_tool_that_is_paid_and_not_heeded_is_lost_on_the_day_of_its_call() -> None:
    """The answer has no price in it, so that both runs trade alike."""
    free, dear = (
        summed(records(tool_users(offered("look", answer("no idea"), price=price)))) for price in (0, 1)
    )

    lost = [before - after for before, after in zip(gains(free)["buyer"], gains(dear)["buyer"], strict=True)]
    assert sum(lost) == pytest.approx(free.tools[0].uses[0].calls / 2)
    assert min(lost) > 0


def test_who_does_not_trade_gains_nothing() -> None:
    wanted = scenario(
        group("buyer", "truthful", roles=[role("bid", values=[[1.0]])]),
        group("seller", "truthful", roles=[role("ask", values=[[2.0]])]),
        clock={"periods": 2, "ticks_per_period": 2},
    )

    assert gains(summed(records(wanted))) == {"buyer": (0.0, 0.0), "seller": (0.0, 0.0)}


def test_an_expectation_may_be_of_a_groups_net_gain() -> None:
    row = {"measure": "net_gain", "group": "buyer", "value": 1, "tolerance": 0, "source": "theory"}
    wanted = scenario(
        group("buyer", "truthful", credits=5, roles=[role("bid", values=[[3.0]])]),
        group("seller", "truthful", roles=[role("ask", values=[[2.0]])]),
        clock={"ticks_per_period": 4},
        expectations=[row, {**row, "group": "seller", "value": 0}],
    )

    found = [verdict.measured for verdict in summed(records(wanted)).verdicts]

    assert sum(found) == pytest.approx(1)
