"""A judged run passes over events that nobody takes; all others are those of the run with all events, at their places."""

from __future__ import annotations

from hypothesis import given, settings
from random_economies import economies
from run_builders import small_scenario

from econsim.domain.agent.conditions import Conditions
from econsim.domain.audit.envelope import Envelope
from econsim.domain.execution.coded_journal import PostedRows
from econsim.domain.execution.coded_run import CodedRun
from econsim.domain.execution.in_memory import NOW
from econsim.domain.execution.judged_run import PASSED, JudgedRun
from econsim.subjects import ORDER_REJECTED, TICK_CLEARED, TRANSFER_POSTED

ENVELOPE = Envelope("run_1", "ab", 0, NOW)


def judged(wanted, *unwanted):
    """Return a run and its events, of which those of some types that move nothing are passed over from the second on."""
    driver = JudgedRun(wanted, ENVELOPE, Conditions(wanted))
    events = []
    for event in driver.events():
        events.append(event)
        if event.type in unwanted and not event.content.may_move:
            driver.pass_over(event.address)
    return driver, events


def amounts(driver):
    return [(holder, list(driver.ledger.amounts(holder))) for holder in driver.ledger.holders()]


@settings(max_examples=30)
@given(economies())
def test_events_that_are_not_passed_over_are_those_of_all_at_their_places(wanted):
    plain = CodedRun(wanted, ENVELOPE)
    every = [event.json() for event in plain.events()]

    driver, told = judged(wanted, ORDER_REJECTED.type, TRANSFER_POSTED.type, TICK_CLEARED.type)

    texts = [None if event is PASSED else event.json() for event in told]
    assert [text or whole for text, whole in zip(texts, every, strict=True)] == every
    assert driver.journal.head_hash == plain.journal.head_hash
    assert amounts(driver) == amounts(plain)


def test_chains_of_entries_that_are_passed_over_are_counted():
    wanted = small_scenario("zi_c")
    entries = (e for e in CodedRun(wanted, ENVELOPE).events() if e.type == TRANSFER_POSTED.type)
    all_chains = sum(len(entry.content) for entry in entries)

    driver, told = judged(wanted, TRANSFER_POSTED.type)

    seen = sum(len(event.content) for event in told if isinstance(event.content, PostedRows))
    assert driver.chains_passed > 0
    assert driver.chains_passed + seen == all_chains


def test_ends_of_batches_that_nobody_looks_at_are_not_made():
    _, told = judged(small_scenario("zi_c"), TICK_CLEARED.type)

    assert [event.type for event in told].count(TICK_CLEARED.type) == 1
