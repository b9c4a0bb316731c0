"""Causes and effects from a part of the log. Catches: one that only the whole log shows, one in another order."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from run_builders import small_scenario

from econsim import subjects
from econsim.domain.audit.causality import CausalGraph
from econsim.domain.audit.facts import facts, record
from econsim.domain.audit.relatives import Relatives
from econsim.domain.execution.in_memory import run
from econsim.errors import NotFound

STORED = [
    SimpleNamespace(sequence=place, subject=each.subject, payload=each.json())
    for place, each in enumerate(run(small_scenario("zi_c")), 1)
]


def read(stored):
    """Return a stored record as readers do."""
    return record(stored.subject, stored.payload)


LOG = [read(each) for each in STORED]


def looked_at(name, stored=STORED):
    """Return the relatives of a fact after a look at these records."""
    found = Relatives(name, read)
    for each in stored:
        found.look_at(each)
    return found


def ids_of(*rows):
    """Return the ids of all facts of these types."""
    types = {row.type for row in rows}
    return [fact.event_id for entry in LOG if entry.type in types for fact in facts(entry)]


def test_effects_are_those_of_the_whole_log_in_the_same_order():
    whole = CausalGraph(LOG)
    names = ids_of(
        subjects.TRADE_EXECUTED, subjects.BID_ACCEPTED, subjects.ASK_ACCEPTED, subjects.TRANSFER_POSTED
    )
    names += [
        fact.data["trade_id"]
        for entry in LOG
        if entry.type == subjects.TRADE_EXECUTED.type
        for fact in facts(entry)
    ]

    for name in names:
        assert looked_at(name).effects().tree(name) == whole.tree(name)


def test_an_effect_that_came_before_its_fact_is_found():
    trade = next(fact for entry in LOG for fact in facts(entry) if entry.type == subjects.TRADE_EXECUTED.type)
    name = trade.data["bid_id"] if trade.data["taker"] == "bid" else trade.data["ask_id"]

    found = looked_at(name, reversed(STORED)).effects().tree(name)

    assert len(found.effects) == len(CausalGraph(LOG).tree(name).effects) > 0


@pytest.mark.parametrize("row", [subjects.RUN_OPENED, subjects.PERIOD_OPENED, subjects.TICKED])
def test_what_an_event_of_the_clock_led_to_takes_the_whole_log(row):
    with pytest.raises(NotFound):
        looked_at(ids_of(row)[0]).effects()


def test_the_beginning_of_an_id_takes_the_whole_log():
    with pytest.raises(NotFound):
        looked_at(ids_of(subjects.TRADE_EXECUTED)[0][:8]).effects()
