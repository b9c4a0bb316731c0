"""Events that are copied into the log are judged by their own tick, wherever the log has them."""

import gc

import pytest
from expectation_builders import chain, event, form, judged, stored_run, tick, trade, verdict

from econsim import subjects
from econsim.domain.audit.facts import record
from econsim.domain.expectation import monitor, tick_order
from econsim.domain.expectation.checks import check_expectations
from econsim.domain.expectation.judge import Judge
from econsim.domain.expectation.monitor import COPIED
from econsim.domain.expectation.occurrence import Occurrence
from econsim.domain.expectation.verdict import Ruling
from econsim.errors import InvalidExpectation

TRADE, POSTED, CLOSED = {"type": "trade_executed"}, {"type": "transfer_posted"}, {"type": "run.closed"}
LATER_POSTED = {**POSTED, "where": {"tick": {">": 1}}}
NONE_POSTED = {**POSTED, "where": {"tick": {">": 99_999}}}
PAST = 10**6
NOW = {"ticks": 0}

HOLDS = [
    {"form": "happens", "event": LATER_POSTED, "within": {"ticks": 30}},
    {"form": "never", "event": NONE_POSTED},
    {"form": "then", "trigger": TRADE, "event": POSTED, "caused": True, "within": NOW},
    {"form": "then", "trigger": TRADE, "event": POSTED, "within": NOW},
    {"form": "before", "first": TRADE, "event": {**POSTED, "where": {"tick": {">": 5}}}},
    {"form": "before", "first": POSTED, "event": TRADE},
    {"form": "until", "event": CLOSED, "until": LATER_POSTED, "within": {"ticks": 30}},
    {"form": "sequence", "events": [TRADE, LATER_POSTED], "max_gap": NOW},
    {"form": "at_least", "event": POSTED, "times": 1, "per": {"ticks": 5}},
    {"form": "exactly", "event": NONE_POSTED, "times": 0, "per": {"ticks": 5}},
    {"form": "at_most", "event": POSTED, "times": 1000, "per": {"ticks": 2}},
    {"form": "at_least", "event": POSTED, "times": 2},
    {"form": "sum", "event": POSTED, "field": "tick", "value": {">=": 0}},
    {
        "form": "latency",
        "trigger": TRADE,
        "event": POSTED,
        "same": ["tick"],
        "percentile": 100,
        "at_most": NOW,
    },
    {"form": "state", "at": TRADE, "key": "{buyer}.balance", "value": {">=": 0}},
    {"form": "state", "at": POSTED, "key": "treasury.balance", "value": {"<=": 0}},
]
FAILS = [
    {"form": "happens", "event": NONE_POSTED, "within": {"ticks": 30}},
    {"form": "never", "event": LATER_POSTED, "within": {"ticks": 30}},
    {"form": "then", "trigger": POSTED, "event": TRADE, "caused": True, "within": NOW},
    {"form": "then", "trigger": TRADE, "event": NONE_POSTED, "within": NOW},
    {"form": "before", "first": NONE_POSTED, "event": TRADE},
    {"form": "before", "first": CLOSED, "event": LATER_POSTED},
    {"form": "until", "event": LATER_POSTED, "until": CLOSED, "within": {"ticks": PAST}},
    {"form": "sequence", "events": [CLOSED, LATER_POSTED, TRADE], "max_gap": {"ticks": 5}},
    {"form": "at_least", "event": POSTED, "times": 1000, "per": {"ticks": 5}},
    {"form": "exactly", "event": POSTED, "times": 1000, "per": {"ticks": 5}},
    {"form": "at_most", "event": LATER_POSTED, "times": 0, "per": {"ticks": 2}},
    {"form": "exactly", "event": POSTED, "times": 1},
    {"form": "sum", "event": POSTED, "field": "tick", "value": {"<": 0}},
    {
        "form": "latency",
        "trigger": TRADE,
        "event": NONE_POSTED,
        "same": ["tick"],
        "percentile": 1,
        "at_most": NOW,
    },
    {"form": "state", "at": TRADE, "key": "{buyer}.balance", "value": {"<": 0}},
    {"form": "state", "at": POSTED, "key": "treasury.balance", "value": {">": 0}},
]


def moved(stored, by, rank):
    """Return the records with the copied ones as if each were of a tick so much later, and before or after that tick's others."""
    order, tick, first = [], 0, True
    for place, each in enumerate(stored):
        entry = record(*each)
        tick = max(tick, entry.tick)
        is_early_copy = entry.type in COPIED and not first
        order.append(((entry.tick + by, rank, place) if is_early_copy else (tick, 0, place), each))
        first = False
    return [each for _, each in sorted(order, key=lambda item: item[0])]


@pytest.fixture(scope="module")
def run():
    return stored_run("studio")


LOGS = {
    "60 ticks later": (60, 1),
    "after the closing": (PAST, 1),
    "at the front of its tick": (0, -1),
    "one tick earlier": (-1, 1),
}


@pytest.mark.parametrize("log", LOGS)
def test_outcomes_do_not_depend_on_where_the_log_has_copies(run, log):
    scenario, stored = run
    changed = moved(stored, *LOGS[log])
    assert changed != stored

    found = judged(scenario, changed, *(form(**each) for each in HOLDS + FAILS))[1]

    wanted = ["holds"] * len(HOLDS) + ["fails"] * len(FAILS)
    assert [(each.name, each.outcome.value) for each in found] == [
        (each.name, outcome) for each, outcome in zip(found, wanted, strict=True)
    ]


def test_the_order_of_the_run_gives_the_same_outcomes(run):
    scenario, stored = run
    found = judged(scenario, stored, *(form(**each) for each in HOLDS + FAILS))[1]

    assert [each.outcome.value for each in found] == ["holds"] * len(HOLDS) + ["fails"] * len(FAILS)


def test_a_missing_copy_is_no_failure_for_good_before_the_end(run):
    scenario, stored = run
    judge, at_closing = Judge((form(**HOLDS[3]),), scenario), []
    for sequence, each in enumerate(moved(stored, PAST, 1), 1):
        judge.add_stored(*each, sequence)
        if record(*each).type == subjects.RUN_CLOSED.type:
            at_closing = [each.outcome for each in judge.verdicts()]

    assert at_closing == [Ruling.SO_FAR_FALSE]
    assert judge.close()[0].outcome is Ruling.HOLDS


@pytest.mark.parametrize("log", LOGS)
@pytest.mark.parametrize("looks", [False, True])
def test_outcomes_are_the_same_when_ticks_are_judged_as_soon_as_the_copies_have_passed_them(
    run, monkeypatch, log, looks
):
    scenario, stored = run
    monkeypatch.setattr(tick_order, "ORDERED_MIN", 1)
    judge = Judge([form(**each) for each in HOLDS + FAILS], scenario)

    for sequence, each in enumerate(moved(stored, *LOGS[log]), 1):
        judge.add_stored(*each, sequence)
        if looks:
            judge.verdicts()

    wanted = ["holds"] * len(HOLDS) + ["fails"] * len(FAILS)
    assert [each.outcome.value for each in judge.close()] == wanted


@pytest.mark.parametrize(("by", "outcome"), [(0, Ruling.HOLDS), (PAST, Ruling.UNDECIDABLE)])
def test_more_facts_than_are_kept_are_judged_when_the_copies_have_passed_their_tick(
    run, monkeypatch, by, outcome
):
    scenario, stored = run
    expected = form(form="then", trigger={"type": "ask_accepted"}, event=POSTED, within={"ticks": 500})
    monkeypatch.setattr(monitor, "OPEN_MAX", 130)
    monkeypatch.setattr(tick_order, "ORDERED_MIN", 10)

    assert judged(scenario, moved(stored, by, 1), expected)[1][0].outcome is outcome


@pytest.mark.parametrize("first", [TRADE, {"type": "mcp.completed"}])
def test_a_fact_beside_copies_is_counted_once_whether_its_record_has_one_or_many(first):
    calls = [event("mcp.completed", n, "files", "ana", id=f"t{n}") for n in (1, 2, 3)]
    records = [each for n in (1, 2, 3) for each in (tick(n), trade(n), calls[n - 1], chain(n))]

    found = verdict(form(form="then", trigger=first, event=POSTED, within={"ticks": 1}), records)

    assert found.message.startswith("all 3 ")


def kept_after(ticks):
    """Return how many facts are alive when a judge has seen a trade, and the transfer for it, at each tick."""
    expected = form(form="then", trigger=TRADE, event=POSTED, within={"ticks": 3})
    judge, gone = Judge((expected,), is_trusted=True), facts_alive()
    for number in range(1, ticks + 1):
        for place, entry in enumerate((tick(number), trade(number), chain(number)), 3 * number):
            judge.add(entry, place)
    found = facts_alive() - gone
    assert judge.close(is_part=True)[0].outcome is Ruling.HOLDS
    return found


def facts_alive():
    return sum(isinstance(each, Occurrence) for each in gc.get_objects())


def test_a_run_four_times_as_long_leaves_no_more_facts(monkeypatch):
    monkeypatch.setattr(tick_order, "ORDERED_MIN", 32)

    assert kept_after(800) <= kept_after(200) <= 3 * 32


def test_an_event_that_comes_after_its_tick_was_judged_makes_the_verdict_undecidable(monkeypatch):
    monkeypatch.setattr(tick_order, "ORDERED_MIN", 8)
    expected = form(form="before", first=TRADE, event=POSTED)
    records = [trade(1), *(each for n in range(2, 40) for each in (tick(n), chain(n))), trade(3)]

    found = verdict(expected, records)

    assert found.outcome is Ruling.UNDECIDABLE
    assert "an event of tick 3 came after more than 8 of later ticks" in found.message


@pytest.mark.parametrize(
    "fields",
    [
        {"form": "then", "trigger": TRADE, "event": POSTED, "within": {"events": 5}},
        {"form": "never", "event": POSTED, "within": {"events": 5}},
        {"form": "at_most", "event": POSTED, "times": 1, "per": {"events": 5}},
        {"form": "sequence", "events": [TRADE, POSTED], "max_gap": {"events": 5}},
    ],
)
def test_a_bound_in_events_on_copies_is_refused(fields):
    with pytest.raises(InvalidExpectation, match="give ticks"):
        Judge((form(**fields),))


@pytest.mark.parametrize(
    "fields",
    [
        {"form": "state", "at_event_seq": 5, "key": "treasury.balance", "value": 0},
        {"form": "state", "at": POSTED, "key": "cpu.price", "value": 0},
        {"form": "state", "at": {"type": "file_written"}, "key": "treasury.balance", "value": 0},
    ],
)
def test_state_that_the_place_of_a_copy_would_decide_is_refused(run, fields):
    scenario = run[0].model_copy(update={"expectations": (form(**fields),)})
    with pytest.raises(InvalidExpectation, match="copied into the log"):
        check_expectations(scenario)
