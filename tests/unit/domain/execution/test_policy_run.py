"""Policies of one's own in the quick driver: the same events as in the driver for all runs, whatever they decide."""

from itertools import zip_longest

import pytest
from factories import group, role, scenario
from hypothesis import given, settings
from hypothesis import strategies as st
from random_economies import POLICIES, changing_economies, economies

from econsim import Ask, Bid, Cancel, Policy, Replace
from econsim.domain.audit.canonical_log import CanonicalLog
from econsim.domain.audit.envelope import Envelope
from econsim.domain.audit.late_event import LateEvent
from econsim.domain.execution import coded_journal, policy_run
from econsim.domain.execution.in_memory import NOW
from econsim.domain.execution.in_memory_run import InMemoryRun
from econsim.domain.execution.policy_run import PolicyRun, quotes_alone
from econsim.domain.expectation.judge import Judge
from econsim.runs.run_hash import RunHash
from econsim.schemas.expectation_economic import Conservation, LimitPrices
from econsim.schemas.scenario_cognition import Cognition

ENVELOPE = Envelope("run_1", "ab", 0, NOW)
OWN = "mine:Policy"
MIXED = st.one_of(POLICIES, st.just(OWN))


class Quoting(Policy):
    """Quotes a random part of the value, remembers all that it saw, and counts how often it was asked."""

    asked = 0

    def __init__(self):
        self.seen = []

    def act(self, see, draws):
        type(self).asked += 1
        self.seen.append(see)
        for market in see.markets.values():
            if market.value is not None and draws.integer(1, 4) > 1:
                yield market.quote(market.value * (len(self.seen) % 3 + draws.integer(1, 100)) / 60)


class Odd(Quoting):
    """Decides now and then what no coded agent does."""

    def act(self, see, draws):
        yield from super().act(see, draws)
        for name, market in see.markets.items():
            resting = market.orders[0].order_id if market.orders else "nothing"
            odd = [
                Cancel(name, resting),
                Replace(name, resting, market.tick_size, 2),
                Bid(name, market.price_max, 2),
                Ask(name, market.tick_size * 3 / 2),
                Bid(name, market.price_max, kind="fill_or_kill"),
                # After a quote of the same tick, it is the second.
                None if market.value is None else market.quote(market.value),
            ]
            if see.tick > 2 and draws.integer(1, 6) == 1:
                yield odd[draws.integer(0, 5)]
        if draws.integer(1, 40) == 1:
            raise ValueError


def events(driver):
    return [(each.subject, each.json()) for each in driver.events()]


def outcome(drive, policy):
    """Return the events of a run, its accounts, its journal, and what its policies saw."""
    made = []

    def make():
        made.append(policy())
        return made[-1]

    driver = drive({OWN: make})
    told = events(driver)
    held = [(holder, list(driver.ledger.amounts(holder))) for holder in driver.ledger.holders()]
    return told, held, driver.journal.sequence, driver.journal.head_hash, [each.seen for each in made]


def differs(wanted, policy):
    """Return the first pair of events in which the drivers differ, else what else does; none if nothing does."""
    general = outcome(lambda made: InMemoryRun(wanted, ENVELOPE, policies=made), policy)
    quick = outcome(lambda made: PolicyRun(wanted, ENVELOPE, made), policy)
    first = next((pair for pair in zip_longest(general[0], quick[0]) if pair[0] != pair[1]), None)
    return first or next((pair for pair in zip(general, quick, strict=True) if pair[0] != pair[1]), None)


@settings(max_examples=60)
@given(economies(MIXED).filter(quotes_alone), st.sampled_from([Quoting, Odd]))
def test_both_drivers_make_the_same_events_whatever_policies_decide(wanted, policy):
    assert differs(wanted, policy) is None


@settings(max_examples=60)
@given(changing_economies(MIXED).filter(quotes_alone), st.sampled_from([Quoting, Odd]))
def test_both_drivers_make_the_same_events_whatever_changes_from_period_to_period(wanted, policy):
    assert differs(wanted, policy) is None


def market(mechanism="continuous_double_auction", **clock):
    sides = [("buyer", "bid", OWN), ("seller", "ask", "zi_c")]
    found = [
        group(name, policy, count=3, roles=[role(side, first=1, last=3, units=2)])
        for name, side, policy in sides
    ]
    timing = {"periods": 2, "ticks_per_period": 20, **clock}
    return scenario(*found, markets=[{"resource": "cpu", "mechanism": mechanism}], clock=timing)


@pytest.mark.parametrize("policy", [Quoting, Odd])
def test_each_policy_is_asked_once_a_tick_also_by_a_driver_that_takes_over(policy):
    policy.asked, made = 0, []

    def make():
        made.append(policy())
        return made[-1]

    events(PolicyRun(market(), ENVELOPE, {OWN: make}))

    assert policy.asked == sum(len(each.seen) for each in made)
    for each in made:
        assert [see.tick for see in each.seen] == [*range(1, len(each.seen) + 1)]


@pytest.mark.parametrize(("unsealed", "decisions"), [(30, 200_000), (50_000, 25), (30, 25)])
def test_entries_and_decisions_that_are_not_kept_change_nothing(monkeypatch, unsealed, decisions):
    monkeypatch.setattr(coded_journal, "UNSEALED_MAX", unsealed)
    monkeypatch.setattr(policy_run, "DECISIONS_KEPT_MAX", decisions)
    general = InMemoryRun(market(), ENVELOPE, policies={OWN: Quoting})
    late = [*PolicyRun(market(), ENVELOPE, {OWN: Quoting}).events()]

    assert [(each.subject, each.json()) for each in late] == events(general)


@settings(max_examples=30)
@given(economies(MIXED).filter(quotes_alone), st.sampled_from([Quoting, Odd]))
def test_the_hash_of_a_run_is_that_of_the_log_also_when_another_driver_takes_over(wanted, policy):
    found, log = RunHash(), CanonicalLog()
    for addressed in PolicyRun(wanted, ENVELOPE, {OWN: policy}).events():
        found.add(addressed)
    for addressed in InMemoryRun(wanted, ENVELOPE, policies={OWN: policy}).events():
        log.add(addressed)

    assert found.hexdigest() == log.hexdigest()


def test_a_run_is_judged_also_when_another_driver_takes_over():
    judge = Judge([Conservation(), LimitPrices()], market(), is_logged=False)
    told = [*PolicyRun(market(), ENVELOPE, {OWN: Odd}).events()]
    for place, addressed in enumerate(told, 1):
        judge.add(addressed, place)

    assert not isinstance(told[-1], LateEvent)
    assert [each.outcome for each in judge.close()] == ["holds", "holds"]


class Twice(Quoting):
    """Quotes twice on each market at each tick."""

    def act(self, see, draws):
        for market in (*see.markets.values(), *see.markets.values()):
            if market.value is not None:
                yield market.quote(market.value * draws.integer(2, 3) / 4)


def test_the_second_quote_of_a_tick_on_a_market_is_an_order_of_its_own_in_both_drivers():
    assert differs(market(), Twice) is None


def test_policies_that_quote_have_no_objects_made_for_their_events():
    quick = [*PolicyRun(market(), ENVELOPE, {OWN: Quoting}).events()]

    assert {type(each) for each in quick} == {LateEvent}


@pytest.mark.parametrize(
    "other", [market("call_auction"), market().model_copy(update={"cognition": Cognition()})]
)
def test_other_scenarios_have_the_driver_for_all_runs(other):
    assert quotes_alone(market())
    assert not quotes_alone(other)
