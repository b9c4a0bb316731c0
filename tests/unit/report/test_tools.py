"""What agents paid for calls of tools. Catches: a price that the ledger has not, a lost failure or refusal, a group's calls counted with another's."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from run_builders import only, records, small_run, summed
from tool_builders import answer, offered, tool_users

from econsim import subjects
from econsim.report.failures import MESSAGES_MAX, FailureCount
from econsim.report.format import failure_text, tool_rows
from econsim.report.html import render
from econsim.report.tools import ToolAggregator, ToolUse

QUERY = {"type": "object", "required": ["query"], "properties": {"query": {"type": "string"}}}
CPU = answer("2.20", params={"query": "cpu"})


def look(name="look", *answers, **fields):
    return offered(name, *(answers or (CPU,)), parameters=QUERY, **{"price": 0.05, **fields})


@cache
def tool_run():
    """Return two periods in which two agents call one tool that answers and one that has no answer."""
    missing = look("miss", answer("for another", params={"query": "gpu"}), server="other")
    return records(tool_users(look(), missing))


def test_calls_prices_and_failures_are_counted_by_tool() -> None:
    (buyers,) = summed(tool_run()).tools

    assert buyers.uses == (
        ToolUse("buyer", "library", "look", 4, {}, 200_000),
        ToolUse("buyer", "other", "miss", 4, {"tool_answer_is_not_recorded": 4}, 0, buyers.uses[1].said),
    )


def test_the_price_of_a_groups_calls_is_what_the_ledger_posted() -> None:
    (buyers,) = summed(tool_run()).tools

    posted = sum(
        transfer["amount"]
        for entry in only(tool_run(), subjects.TRANSFER_POSTED)
        for chain in entry.data["chains"]
        for transfer in chain["transfers"]
        if transfer["credit"] == "mcp" and transfer["kind"] == "post"
    )

    assert buyers.price == posted == 200_000


def test_calls_that_could_not_be_paid_are_refused_and_no_use() -> None:
    summary = summed(records(tool_users(look(price=60), count=1)))

    (buyers,) = summary.tools

    assert (buyers.uses, buyers.refused > 0) == ((), True)
    assert tool_rows(summary) == [("buyer", "—", "0", "0", str(buyers.refused), "0")]


def test_an_error_that_a_tool_reports_is_a_failure() -> None:
    (buyers,) = summed(
        records(tool_users(look("look", answer("gone", params={"query": "cpu"}, is_error=True))))
    ).tools

    calls = buyers.uses[0].calls
    assert buyers.uses[0].failures == {"error": calls}
    assert failure_text(buyers.uses[0].failures, buyers.uses[0].said) == f"{calls} error (mostly: gone)"


def test_the_most_frequent_message_of_a_reason_is_shown_short_and_without_what_nobody_sees() -> None:
    count = FailureCount()
    for message in ("rare", f"no\x1b[2J such\ncity {'x' * 100}", f"no\x1b[2J such\ncity {'x' * 100}", ""):
        count.add("error", message)

    assert failure_text(count.counts, count.said) == f"4 error (mostly: no\ufffd[2J such city {'x' * 42}…)"


def test_messages_that_all_differ_are_bounded() -> None:
    count = FailureCount()
    for number in range(10 * MESSAGES_MAX):
        count.add("error", f"request {number} failed")

    assert count.counts == {"error": 10 * MESSAGES_MAX}
    assert sum(map(len, count._messages.values())) == MESSAGES_MAX


def test_a_refused_thought_is_no_refused_call_of_a_tool() -> None:
    (refused,) = only(records(tool_users(look(price=60), count=1)), subjects.TRANSFER_REFUSED)[:1]
    thought = replace(
        refused, content={"chains": [{"id": "llm.buyer_001.1.1"}, {"id": "llm.mcp.buyer_001.x"}]}
    )
    tally = ToolAggregator()

    tally.add(thought)

    assert tally.summary() == ()


def test_a_page_has_a_table_of_tools_only_if_any_was_called() -> None:
    page = render(summed(tool_run()))

    assert "<h2>Tools</h2>" in page
    assert "library.look" in page
    assert "<h2>Tools</h2>" not in render(summed(small_run()))
