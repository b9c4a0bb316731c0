"""The filter of events as somebody types it."""

from __future__ import annotations

import pytest
from run_builders import small_run

from econsim import subjects
from econsim.domain.audit.facts import facts
from econsim.report.event_filter import EventList, EventSearch
from econsim.report.run_view import SeenEvent

RUN = small_run()


def found(text):
    wanted = EventSearch.parse(text)
    return [entry for entry in RUN if wanted.fits(entry)]


def test_an_empty_filter_fits_all() -> None:
    assert found("  ") == list(RUN)


@pytest.mark.parametrize("text", ["type:trade", "type:market.trade", "TRADE_executed type:trade"])
def test_a_type_is_found_by_its_beginning_or_that_of_its_action(text) -> None:
    assert {entry.type for entry in found(text)} == {subjects.TRADE_EXECUTED.type}


def test_an_agent_is_found_in_what_it_did_and_took_part_in() -> None:
    agent = "buyer_003"

    entries = found(f"agent:{agent}")

    assert entries == [entry for entry in RUN if any(fact.concerns(agent) for fact in facts(entry))]
    assert 0 < len(entries) < len(RUN)


def test_all_words_must_fit_one_fact() -> None:
    trade = next(facts(found("type:trade")[0]))

    assert found(f"{trade.data['buyer']} bought {trade.data['trade_id']}") == found(
        trade.data["trade_id"] + " bought"
    )
    assert not found("bought nonsense")


def test_a_list_keeps_what_fits_as_events_come() -> None:
    listed = EventList()
    listed.reset((), EventSearch.parse("type:ticked"))

    for place, entry in enumerate(RUN, 1):
        listed.add(SeenEvent(place, entry))

    assert [event.entry.tick for event in listed.events] == list(range(1, 13))
