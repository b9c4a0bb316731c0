"""Every difference between the outcomes of calls and the ledger is found and named."""

from functools import cache

import pytest
from kept_runs import altered, data_of, instead, kept, places, run_report, without
from thinking import thinkers, token_buyers


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
