"""The driver of coded agents yields, event by event, what the driver for all runs yields: on random markets, bytes and money alike."""

from dataclasses import fields
from itertools import zip_longest

import pytest
from factories import group, role, scenario
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from run_builders import small_scenario

from econsim.domain.agent.conditions import check_conditions
from econsim.domain.audit.canonical_hash import CanonicalHash
from econsim.domain.audit.canonical_log import CanonicalLog
from econsim.domain.audit.envelope import Envelope
from econsim.domain.audit.facts import Record, as_record
from econsim.domain.execution import coded_journal
from econsim.domain.execution.coded_run import CodedRun, is_of_coded_agents
from econsim.domain.execution.in_memory import NOW, conduct
from econsim.domain.execution.in_memory_run import InMemoryRun
from econsim.errors import ScenarioError
from econsim.schemas.market import Cancelled, Rejected, Traded
from econsim.schemas.scenario import Clock, MechanismName
from econsim.subjects import TRANSFER_POSTED

ENVELOPE = Envelope("run_1", "ab", 0, NOW)
READ = [*(field.name for field in fields(Record) if field.name != "content"), "data", "items", "entity"]
"""What a record tells."""
POLICIES = st.sampled_from(["zi_c", "zi_c", "zi_u", "truthful", "zip"])
WORTH = st.integers(1, 400).map(lambda cents: cents / 100)


@st.composite
def markets(draw, resource):
    """Return a market with limits that bind now and then."""
    mechanism = draw(st.sampled_from(list(MechanismName)))
    # A call auction that may have too few places is no scenario.
    places = [200] if mechanism is MechanismName.CALL_AUCTION else [200, 4]
    return {
        "resource": resource,
        "mechanism": mechanism.value,
        "price_max": 4.0,
        "tick_size": draw(st.sampled_from([0.01, 0.25])),
        "price_min": 0.25,
        "book_orders_max": draw(st.sampled_from(places)),
        "window_ticks": draw(st.integers(1, 3)),
        "rationing": draw(st.sampled_from(["price_time", "draw"])),
    }


@st.composite
def groups(draw, name, resources):
    """Return a group that buys on one market and may sell on the other, with too little money now and then."""
    sides = draw(st.permutations(["bid", "ask"]))
    units = draw(st.integers(1, 4))
    roles = [
        role(side, resource, first=draw(WORTH), last=draw(WORTH), units=units)
        for side, resource in zip(sides, resources, strict=False)
    ]
    return group(
        name,
        draw(POLICIES),
        count=draw(st.integers(1, 5)),
        credits=draw(st.sampled_from([0, 3, 100])),
        activity_percent=draw(st.sampled_from([10, 60, 100])),
        roles=roles,
    )


@st.composite
def economies(draw):
    """Return a scenario of coded agents on one or two markets."""
    resources = draw(st.sampled_from([["cpu"], ["cpu", "gpu"]]))
    clock = {
        "periods": draw(st.integers(1, 2)),
        "ticks_per_period": draw(st.integers(1, 8)),
        "until": draw(st.sampled_from(["ticks", "exhausted"])),
    }
    found = [draw(groups(f"group_{number}", resources)) for number in range(draw(st.integers(2, 4)))]
    every = [draw(markets(resource)) for resource in resources]
    return scenario(*found, markets=every, clock=clock, seed=draw(st.integers(0, 9)))


@st.composite
def changes(draw, number, names, resources):
    """Return a change in the periods of its own number, so that no two are of one thing at one time."""
    periods = {"first_period": number, "last_period": draw(st.sampled_from([number, number, None]))}
    cents = st.integers(-100, 100).map(lambda cents: cents / 100)
    kinds = [
        {"group": draw(st.sampled_from(names)), **kind}
        for kind in (
            {"present": False},
            {"activity_percent": draw(st.sampled_from([5, 100]))},
            {"shift": draw(cents), "scale_percent": draw(st.integers(50, 150))},
            {"resource": "cpu", "first": draw(WORTH), "last": draw(WORTH), "units": draw(st.integers(1, 3))},
            {"resource": "cpu", "draw": draw(DRAWS), "units": draw(st.integers(1, 3))},
        )
    ]
    kinds += [
        {"market": draw(st.sampled_from(resources)), **kind}
        for kind in (
            {"tax": draw(cents.filter(bool)), "tax_side": draw(st.sampled_from(["bid", "ask"]))},
            {"price_floor": 1.0, "price_ceiling": draw(st.sampled_from([1.0, 2.5]))},
            {"mechanism": draw(st.sampled_from(list(MechanismName))).value, "window_ticks": 2},
            {"tick_size": 0.05},
        )
    ]
    kinds += [{"ticks_per_period": 3}, {"until": "exhausted"}]
    return periods | draw(st.sampled_from(kinds))


DRAWS = st.sampled_from(
    [
        {"low": 0.5, "high": 3.0, "redraw": "period"},
        {"distribution": "normal", "low": 0.2, "high": 3.5, "mean": 2.0, "deviation": 1.0},
    ]
)
"""Distributions of values."""


@st.composite
def changing_economies(draw):
    """Return a scenario with a change in each of its later periods that is possible there."""
    wanted = draw(economies()).model_copy(update={"clock": Clock(periods=4, ticks_per_period=6)})
    names, resources = [each.name for each in wanted.agents], [each.resource for each in wanted.markets]
    found = [draw(changes(number, names, resources)) for number in range(2, 5)]
    try:
        changed = type(wanted).model_validate(wanted.model_dump(mode="json") | {"changes": found})
        check_conditions(changed)
    except ValueError as error:
        assume("twice" not in str(error))
        assume("no role" not in str(error))
        assume("nobody could pay it" not in str(error))
        raise
    except ScenarioError as error:
        # A call auction has too few places for all units.
        assume("units at once" not in str(error))
        raise
    return changed


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


@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],  # slow on a loaded machine, whatever the examples
)
@given(economies())
def test_both_drivers_yield_the_same_events_on_random_markets(wanted):
    assert list(differences(wanted)) == []


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(changing_economies())
def test_both_drivers_yield_the_same_events_whatever_changes_from_period_to_period(wanted):
    assert list(differences(wanted)) == []


@pytest.mark.parametrize("mechanism", [name.value for name in MechanismName])
def test_the_markets_that_are_compared_refuse_trade_and_cancel(mechanism):
    wanted = small_scenario("zi_c", mechanism, clock={"periods": 1, "ticks_per_period": 12})

    kinds = {type(addressed.event.data) for addressed in CodedRun(wanted, ENVELOPE).events()}

    assert {Traded, Cancelled} <= kinds
    assert (Rejected in kinds) == (mechanism != "call_auction")
    assert list(differences(wanted)) == []


def test_a_full_book_refuses_the_same_orders():
    wanted = small_scenario("zi_c", markets=[{"resource": "cpu", "book_orders_max": 5}])

    codes = {
        item.code
        for addressed in CodedRun(wanted, ENVELOPE).events()
        if isinstance(addressed.event.data, Rejected)
        for item in addressed.event.data.items
    }

    assert "order_book_is_full" in codes
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
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
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
