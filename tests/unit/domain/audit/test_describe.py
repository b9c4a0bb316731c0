"""Descriptions of facts: the line a person reads, with money in credits and without JSON."""

import pytest

from econsim.domain.audit.describe import describe
from econsim.domain.audit.facts import Fact


def fact(type_, data, subject=None):
    domain, _, action = type_.partition(".")
    return Fact("e.0", type_, subject or f"{domain}.cpu.{action}.run", 4, "ann", "run", None, "now", data)


ORDER = {"agent": "ann", "order_id": "ann.1", "price": 3_250_000, "quantity": 2}


@pytest.mark.parametrize(
    ("type_", "data", "line"),
    [
        ("market.bid_accepted", ORDER, "ann bids 2 cpu at 3.25, order ann.1"),
        ("market.ask_accepted", ORDER, "ann asks 2 cpu at 3.25, order ann.1"),
        (
            "market.order_cancelled",
            {"order_id": "ann.1", "agent": "ann", "quantity": 2, "reason": "period_closed"},
            "order ann.1 of ann came off the book, 2 cpu left: period_closed",
        ),
        ("market.price_updated", {"price": None}, "price of cpu is unknown"),
        ("market.price_updated", {"price": 1}, "price of cpu is 0.000001"),
        (
            "market.trading_halted",
            {"resource": "cpu", "chain": "t1", "reason": "amount_exceeds_limit"},
            "the book of cpu stopped for good: chain t1 was refused: amount_exceeds_limit",
        ),
        (
            "market.trading_halted",
            {"resource": "cpu", "chain": None, "reason": "too large"},
            "the book of cpu stopped for good: a batch failed: too large",
        ),
        (
            "system.resource_allocated",
            {"n": 3, "agent": "ann", "units": 4, "cause": "t1"},
            "ann bought 4 units of cpu to think with",
        ),
        ("market.unheard_of", {}, "market.unheard_of"),
    ],
)
def test_a_fact_of_a_market_is_one_line(type_, data, line):
    assert describe(fact(type_, data)) == line


CALL = {"id": "llm.ann.4.1", "agent": "ann", "model": "default", "provider": "rules", "price": 2_500}


@pytest.mark.parametrize(
    ("failure", "ending"), [(None, "answered"), ("provider_timed_out", "provider timed out")]
)
def test_a_call_of_a_model_is_told_with_its_price_and_receipt(failure, ending):
    told = fact(
        "system.invoked", {**CALL, "prompt_digest": "00", "failure": failure}, "system.llm.invoked.run"
    )

    assert describe(told) == f"ann asked default of rules: {ending}, for 0.0025 credits, receipt llm.ann.4.1"


def test_the_cycles_of_a_host_are_told_agent_by_agent():
    begun = fact("agent.cognitive_cycles_started", {"agents": ["ann", "bob"]}, "agent.host_1.x.run")
    cycle = {"agent": "ann", "cycle": 4, "steps": 2, "actions": 1, "price": 2_500}
    ended, raised = (
        fact("agent.cognitive_cycles_completed", {**cycle, "failure": failure})
        for failure in ("", "KeyError: x")
    )

    assert [describe(each) for each in (begun, ended, raised)] == [
        "2 agents of host_1 think at tick 4",
        "ann thought, 1 actions at tick 4, for 0.0025 credits",
        "ann was set aside: KeyError: x at tick 4, for 0.0025 credits",
    ]


@pytest.mark.parametrize(
    ("verb", "asked"),
    [
        ("bid", "the bid of ann for 2 cpu at 3.25, order ann.1, was refused: order_book_is_full"),
        ("cancel", "the cancel of order ann.1 of ann was refused: order_book_is_full"),
        (None, "order ann.1 of ann was refused: order_book_is_full"),
    ],
)
def test_a_refusal_names_the_command(verb, asked):
    assert (
        describe(fact("market.order_rejected", {**ORDER, "verb": verb, "code": "order_book_is_full"}))
        == asked
    )


def test_a_chain_lists_its_movements_in_units_of_their_asset():
    transfers = [
        {"kind": "post", "amount": 6_500_000, "asset": "credits", "debit": "ann", "credit": "bob"},
        {"kind": "transfer", "amount": 2, "asset": "cpu", "debit": "bob", "credit": "ann"},
    ]

    line = describe(fact("market.transfer_posted", {"id": "t1", "cause": "t1", "transfers": transfers}))

    assert line == "chain t1: post 6.5 credits ann → bob; transfer 2 cpu bob → ann"


def test_a_run_that_failed_says_why():
    closed = {"ticks": 7, "journal_sequence": 3, "failure": "no money"}

    assert describe(fact("system.closed", closed)) == "run run closed after 7 ticks: no money"


def test_an_agents_own_report_is_not_mistaken_for_a_market_event():
    found = fact("agent.trade_executed", {"price": "soon"}, "agent.ann.trade_executed.run")

    assert describe(found) == "ann reports trade_executed"


def test_a_summary_that_was_cut_anywhere_is_plain():
    summary = '{"run": "run", "agent": null, "quotas": {"max_orders": 5'
    commanded = {"operator": "ann", "command": "set_quota", "code": "done", "summary": summary}

    line = describe(fact("system.commanded", commanded))

    assert line == "operator ann asked for set_quota: done; run run, quotas max_orders 5"
