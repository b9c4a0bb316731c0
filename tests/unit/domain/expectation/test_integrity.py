"""Logs that are wrong: each fault is named with its sequence, what it makes unknown is undecidable, the rest is judged.

Catches: a pass because the record that would have failed is gone, a failure because one came twice.
"""

import json

import pytest
from expectation_builders import form, judged, stored_run

from econsim.domain.expectation.judge import Judge
from econsim.domain.expectation.verdict import Ruling

NO_TRADE = form(form="never", event={"type": "trade_executed", "where": {"price": {">": 100}}})
PERIOD = form(form="happens", event={"type": "period_opened"}, within={"ticks": 1})
SOLVENT = form(form="solvent")
TICKS = form(form="exactly", event={"type": "ticked"}, times=20)
ALL = (NO_TRADE, PERIOD, SOLVENT, TICKS)


@pytest.fixture(scope="module")
def run():
    return stored_run("studio")


def place(stored, action, nth=1):
    return [at for at, (subject, _) in enumerate(stored) if subject.split(".")[2] == action][nth]


def without(stored, at):
    return [*stored[:at], *stored[at + 1 :]]


def changed(stored, at, **fields):
    subject, payload = stored[at]
    body = {**json.loads(payload), **fields}
    return [*stored[:at], (subject, json.dumps(body, separators=(",", ":")).encode()), *stored[at + 1 :]]


def replaced(stored, at, payload):
    return [*stored[:at], (stored[at][0], payload), *stored[at + 1 :]]


def amount(stored, at):
    return replaced(stored, at, stored[at][1].replace(b'"amount":', b'"amount":1', 1))


U, H, F = Ruling.UNDECIDABLE, Ruling.HOLDS, Ruling.FAILS

FAULTS = {
    # fault: the log, the action whose second record is changed, what is found, the verdicts
    "items_are_missing": (without, "trade_executed", (U, H, H, H)),
    "batch_is_missing": (without, "tick_cleared", (U, H, H, H)),
    "journal_has_a_gap": (without, "transfer_posted", (H, H, U, H)),
    "journal_entry_is_forged": (amount, "transfer_posted", (H, H, U, H)),
    "tick_is_missing": (without, "ticked", (U, H, U, U)),
    "record_is_unreadable": (lambda s, at: replaced(s, at, b"{"), "trade_executed", (U, H, H, H)),
    "record_has_unknown_version": (
        lambda s, at: changed(s, at, schema_version=2),
        "trade_executed",
        (U, H, H, H),
    ),
    "record_is_forged": (lambda s, at: changed(s, at, correlation_id="other"), "ticked", (U, H, U, U)),
    "record_does_not_follow_its_schema": (
        lambda s, at: changed(s, at, data={"items": [7]}),
        "trade_executed",
        (U, H, H, H),
    ),
}


@pytest.mark.parametrize("what", FAULTS)
def test_a_fault_is_named_with_its_sequence_and_the_rest_is_judged(run, what):
    damage, action, outcomes = FAULTS[what]
    scenario, stored = run
    at = place(stored, action)

    judge, verdicts = judged(scenario, damage(stored, at), *ALL)

    fault = next(each for each in judge.faults if each.what == what)
    assert fault.sequence >= at
    assert tuple(each.outcome for each in verdicts) == outcomes
    assert f"record {fault.sequence}" in verdicts[outcomes.index(U)].message or len(judge.faults) > 1


def test_a_price_that_is_missing_is_named_at_the_end_of_its_batch(run):
    scenario, stored = run
    at = place(stored, "price_updated")

    judge, (uncrossed, solvent) = judged(scenario, without(stored, at), form(form="uncrossed"), SOLVENT)

    [fault] = judge.faults
    assert (fault.what, fault.sequence) == ("price_is_missing", place(stored[at:], "tick_cleared", 0) + at)
    assert (uncrossed.outcome, solvent.outcome) == (U, H)


def test_a_journal_entry_is_checked_however_it_is_written(run):
    scenario, stored = run
    at = place(stored, "transfer_posted")
    body = json.loads(stored[at][1])
    same = json.dumps(body).encode()
    body["data"]["chains"][0]["transfers"][0]["amount"] += 1

    found = [
        judged(scenario, replaced(stored, at, each), SOLVENT)[1][0]
        for each in (same, json.dumps(body).encode())
    ]

    assert [each.outcome for each in found] == [H, U]
    assert f"record {at + 1} of the log" in found[1].message


@pytest.mark.parametrize("data", [{}, {"items": [7]}, 7])
@pytest.mark.parametrize("action", ["tick_cleared", "trade_executed", "transfer_posted"])
def test_content_of_any_shape_is_a_fault_and_no_crash(run, action, data):
    scenario, stored = run
    followed = form(
        form="then",
        trigger={"type": "trade_executed"},
        event={"type": "transfer_posted"},
        same=["trade_id = id"],
        within={"ticks": 1},
    )
    at = place(stored, action)
    body = json.dumps({**json.loads(stored[at][1]), "data": data}).encode()

    judge, verdicts = judged(scenario, replaced(stored, at, body), *ALL, followed)

    assert "record_does_not_follow_its_schema" in {each.what for each in judge.faults}
    assert verdicts[-1].outcome is U
    assert verdicts[1].outcome is H


def test_a_copy_that_lacks_what_correlates_is_undecidable(run):
    scenario, stored = run
    at = place(stored, "transfer_posted")
    body = json.loads(stored[at][1])
    del body["data"]["chains"][0]["id"]
    correlated = {"trigger": {"type": "trade_executed"}, "same": ["trade_id = id"], "within": {"ticks": 1}}
    expected = form(form="then", event={"type": "transfer_posted"}, **correlated)

    assert judged(scenario, replaced(stored, at, json.dumps(body).encode()), expected)[1][0].outcome is U


@pytest.mark.parametrize("time", ["", "soon", "2026-01-01T00:00:00", "2026-13-01T00:00:00Z", None, 5])
@pytest.mark.parametrize("at", [0, -1])
def test_a_record_without_a_time_is_named_and_no_crash(run, time, at):
    scenario, stored = run
    at %= len(stored)
    soon = form(form="happens", event={"type": "ticked"}, within={"ms": 5})

    judge, _ = judged(scenario, changed(stored, at, occurred_at=time), soon)

    assert (judge.faults[0].sequence, judge.faults[0].what) == (at + 1, "record_has_no_time")


def test_a_run_as_it_is_has_no_fault(run):
    judge, verdicts = judged(*run, *ALL)

    assert judge.faults == ()
    assert [each.outcome for each in verdicts] == [H, H, H, H]


@pytest.mark.parametrize(
    "action", ["ticked", "trade_executed", "transfer_posted", "tick_cleared", "period_opened"]
)
def test_a_record_that_was_stored_twice_counts_once(run, action):
    scenario, stored = run
    at = place(stored, action, 0)

    judge, verdicts = judged(scenario, [*stored[: at + 1], *stored[at:]], *ALL)

    assert judge.faults == ()
    assert [each.outcome for each in verdicts] == [H, H, H, H]


def test_a_record_that_is_read_twice_counts_once(run):
    scenario, stored = run
    judge = Judge(ALL, scenario)

    for sequence, each in enumerate(stored, 1):
        judge.add_stored(*each, sequence)
        judge.add_stored(*each, sequence)

    assert [each.outcome for each in judge.close()] == [H, H, H, H]
    assert judge.faults == ()


def test_a_log_that_ends_early_decides_only_what_its_events_prove(run):
    scenario, stored = run
    expensive = form(form="never", event={"type": "trade_executed", "where": {"price": {">": 0.01}}})

    judge, verdicts = judged(scenario, stored[:-1], NO_TRADE, PERIOD, expensive)

    assert [each.outcome for each in verdicts] == [U, H, F]
    assert judge.faults[-1].what == "run_is_not_closed"


@pytest.mark.parametrize(
    ("actions", "what", "outcomes"),
    [
        (["transfer_posted"], "journal_has_a_gap", (H, H, U, H)),
        (["ticked"], "tick_is_missing", (U, H, U, U)),
    ],
)
@pytest.mark.parametrize("how_many", [1, 1000])
def test_the_end_of_a_log_is_missed_by_what_the_closing_counts(run, actions, what, outcomes, how_many):
    scenario, stored = run
    places = [at for at, (subject, _) in enumerate(stored) if subject.split(".")[2] in actions][-how_many:]

    judge, verdicts = judged(scenario, [each for at, each in enumerate(stored) if at not in places], *ALL)

    assert what in {each.what for each in judge.faults}
    assert tuple(each.outcome for each in verdicts) == outcomes


def test_a_log_without_its_beginning_is_not_judged(run):
    scenario, stored = run

    judge, verdicts = judged(scenario, stored[5:], NO_TRADE)

    assert "run_has_no_opening" in [each.what for each in judge.faults]
    assert verdicts[0].outcome is U


def test_copies_out_of_order_are_named(run):
    scenario, stored = run
    first, second = place(stored, "transfer_posted", 3), place(stored, "transfer_posted", 4)
    swapped = list(stored)
    swapped[first], swapped[second] = stored[second], stored[first]

    judge, verdicts = judged(scenario, swapped, SOLVENT)

    assert {"journal_has_a_gap", "journal_is_out_of_order"} <= {each.what for each in judge.faults}
    assert verdicts[0].outcome is U


def test_a_failure_that_was_proved_before_the_fault_stays(run):
    scenario, stored = run
    late = place(stored, "trade_executed", -1)
    expected = form(form="at_most", event={"type": "trade_executed"}, times=1)

    _, verdicts = judged(scenario, without(stored, late), expected)

    assert verdicts[0].outcome is F
