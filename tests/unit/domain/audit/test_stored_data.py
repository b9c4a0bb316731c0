"""Data of stored text. Catches: a fact that is lost or read as another, a form that nobody decodes."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from run_builders import small_run, small_scenario, summed

from econsim import subjects
from econsim.domain.audit.facts import record
from econsim.domain.audit.stored_data import reader
from econsim.domain.execution.in_memory import run

FREQUENT = {
    row.type
    for row in (
        subjects.BID_ACCEPTED,
        subjects.ASK_ACCEPTED,
        subjects.ORDER_REJECTED,
        subjects.ORDER_CANCELLED,
        subjects.TRADE_EXECUTED,
        subjects.TRANSFER_POSTED,
        subjects.TICKED,
        subjects.TICK_CLEARED,
        subjects.PRICE_UPDATED,
    )
}
STORED = [(each.subject, each.json().decode()) for each in run(small_scenario("zi_c"), "run_1", "ab")]


def test_frequent_events_of_a_run_have_a_form_and_the_others_have_none():
    records = [record(*each) for each in STORED]

    assert {entry.type for entry in records if entry.stored} == FREQUENT
    assert {entry.type for entry in records if not entry.stored}.isdisjoint(FREQUENT)


@pytest.mark.parametrize("type_", sorted(FREQUENT))
def test_text_in_another_order_of_fields_is_not_as_its_service_wrote_it(type_):
    _, text = next(each for each in STORED if f'"type":"{type_}"' in each[1])
    fields = json.loads(text)
    turned = json.dumps(dict(reversed(fields.items())), separators=(",", ":"))

    assert reader(type_)(text) is not None
    assert reader(type_)(turned) is None


def test_a_summary_is_the_same_from_text_and_from_data():
    assert summed([record(*each) for each in STORED]) == summed(small_run("zi_c"))


@settings(max_examples=20)
@pytest.mark.parametrize("type_", sorted(FREQUENT))
@given(data=st.data())
def test_text_that_lacks_a_character_or_has_another_one_loses_no_fact(type_, data):
    _, text = next(each for each in STORED if f'"type":"{type_}"' in each[1])
    start = text.index('"data":') + len('"data":')
    place = data.draw(st.integers(start, len(text) - 1))
    changed = text[:place] + data.draw(st.sampled_from(["", "{", '"', ",", "\\\\", "é"])) + text[place + 1 :]

    read = reader(type_)
    found, whole = read(changed), read(text)

    assert found is None or len(found.data.facts()) == len(whole.data.facts())


def test_an_event_with_other_data_has_nothing_stored():
    entry = next(each for each in (record(*each) for each in STORED) if each.stored)

    changed = entry.with_data({"period": 7})

    assert (changed.data, changed.stored) == ({"period": 7}, None)
