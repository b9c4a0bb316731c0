"""Scenarios that one worker can execute whole."""

import pytest
from factories import group, role, scenario
from run_builders import small_scenario

from econsim.domain.execution.eligibility import why_not_whole
from econsim.runs.scenario_file import load, names


def test_a_market_of_coded_traders_is_executed_whole():
    assert why_not_whole(small_scenario()) == ""


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (small_scenario(hosts=2), "has 2 hosts"),
        (small_scenario(clock={"mode": "real_time", "tick_ms": 10}), "is in real time"),
        (
            scenario(group("ana", "external"), group("seller", roles=[role("ask", values=[[1]])])),
            "has external agents or agents that think (ana)",
        ),
    ],
)
def test_what_services_must_share_has_a_reason(found, reason):
    assert why_not_whole(found) == reason


def test_the_shipped_scenarios_of_coded_traders_are_executed_whole():
    whole = {name for name in names() if not why_not_whole(load(name))}

    assert {"smith1962", "zip_learning", "flat_supply", "call_vs_cda"} <= whole
    assert not whole & {"genesis", "studio", "tool_market", "thinking_is_dear"}
