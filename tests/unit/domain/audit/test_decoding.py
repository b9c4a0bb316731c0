"""From the wire back to typed events."""

import pytest

from econsim import subjects
from econsim.domain.audit.decoding import as_event, decode, decode_if_valid, event_of
from econsim.domain.audit.envelope import Envelope
from econsim.domain.audit.facts import as_record, record
from econsim.errors import InvalidMessage
from econsim.schemas.clock import RunClosed, Ticked

ADDRESSED = Envelope("run", "salt", 3, "now").event(
    subjects.TICKED, "clock", Ticked(period=1, tick_of_period=3)
)


def test_an_addressed_event_is_decoded_as_it_was():
    assert decode(ADDRESSED.subject, ADDRESSED.json()).event.model_dump() == ADDRESSED.event.model_dump()


def test_a_record_in_any_form_becomes_its_event_again():
    written = record(ADDRESSED.subject, ADDRESSED.json())
    read = record(ADDRESSED.subject, ADDRESSED.json())
    assert read.data

    for each in (written, read, as_record(ADDRESSED), ADDRESSED):
        assert as_event(each).event.model_dump() == ADDRESSED.event.model_dump()


@pytest.mark.parametrize(
    ("subject", "payload"),
    [
        (subjects.OPEN_RUN(operator="me"), ADDRESSED.json()),
        ("short", ADDRESSED.json()),
        (subjects.RUN_CLOSED(run="run"), ADDRESSED.json()),
        (ADDRESSED.subject, b"{"),
        (ADDRESSED.subject, ADDRESSED.json().replace(b'"schema_version":1', b'"schema_version":2')),
    ],
)
def test_a_record_that_is_no_event_is_refused(subject, payload):
    with pytest.raises(InvalidMessage):
        decode(subject, payload)


def test_a_record_that_is_no_event_is_skipped_by_readers():
    assert decode_if_valid(ADDRESSED.subject, b"{") is None
    assert decode_if_valid(ADDRESSED.subject, ADDRESSED.json()).subject == ADDRESSED.subject


def test_an_event_of_the_wanted_type_is_returned_alone():
    found = event_of(Ticked, ADDRESSED.subject, ADDRESSED.json())

    assert found.data == Ticked(period=1, tick_of_period=3)
    assert event_of(RunClosed, ADDRESSED.subject, ADDRESSED.json()) is None
    assert event_of(Ticked, ADDRESSED.subject, b"{") is None


def test_an_event_of_another_run_than_its_subject_is_refused():
    with pytest.raises(InvalidMessage, match="says it is of run 'run'"):
        decode(subjects.TICKED(run="other"), ADDRESSED.json())
