"""The tree of `econsim why`, where a fact has many causes."""

from __future__ import annotations

from io import StringIO

from rich.console import Console
from run_builders import only, records, small_scenario

from econsim import subjects
from econsim.domain.audit.causality import CausalGraph
from econsim.report.cause_tree import CAUSES_SHOWN_MAX, cause_tree


def test_a_trade_of_a_late_period_is_shown_with_its_nearest_causes_and_the_number_of_those_left_out():
    log = records(small_scenario("zi_c", clock={"periods": 40, "ticks_per_period": 6}), "run_1", "ab")
    graph = CausalGraph(log)
    trade = only(log, subjects.TRADE_EXECUTED)[-1].data["items"][-1]["trade_id"]
    causes = len(graph.chain(trade)) - 1
    console = Console(width=80, file=(shown := StringIO()))

    console.print(cause_tree(graph, trade))

    lines = shown.getvalue()
    assert f"… {causes - CAUSES_SHOWN_MAX} causes more" in lines
    assert lines.index("opened run run_1") < lines.index("causes more") < lines.index("▶ trade_executed")
    assert "transfer_posted" in lines
