"""The driver of coded agents yields, event by event, what the driver for all runs yields: on random markets, bytes and money alike."""

import gc
from collections import Counter, deque
from dataclasses import fields
from itertools import zip_longest
from operator import le

import pytest
from factories import group, role, scenario
from hypothesis import given, settings
from random_economies import changing_economies, economies
from run_builders import small_scenario

from econsim.domain.audit.canonical_hash import CanonicalHash
from econsim.domain.audit.canonical_log import CanonicalLog
from econsim.domain.audit.envelope import Envelope
from econsim.domain.audit.facts import Record, as_record
from econsim.domain.execution import coded_book, coded_journal
from econsim.domain.execution.coded_agents import Seat, SeatOrder
from econsim.domain.execution.coded_journal import PostedRows
from econsim.domain.execution.coded_run import CodedRun, is_of_coded_agents
from econsim.domain.execution.in_memory import NOW, conduct
from econsim.domain.execution.in_memory_run import InMemoryRun
from econsim.domain.market import order_checks
from econsim.schemas.market import Cancelled, Rejected, Traded
from econsim.schemas.scenario import MechanismName
from econsim.subjects import TRANSFER_POSTED

ENVELOPE = Envelope("run_1", "ab", 0, NOW)
READ = [
    *(field.name for field in fields(Record) if field.name not in ("content", "_rows")),
    *("data", "items", "entity"),
]
"""What a record tells."""


def differences(wanted):
    """Yield the first pair of events in which the two drivers differ, and whatever of their accounts and journals does."""
    general, coded = InMemoryRun(wanted, ENVELOPE), CodedRun(wanted, ENVELOPE)
    for pair in zip_longest(general.events(), coded.events()):
        if None in pair or len({(each.subject, each.json()) for each in pair}) > 1:
            yield pair
            return
    for what in (accounts, head):
        if what(general) != what(coded):
            yield what(general), what(coded)


def accounts(driver):
    """Return the accounts of a run, in the order they were opened."""
    return [(holder, list(driver.ledger.amounts(holder))) for holder in driver.ledger.holders()]


def head(driver):
    return driver.journal.sequence, driver.journal.head_hash


@settings(max_examples=30)
@given(economies())
def test_both_drivers_yield_the_same_events_on_random_markets(wanted):
    assert list(differences(wanted)) == []


@settings(max_examples=60)
@given(changing_economies())
def test_both_drivers_yield_the_same_events_whatever_changes_from_period_to_period(wanted):
    assert list(differences(wanted)) == []


@settings(max_examples=30)
@given(economies())
def test_events_say_the_same_when_all_were_made_before_one_is_read(wanted):
    at_once = [event.json() for event in CodedRun(wanted, ENVELOPE).events()]
    later = list(CodedRun(wanted, ENVELOPE).events())

    assert [event.json() for event in later] == at_once


@pytest.mark.parametrize("mechanism", [name.value for name in MechanismName])
def test_the_markets_that_are_compared_refuse_trade_and_cancel(mechanism):
    wanted = small_scenario("zi_c", mechanism, clock={"periods": 1, "ticks_per_period": 12})

    kinds = {type(addressed.event.data) for addressed in CodedRun(wanted, ENVELOPE).events()}

    assert {Traded, Cancelled} <= kinds
    assert (Rejected in kinds) == (mechanism != "call_auction")
    assert list(differences(wanted)) == []


def refusals(wanted):
    """Return the codes of the orders that are refused in a run."""
    told = [each.event.data for each in CodedRun(wanted, ENVELOPE).events()]
    return {item.code for data in told if isinstance(data, Rejected) for item in data.items}


def test_a_full_book_refuses_the_same_orders():
    wanted = small_scenario("zi_c", markets=[{"resource": "cpu", "book_orders_max": 5}])

    assert "order_book_is_full" in refusals(wanted)
    assert list(differences(wanted)) == []


def test_a_batch_of_too_many_orders_refuses_the_same_ones(monkeypatch):
    for module in (coded_book, order_checks):
        monkeypatch.setattr(module, "CHAINS_PER_SUBMISSION_MAX", 5)
    wanted = small_scenario("zi_c")

    assert "batch_has_too_many_orders" in refusals(wanted)
    assert list(differences(wanted)) == []


def test_agents_that_think_or_follow_a_script_have_the_driver_for_all_runs():
    thinking, scripted = (
        scenario(group("a", policy, roles=[role("bid", values=[[1]])])) for policy in ("llm", "scripted")
    )

    assert not is_of_coded_agents(thinking)
    assert isinstance(conduct(scripted, ENVELOPE), InMemoryRun)
    assert isinstance(conduct(small_scenario("zip"), ENVELOPE), CodedRun)


@pytest.mark.parametrize("kept", [50_000, 30])
def test_a_journal_entry_has_its_hash_whenever_it_is_read(monkeypatch, kept):
    monkeypatch.setattr(coded_journal, "UNSEALED_MAX", kept)
    wanted = small_scenario("zi_c")
    coded, general = (
        [
            addressed
            for addressed in driver(wanted, ENVELOPE).events()
            if addressed.type == TRANSFER_POSTED.type
        ]
        for driver in (CodedRun, InMemoryRun)
    )

    for place in (-1, 3, 2, 0, *range(len(coded))):
        assert coded[place].event == general[place].event


@given(economies())
@settings(max_examples=15)
def test_the_hash_of_events_in_order_is_that_of_the_canonical_log(wanted):
    in_order, log = CanonicalHash(), CanonicalLog()
    for addressed in CodedRun(wanted, ENVELOPE).events():
        in_order.add(addressed)
        assert len(in_order.hexdigest()) == 64
    for addressed in InMemoryRun(wanted, ENVELOPE).events():
        log.add(addressed)

    assert in_order.hexdigest() == log.hexdigest()


@pytest.mark.parametrize("is_made", [False, True])
def test_the_record_of_an_event_that_is_not_made_is_that_of_the_event(is_made):
    for addressed in CodedRun(small_scenario("zi_c"), ENVELOPE).events():
        if is_made:
            assert addressed.event
        found, made = addressed.record(), as_record(addressed)

        assert {name: getattr(found, name) for name in READ} == {name: getattr(made, name) for name in READ}


def objects_of_runs():
    """Return how many objects that only runs of coded agents have there are."""
    kinds = Counter(map(type, gc.get_objects()))
    return [kinds[kind] for kind in (Seat, SeatOrder, PostedRows)]


def test_a_closed_run_is_freed_without_the_collector_of_cyclic_garbage():
    gc.collect()
    gc.disable()
    try:
        others = objects_of_runs()
        driver = CodedRun(small_scenario("zi_c"), ENVELOPE)
        assert deque(driver.events(), maxlen=1)
        driver.close()
        del driver
        left = objects_of_runs()
    finally:
        gc.enable()

    assert all(map(le, left, others))
