"""The judge: verdicts while a run goes on, and that late and live are the same to the event; what it keeps is bounded."""

import gc

import pytest
from expectation_builders import bid, event, form, judged, stored_run, tick, trade, verdict

from econsim.domain.audit.envelope import AddressedEvent
from econsim.domain.audit.facts import Record, record
from econsim.domain.execution import in_memory
from econsim.domain.expectation import monitor
from econsim.domain.expectation.judge import Judge
from econsim.domain.expectation.verdict import Ruling

TRADE, BID = {"type": "trade_executed"}, {"type": "bid_accepted"}
MONEY = [{"form": "solvent"}, {"form": "costs"}, {"form": "gini", "value": {"<=": 1}}]
WITHIN = {"within": {"ticks": 30}}
FOLLOWED = [
    {"form": "then", "trigger": TRADE, "event": {"type": "transfer_posted"}, "same": ["trade_id = id"]},
    {"form": "then", "trigger": BID, "event": {"type": "order_cancelled"}, "same": ["order_id"]},
    {"form": "before", "first": BID, "event": TRADE, "same": ["order_id = bid_id"]},
]


@pytest.mark.parametrize(
    ("expected", "records", "outcomes"),
    [
        (
            form(form="happens", event=TRADE, within={"ticks": 2}),
            [tick(1), trade(2)],
            ["so_far_false", "true"],
        ),
        (
            form(form="happens", event=TRADE, within={"ticks": 1}),
            [tick(1), tick(2)],
            ["so_far_false", "false"],
        ),
        (form(form="never", event=TRADE), [tick(1), trade(2)], ["so_far_true", "false"]),
        (form(form="never", event=TRADE, within={"ticks": 1}), [tick(1), tick(2)], ["so_far_true", "true"]),
        (
            form(form="then", trigger=BID, event=TRADE, within={"ticks": 1}),
            [tick(1), bid(1), tick(2), tick(3), trade(9)],
            ["so_far_true", "so_far_false", "so_far_false", "false", "false"],
        ),
        (
            form(form="then", trigger=BID, event=TRADE, within={"ms": 200}),
            [bid(1), tick(2, ms=200), tick(3, ms=201)],
            ["so_far_false", "so_far_false", "false"],
        ),
        (
            form(form="then", trigger=BID, event=TRADE, within={"events": 1}),
            [bid(1), tick(2, ms=200), tick(3, ms=201)],
            ["so_far_false", "so_far_false", "false"],
        ),
        (form(form="at_least", event=TRADE, times=1), [tick(1), trade(1)], ["so_far_false", "true"]),
        (form(form="at_most", event=TRADE, times=1), [trade(1), trade(2)], ["so_far_true", "false"]),
    ],
)
def test_a_running_verdict_is_at_most_one_event_late(expected, records, outcomes):
    judge, found = Judge((expected,), is_trusted=True), []

    for sequence, entry in enumerate(records, 1):
        judge.add(entry, sequence)
        found.append(judge.verdicts()[0].outcome.value)

    assert found == outcomes


def test_an_event_that_breaks_an_expectation_is_known_at_once():
    judge, found = (
        Judge((form(form="never", event=TRADE), form(form="never", event=BID)), is_trusted=True),
        [],
    )

    for sequence, entry in enumerate([tick(1), trade(2), tick(2)], 1):
        judge.add(entry, sequence)
        found.append(judge.decided)

    assert found == [0, 1, 1]


@pytest.mark.parametrize("name", ["studio", "smith1962"])
def test_events_and_their_stored_records_get_the_same_verdicts(name):
    scenario, stored = stored_run(name)
    expected = (form(form="solvent"), form(form="limit_prices"), form(form="exactly", event=TRADE, times=9))
    live = Judge(expected, scenario)
    for sequence, each in enumerate(in_memory.run(scenario, "r1"), 1):
        assert isinstance(each, AddressedEvent)
        live.add(each, sequence)
        live.verdicts()

    assert live.close() == judged(scenario, stored, *expected)[1]


def test_a_run_in_memory_of_which_the_end_is_lacking_is_not_judged_as_a_whole():
    scenario, _ = stored_run("smith1962")
    judge = Judge((form(form="exactly", event=TRADE, times=9),), scenario)

    for sequence, each in enumerate(list(in_memory.run(scenario, "r1"))[:-1], 1):
        judge.add(each, sequence)

    assert judge.close()[0].outcome is Ruling.UNDECIDABLE
    assert [each.what for each in judge.faults] == ["run_is_not_closed"]


def test_looking_while_it_runs_changes_no_verdict():
    scenario, stored = stored_run("studio")
    expected = [form(form="then", trigger=BID, event=TRADE, same=["order_id = bid_id"], within={"ticks": 3})]
    expected += [
        form(
            form="latency",
            trigger=BID,
            event=TRADE,
            same=["order_id = bid_id"],
            percentile=20,
            at_most={"ticks": 3},
        )
    ]
    watched = Judge(expected, scenario)
    for sequence, (subject, payload) in enumerate(stored, 1):
        watched.add_stored(subject, payload, sequence)
        watched.verdicts()

    assert watched.close() == judged(scenario, stored, *expected)[1]


def test_a_failure_names_its_cause_and_the_command_that_shows_it():
    records = [tick(1), bid(1, cause="tick.1"), trade(1, price=9_000_000)]
    expected = form(form="before", first={"type": "period_opened"}, event=TRADE, name="a day is open")

    found = verdict(expected, records)

    assert found.lines()[0] == "FAILS  a day is open"
    assert found.lines()[-1] == f"  econsim why {found.witness[-1].event_id} --run r1"
    assert found.witness[-1].cause == "o"


def test_witnesses_name_each_other_as_causes():
    expected = form(form="then", trigger=BID, event=TRADE, same=["order_id = bid_id"], within={"ticks": 1})

    lines = verdict(expected, [bid(1), tick(2), trade(4)]).lines()

    assert any(line.endswith("← #1") for line in lines)


def test_an_agents_text_cannot_move_the_cursor():
    text = form(form="never", event={"type": "ticked"}).model_copy(update={"name": "\x1b[2Jx\ny"})
    found = verdict(text, [tick(1)])

    assert all(line.isprintable() for line in found.lines())


def test_what_waits_for_ever_is_given_up_and_said(monkeypatch):
    monkeypatch.setattr(monitor, "OPEN_MAX", 3)
    expected = form(form="then", trigger=BID, event=TRADE, same=["order_id = bid_id"], within={"ticks": 99})

    found = verdict(expected, [bid(1, order_id=f"o{number}") for number in range(9)])

    assert found.outcome is Ruling.UNDECIDABLE
    assert "more than 3 events or values wait at once" in found.message


def test_a_comparison_that_fails_on_a_sound_record_spoils_no_other_expectation():
    listed = event("mcp.tools_listed", 1, "files", "files", tools=["read"], digest="a" * 64)
    pattern = {"type": "tools_listed"}
    expected = (
        form(form="never", event={**pattern, "where": {"tools.0": {">": 1}}}),
        form(form="exactly", event=pattern, times=1),
    )
    judge = Judge(expected, is_trusted=True)
    judge.add(listed, 1)

    given_up, sound = judge.close(is_part=True)

    assert given_up.outcome is Ruling.UNDECIDABLE
    assert "could not judge record 1 of the log" in given_up.message
    assert sound.outcome is Ruling.HOLDS
    assert judge.faults == ()


def test_the_report_of_an_agent_is_watched_under_the_name_of_reports():
    report = event("agent.mood_changed", 1, "ana", "ana", mood="well")
    expected = form(
        form="happens",
        event={"type": "agent.reported", "where": {"action": "mood_changed"}},
        within={"ticks": 1},
    )

    assert verdict(expected, [report]).outcome is Ruling.HOLDS


def test_only_events_that_are_watched_and_the_closing_are_decoded():
    _, stored = stored_run("studio")
    judge = Judge((form(form="exactly", event={"type": "period_opened"}, times=1),))
    entries = [record(*each) for each in stored]

    for sequence, entry in enumerate(entries, 1):
        judge.add(entry, sequence)

    decoded = {entry.type for entry in entries if not isinstance(entry.content, str)}
    assert decoded == {"system.period_opened", "system.closed"}


def test_journal_entries_are_not_decoded_once_more_for_balances_and_keys():
    scenario, stored = stored_run("genesis")
    judge = Judge([form(**each) for each in (*MONEY, FOLLOWED[0] | WITHIN)], scenario)
    entries = [record(*each) for each in stored]

    for sequence, entry in enumerate(entries, 1):
        judge.add(entry, sequence)

    assert all(isinstance(each.content, str) for each in entries if each.type == "market.transfer_posted")


@pytest.mark.parametrize("name", ["genesis", "studio"])
def test_records_in_the_form_of_their_service_and_in_any_other_get_the_same_verdicts(name):
    scenario, stored = stored_run(name)
    entries = [record(*each) for each in stored]
    found = [
        Judge([form(**each) for each in (*MONEY, *(each | WITHIN for each in FOLLOWED))], scenario)
        for _ in range(2)
    ]

    for sequence, entry in enumerate(entries, 1):
        found[0].add(entry, sequence)
        found[1].add(entry.with_data(entry.data), sequence)

    assert found[0].close() == found[1].close()


@pytest.mark.parametrize("expected", FOLLOWED)
def test_what_a_judge_keeps_of_stored_records_is_their_text(expected):
    scenario, stored = stored_run("genesis")
    judge = Judge((form(**expected, **WITHIN),), scenario)
    others = {id(each) for each in gc.get_objects() if isinstance(each, Record)}

    for sequence, each in enumerate(stored, 1):
        judge.add_stored(*each, sequence)

    kept = [each for each in gc.get_objects() if isinstance(each, Record) and id(each) not in others]
    assert kept
    assert all(isinstance(each.content, str) for each in kept)


@pytest.mark.parametrize("expected", FOLLOWED[1:])
def test_a_witness_is_the_same_whether_its_data_were_kept_or_forgotten(expected):
    scenario, stored = stored_run("genesis")
    expectation = form(**expected, within={"ticks": 1})
    live = Judge((expectation,), scenario)
    for sequence, each in enumerate(stored, 1):
        live.add(record(*each), sequence)

    [late] = judged(scenario, stored, expectation)[1]

    assert late == live.close()[0]
    assert late.witness
    assert all(each.description != each.type for each in late.witness)
