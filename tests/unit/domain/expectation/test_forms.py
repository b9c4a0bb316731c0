"""Every form on events: a log on which it holds, one on which it fails, one that does not test it, and mutants that it notices.

Catches: a form that holds whatever the log says, a witness of other events than those that decide, a wrong distance.
"""

import pytest
from expectation_builders import bid, chain, event, form, price, tick, trade, verdict
from requirements import requirement

from econsim.domain.expectation.audit import audit
from econsim.domain.expectation.mutants import Mutation
from econsim.domain.expectation.verdict import Ruling
from econsim.schemas.expectation import FORMS

TRADE = {"type": "trade_executed"}
BID = {"type": "bid_accepted"}
ORDER = ["order_id = bid_id"]

CASES = {
    # name: expectation, log on which it holds, log on which it fails, missed by, places of the witness
    "happens": (
        form(form="happens", event={**TRADE, "where": {"price": {">=": 2.5}}}, within={"ticks": 3}),
        [trade(1), trade(3, price=2_500_000)],
        [trade(1), trade(5, price=2_500_000)],
        ("2 ticks", []),
    ),
    "happens by time": (
        form(form="happens", event=TRADE, within={"ms": 500}),
        [tick(1), trade(1, ms=500)],
        [tick(1), trade(1, ms=750)],
        ("250 ms", []),
    ),
    "happens by events": (
        form(form="happens", event=TRADE, within={"events": 2}),
        [tick(1), trade(1)],
        [tick(1), tick(2), trade(2)],
        ("1 event", []),
    ),
    "never": (
        form(form="never", event={"type": "order_rejected", "where": {"code": "no_money"}}),
        [event("market.order_rejected")],
        [event("market.order_rejected"), event("market.order_rejected", 2, code="no_money")],
        ("", [2]),
    ),
    "never at the beginning": (
        form(form="never", event=TRADE, within={"ticks": 2}),
        [tick(1), tick(2), trade(3)],
        [tick(1), trade(2)],
        ("", [2]),
    ),
    "then": (
        form(form="then", trigger=BID, event=TRADE, same=ORDER, within={"ticks": 2}),
        [bid(1), trade(3), tick(4)],
        [bid(1), trade(4)],
        ("1 tick", [1, 2]),
    ),
    "then, and nothing came": (
        form(form="then", trigger=BID, event=TRADE, same=ORDER, within={"ticks": 2}),
        [bid(1), trade(1)],
        [bid(1), trade(1, bid_id="other"), tick(2), tick(3), tick(4)],
        ("", [1]),
    ),
    "then, and it came when it was overdue": (
        form(form="then", trigger=BID, event=TRADE, same=ORDER, within={"ticks": 2}),
        [bid(1), tick(2), trade(3)],
        [bid(1), tick(4), trade(5, bid_id="other"), trade(5)],
        ("2 ticks", [1, 4]),
    ),
    "then, copied before": (
        form(
            form="then",
            trigger=TRADE,
            event={"type": "transfer_posted"},
            same=["trade_id = id"],
            within={"ticks": 0},
        ),
        [chain(1, "t"), trade(1)],
        [chain(1, "u"), trade(1)],
        ("", [2]),
    ),
    "then, caused": (
        form(form="then", trigger={"type": "ticked"}, event=TRADE, caused=True, within={"ticks": 0}),
        [tick(1), bid(1, cause="tick.1"), trade(1)],
        [tick(1), bid(1, cause="tick.0"), trade(1)],
        ("", [1]),
    ),
    "then, caused, and the same": (
        form(form="then", trigger=BID, event=TRADE, caused=True, same=["agent = buyer"], within={"ticks": 0}),
        [bid(1), trade(1)],
        [bid(1), trade(1, buyer="eve")],
        ("", [1]),
    ),
    "before": (
        form(form="before", first=BID, event=TRADE, same=ORDER, within={"ticks": 9}),
        [bid(1), trade(9)],
        [bid(1, order_id="other"), trade(2)],
        ("", [2]),
    ),
    "before, not too long": (
        form(form="before", first=BID, event=TRADE, same=ORDER, within={"ticks": 2}),
        [bid(1), trade(3)],
        [bid(1), trade(4)],
        ("1 tick", [1, 2]),
    ),
    "sequence": (
        form(form="sequence", events=[BID, TRADE, {"type": "period_closed"}], max_gap={"ticks": 2}),
        [bid(1), trade(1), trade(3), event("system.period_closed", 5, "clock", period=1)],
        [bid(1), trade(1), event("system.period_closed", 5, "clock", period=1)],
        ("2 ticks", [1, 2]),
    ),
    "sequence of one order": (
        form(form="sequence", events=[BID, TRADE], same=ORDER, max_gap={"ticks": 5}),
        [bid(1), trade(2)],
        [bid(1), trade(2, bid_id="other")],
        ("", [1]),
    ),
    "exactly": (
        form(form="exactly", event=TRADE, times=2),
        [trade(1), trade(2)],
        [trade(1), trade(2), trade(3)],
        ("1 time", [1, 2, 3]),
    ),
    "exactly, in each window": (
        form(form="exactly", event=TRADE, times=1, per={"ticks": 2}),
        [trade(1), trade(4), tick(5)],
        [trade(1), trade(2), tick(5)],
        ("1 time", []),
    ),
    "at_most": (
        form(form="at_most", event=BID, times=1, same=["agent"]),
        [bid(1), bid(2, agent="eve")],
        [bid(1), bid(2, agent="eve"), bid(3)],
        ("1 time", [1, 3]),
    ),
    "at_most, in any window": (
        form(form="at_most", event=BID, times=1, per={"ticks": 3}),
        [bid(1), bid(4)],
        [bid(2), bid(4)],
        ("1 time", [1, 2]),
    ),
    "at_least": (
        form(form="at_least", event=TRADE, times=2),
        [trade(1), trade(2)],
        [trade(1), tick(2)],
        ("1 time", [1]),
    ),
    "until": (
        form(form="until", event=TRADE, until={"type": "period_opened"}, within={"ticks": 2}),
        [event("system.period_opened", 1, "clock", period=1), trade(1)],
        [trade(1), event("system.period_opened", 1, "clock", period=1)],
        ("", [1]),
    ),
    "state": (
        form(
            form="state",
            at={"type": "ticked", "where": {"tick": 2}},
            key="bob.balance",
            value={"between": [2, 3]},
        ),
        [chain(1, amount=2_500_000), tick(2)],
        [chain(1, amount=3_250_000), tick(2)],
        ("0.25", [2]),
    ),
    "state, of who the event names": (
        form(form="state", at=TRADE, key="{buyer}.balance", value={"<=": 1}),
        [trade(1), chain(1, amount=1_000_000), chain(2, amount=1)],
        [trade(1), chain(1, amount=2_000_000)],
        ("1", [1]),
    ),
    "state, and transfers of the next tick come first": (
        form(form="state", at=TRADE, key="bob.balance", value=1),
        [tick(1), chain(1, amount=1_000_000), chain(2, amount=5_000_000), trade(1), tick(2)],
        [tick(1), chain(1, amount=1_500_000), chain(2, amount=5_000_000), trade(1), tick(2)],
        ("0.5", [4]),
    ),
    "state after so many events": (
        form(form="state", at_event_seq=2, key="cpu.price", value=1.5),
        [price(1, 1), price(2, 1.5), price(3, 2)],
        [price(1, 1), price(2, 1.75)],
        ("0.25", []),
    ),
    "state that is not known": (
        form(form="state", at=TRADE, key="{buyer}.balance", value={"!=": 1}),
        [trade(1), chain(1, amount=2_000_000)],
        [trade(1, buyer="no.body"), chain(1, amount=2_000_000)],
        ("", [1]),
    ),
    "state that is not known yet": (
        form(form="state", at_event_seq=1, key="cpu.price", value={"!=": 1}),
        [price(1, 2)],
        [tick(1), price(1, 2)],
        ("", []),
    ),
    "stable": (
        form(form="stable", key="cpu.price", band=0.5, lasting={"ticks": 3}),
        [price(1, 9), price(3, 2), price(4, 2.5), tick(6)],
        [price(1, 9), price(4, 2), price(5, 2.75), tick(6)],
        ("6.5", []),
    ),
    "sum": (
        form(form="sum", event=TRADE, field="price", value=2.2),
        [trade(1, price=1_100_000), trade(2, price=1_100_000)],
        [trade(1, price=1_100_000), trade(2, price=1_200_000)],
        ("0.1", [2]),
    ),
    "latency": (
        form(form="latency", trigger=BID, event=TRADE, same=ORDER, percentile=50, at_most={"ticks": 1}),
        [bid(1), trade(2), bid(3, order_id="q"), trade(9, bid_id="q")],
        [bid(1), trade(3), bid(3, order_id="q"), trade(9, bid_id="q")],
        ("1 of 2 events; the latest came after 6 ticks", [3, 4]),
    ),
}

GENERAL = {
    "happens",
    "never",
    "then",
    "before",
    "sequence",
    "exactly",
    "at_most",
    "at_least",
    "until",
    "state",
    "stable",
}


def cases(*parts):
    return pytest.mark.parametrize(
        parts, [tuple(CASES[name][:4][each] for each in SLOTS[parts]) for name in CASES], ids=CASES
    )


SLOTS = {("expected", "good"): (0, 1), ("expected", "bad", "told"): (0, 2, 3)}


def test_every_form_about_events_has_a_case():
    assert {each[0].form for each in CASES.values()} == GENERAL | {"sum", "latency"}
    assert {*FORMS} > GENERAL


@requirement(
    "benchmark.event_exists", "benchmark.sequence", "benchmark.never", "benchmark.kv_at", "benchmark.bounded"
)
@cases("expected", "good")
def test_it_holds(expected, good):
    found = verdict(expected, good)

    assert (found.outcome, found.missed_by) == (Ruling.HOLDS, "")
    assert len(found.lines()) == 1


@cases("expected", "bad", "told")
def test_it_fails_and_shows_by_how_much_and_where(expected, bad, told):
    found = verdict(expected, bad)

    assert found.outcome is Ruling.FAILS
    assert (found.missed_by, [each.sequence for each in found.witness]) == told
    assert len(found.lines()) <= 12
    assert max(map(len, found.lines())) <= 118


@cases("expected", "good")
def test_a_mutant_breaks_it(expected, good):
    (found,) = audit((expected,), good)

    assert found.verdict.outcome is Ruling.HOLDS
    assert found.is_breakable


@cases("expected", "good")
def test_looking_after_every_event_changes_no_verdict(expected, good):
    assert verdict(expected, good, looks=True) == verdict(expected, good)


def test_stability_is_judged_by_the_ends_of_ticks_whoever_looks_between():
    expected = form(form="stable", key="cpu.price", band=0.5, lasting={"ticks": 3})
    log = [price(1, 2), tick(2), price(3, 9), price(3, 2), tick(4), tick(5)]

    assert [verdict(expected, log, looks=each).outcome for each in (False, True)] == [Ruling.HOLDS] * 2


NOTICED = {
    "never": {Mutation.ALTER},
    "then": {Mutation.DROP, Mutation.ALTER, Mutation.SWAP},
    "before": {Mutation.DROP, Mutation.ALTER, Mutation.SWAP},
    "exactly": {Mutation.DROP, Mutation.DUPLICATE},
    "at_most": {Mutation.DUPLICATE, Mutation.ALTER},
    "sum": {Mutation.DROP, Mutation.DUPLICATE, Mutation.ALTER},
    "until": {Mutation.DROP, Mutation.SWAP},
}


@pytest.mark.parametrize("name", NOTICED)
def test_it_notices_each_kind_of_change_that_matters_to_it(name):
    expected, good, *_ = CASES[name]

    (found,) = audit((expected,), good)

    assert found.broken_by.keys() >= NOTICED[name]


@pytest.mark.parametrize("name", ["then", "before", "sum", "state", "stable"])
def test_what_nothing_put_to_the_test_is_no_pass(name):
    found = verdict(CASES[name][0], [tick(1)])

    assert found.outcome is Ruling.VACUOUS
    assert not found.outcome.is_pass


def test_each_item_of_a_batch_is_an_event_of_its_own():
    batch = trade(1)
    batch.content["items"] = [batch.content["items"][0]] * 3

    assert verdict(form(form="exactly", event=TRADE, times=3), [batch]).outcome is Ruling.HOLDS


def test_an_item_follows_one_before_it_in_its_batch():
    batch, later = bid(order_id="p"), bid(order_id="q", replaces="p")
    batch.content["items"] += later.content["items"]
    at_once = {"same": ["order_id = replaces"], "percentile": 50, "at_most": {"ticks": 0}}

    assert verdict(form(form="latency", trigger=BID, event=BID, **at_once), [batch]).outcome is Ruling.HOLDS


@pytest.mark.parametrize(
    ("constraint", "holds"),
    [
        ({"<": 1}, False),
        ({"<=": 1}, True),
        ({">": 0.999999}, True),
        ({"!=": 1}, False),
        ({"in": [1, 2]}, True),
        ({"between": [1, 2]}, True),
        ({">=": 0.5, "<": 1}, False),
        (1.0, True),
    ],
)
def test_a_constraint_compares_money_in_credits(constraint, holds):
    expected = form(form="happens", event={**TRADE, "where": {"price": constraint}}, within={"ticks": 9})

    assert verdict(expected, [trade(1)]).outcome.is_pass == holds


def test_text_is_searched_for_a_pattern():
    expected = form(
        form="happens", event={**TRADE, "where": {"buyer": {"matches": "^b.b$"}}}, within={"ticks": 9}
    )

    assert verdict(expected, [trade(1)]).outcome is Ruling.HOLDS
