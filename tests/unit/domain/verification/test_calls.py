"""Every difference between the outcomes of calls and the ledger is found and named."""

from functools import cache

import pytest
from kept_runs import altered, data_of, instead, kept, places, run_report, without
from ledger_builders import caused, journal, pending, post, transfer, void
from thinking import thinkers, token_buyers
from tool_builders import answer, offered, tool_users

from econsim import subjects
from econsim.domain.audit.envelope import Envelope
from econsim.domain.verification.calls import CallChecks, tool_outcomes
from econsim.schemas.mcp import ToolFailure
from econsim.schemas.tool_events import ToolFailed


@cache
def kept_thinking(make=thinkers):
    """Return the log and the bucket of a run whose agents think."""
    return kept(make())


def whats(log, bucket):
    return {finding.what for finding in run_report(log, bucket).findings}


def log_with(log, **fields):
    """Return a log whose first outcome is another, as a wrong service would publish it."""
    index = places(log, "invoked")[0]
    first, *rest = data_of(log[index])["items"]
    return instead(log, index, altered(log[index], items=[first | fields, *rest]))


@pytest.mark.parametrize("make", [thinkers, token_buyers])
def test_a_run_whose_agents_think_has_no_findings(make):
    log, bucket = kept_thinking(make)

    assert places(log, "invoked")
    assert run_report(log, bucket).findings == ()


@pytest.mark.parametrize(
    ("make", "fields", "what"),
    [
        (thinkers, {"price": 1}, "payment_differs_from_its_call"),
        (thinkers, {"agent": "maker_001"}, "payment_differs_from_its_call"),
        (token_buyers, {"units": 99}, "payment_differs_from_its_call"),
        (thinkers, {"id": "llm.maker_001.7.9"}, "call_has_no_reservation"),
        (thinkers, {"id": "llm.maker_001.7.9"}, "call_is_not_settled"),
        (thinkers, {"id": "llm.maker_001.7.9"}, "settlement_has_no_outcome"),
        (thinkers, {"id": "llm.thinker_002.1.1"}, "call_ended_twice"),
    ],
)
def test_an_outcome_is_what_the_ledger_posted(make, fields, what):
    log, bucket = kept_thinking(make)

    assert what in whats(log_with(log, **fields), bucket)


def test_an_outcome_that_is_gone_leaves_its_reservation_and_its_settlement():
    log, bucket = kept_thinking()

    found = whats(without(log, places(log, "invoked")[-1]), bucket)

    assert found == {"settlement_has_no_outcome", "call_has_no_outcome"}


def test_a_run_under_way_may_have_calls_that_are_not_settled():
    log, bucket = kept_thinking()
    log = log[: places(log, "invoked")[0] + 1]
    journal = [each for each in bucket if ".transfer." in each.subject][: len(places(log, "transfer_posted"))]

    assert run_report(log, journal).log.findings == ()


@cache
def kept_tools():
    """Return the log and the bucket of a run whose agents call tools, one of which costs nothing."""
    tools = (
        offered("look", answer("2"), price=0.5, description="Look."),
        offered("peek", answer("3"), description="Peek."),
    )
    return kept(tool_users(*tools))


def log_with_call(log, **fields):
    """Return a log whose first paid call of a tool ended otherwise, as a wrong gateway would publish it."""
    index = next(place for place in places(log, "completed") if data_of(log[place])["price"])
    return instead(log, index, altered(log[index], **fields))


def test_a_run_whose_agents_call_tools_has_no_findings():
    log, bucket = kept_tools()

    prices = {data_of(log[place])["price"] for place in places(log, "completed")}
    assert prices == {0, 500_000}
    assert run_report(log, bucket).findings == ()


@pytest.mark.parametrize(
    ("fields", "what"),
    [
        ({"price": 1}, "payment_differs_from_its_call"),
        ({"price": 0}, "payment_differs_from_its_call"),
        ({"agent": "seller_001"}, "payment_differs_from_its_call"),
        ({"id": "mcp.buyer_001.0"}, "call_has_no_reservation"),
        ({"id": "mcp.buyer_001.0"}, "call_is_not_settled"),
        ({"id": "mcp.buyer_001.0"}, "settlement_has_no_outcome"),
        ({"id": "mcp.buyer_001.0"}, "call_has_no_outcome"),
    ],
)
def test_the_outcome_of_a_tool_is_what_the_ledger_posted(fields, what):
    log, bucket = kept_tools()

    assert what in whats(log_with_call(log, **fields), bucket)


def test_a_call_of_a_tool_that_ends_twice_is_found():
    log, bucket = kept_tools()
    first, second = [place for place in places(log, "completed") if data_of(log[place])["price"]][:2]
    again = altered(log[second], id=data_of(log[first])["id"])

    assert "call_ended_twice" in whats(instead(log, second, again), bucket)


def test_an_outcome_of_a_tool_that_is_gone_leaves_its_payment():
    log, bucket = kept_tools()
    place = next(place for place in places(log, "completed") if data_of(log[place])["price"])

    assert whats(without(log, place), bucket) == {"settlement_has_no_outcome", "call_has_no_outcome"}


def outcome_event(price):
    """Return the event of a paid call of ana's."""
    fields = {"id": "mcp.ana.1", "msg_id": "1", "agent": "ana", "tool": "find", "params": {}, "price": price}
    data = ToolFailed.model_construct(**fields, failure=ToolFailure.RESULT_IS_TOO_LARGE)
    envelope = Envelope("run", "salt", 1, "2026-01-01T00:00:00.000000000Z")
    return envelope.event(subjects.TOOL_FAILED, "mcp", data, 0, server="search").event


def checked_call(price, *payments):
    """Return the checks' findings of a call at this price with these payments, as names and places."""
    checks = CallChecks("mcp", tool_outcomes)
    checks.add(7, outcome_event(price))
    entries = journal(*(caused("mcp.ana.1", each) for each in payments))
    return [(each.what, each.place) for each in checks.findings(entries, ended=True, whole=True)]


RESERVED = pending("r", "ana", "mcp", 5)
PAID = post("s", "ana", "mcp", 5, of="r")


def test_a_failed_call_that_its_server_answered_is_paid():
    assert checked_call(5, RESERVED, PAID) == []


@pytest.mark.parametrize("again", [transfer("t", "ana", "mcp", 5), post("t", "ana", "mcp", 5, of="r2")])
def test_a_call_that_is_charged_twice_is_found(again):
    assert checked_call(5, RESERVED, PAID, again) == [("call_is_paid_twice", 3)]


def test_a_failed_call_that_cost_nothing_released_its_reservation():
    assert checked_call(0, RESERVED, void("s", "ana", "mcp", of="r")) == []
    assert checked_call(0, RESERVED, PAID) == [("payment_differs_from_its_call", 7)]
    assert checked_call(0, RESERVED) == [("call_is_not_settled", 7)]


def test_a_free_call_has_no_payment():
    assert checked_call(0) == []
    assert checked_call(5) == [("call_has_no_reservation", 7), ("call_is_not_settled", 7)]
