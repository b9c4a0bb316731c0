"""Builders of small logs, and of judges of them: events as services write them, with what a test does not name filled in."""

from __future__ import annotations

from pydantic import TypeAdapter

from econsim.domain.audit.facts import Record
from econsim.domain.execution import in_memory
from econsim.domain.expectation.judge import Judge
from econsim.report.judging import ReportMeasures
from econsim.runs import scenario_file
from econsim.schemas.expectation import Expectation

FORM = TypeAdapter(Expectation)
RUN = "r1"

ORDER = {"n": 1, "quantity": 1, "price": 1_000_000, "replaces": None}
TRADE = {"n": 1, "quantity": 1, "price": 1_000_000, "taker": "bid"}
BLANK = {
    "market.trade_executed": {
        **TRADE,
        "trade_id": "t",
        "buyer": "bob",
        "seller": "sue",
        "bid_id": "o",
        "ask_id": "p",
    },
    "market.bid_accepted": {**ORDER, "agent": "bob", "side": "bid", "order_id": "o"},
    "market.ask_accepted": {**ORDER, "agent": "sue", "side": "ask", "order_id": "p"},
    "market.order_rejected": {
        "n": 1,
        "agent": "bob",
        "code": "price_is_off_the_grid",
        "order_id": "o",
        "verb": "bid",
    },
}
"""Type → fields that a test need not name; each such event carries one item."""


def event(kind, tick=1, entity="cpu", actor="market", *, cause=None, ms=0, **data):
    """Return an event of a type at a tick, `ms` milliseconds after the start; its id is its content."""
    domain, action = kind.split(".")
    content = data
    if kind in BLANK:
        content = {"items": [{**BLANK[kind], **data}]}
    name = f"{action}-{tick}-{entity}-{ms}-{len(repr(sorted(data.items())))}"
    time = f"2026-01-01T00:00:{ms // 1000:02}.{ms % 1000:03}Z"
    return Record(
        f"{domain}.{entity}.{action}.{RUN}", name, kind, time, tick, actor, RUN, cause, None, content
    )


def trade(tick=1, **data):
    return event("market.trade_executed", tick, **data)


def bid(tick=1, **data):
    return event("market.bid_accepted", tick, **data)


def tick(number, **data):
    return event("system.ticked", number, "clock", "clock", period=1, tick_of_period=number, **data)


def chain(tick=1, name="c", cause="c", **transfer):
    """Return a journal entry of one chain of one transfer."""
    whole = {
        "id": id,
        "kind": "transfer",
        "debit": "treasury",
        "credit": "bob",
        "asset": "credits",
        "amount": 0,
    }
    chains = [{"id": name, "cause": cause, "transfers": [{**whole, "pending_id": None, **transfer}]}]
    return event("market.transfer_posted", tick, "ledger", "ledger", sequence=1, chains=chains)


def price(tick, credits_):
    return event("market.price_updated", tick, resource="cpu", price=round(credits_ * 1e6))


def form(**fields):
    """Return an expectation as a scenario file has it."""
    return FORM.validate_python(fields)


def verdict(expectation, records, *, looks=False):
    """Return the verdict of an expectation on records that are taken as they are; `looks` after each of them, too."""
    judge = Judge((expectation,), is_trusted=True)
    for sequence, entry in enumerate(records, 1):
        judge.add(entry, sequence)
        if looks:
            judge.verdicts()
    return judge.close(is_part=True)[0]


def stored_run(name, periods=1):
    """Return the scenario and the stored records of a run of a shipped scenario: subjects and payloads."""
    scenario = scenario_file.load(name)
    clock = scenario.clock.model_copy(update={"periods": periods})
    short = scenario.model_copy(update={"clock": clock, "expectations": (), "changes": ()})
    return short, [(each.subject, each.json()) for each in in_memory.run(short, RUN)]


def judged(scenario, stored, *expectations, **options):
    """Return the judge of stored records, with the report's measures, and the final verdicts."""
    judge = Judge(expectations, scenario, ReportMeasures(), **options)
    for sequence, (subject, payload) in enumerate(stored, 1):
        judge.add_stored(subject, payload, sequence)
    return judge, judge.close()
