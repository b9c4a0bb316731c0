"""Envelopes and ids: the same event has the same id, any other has another, and the salt is needed to guess one."""

import json
from dataclasses import replace

import pytest

from econsim import subjects
from econsim.domain.audit.envelope import Envelope, derived_id, digest, message_number
from econsim.schemas.base import Event
from econsim.schemas.clock import Ticked

ENVELOPE = Envelope("run", "salt", 3, "now", "cause")
TICKED = Ticked(period=1, tick_of_period=3)


def test_an_event_has_the_fields_of_its_envelope():
    event = ENVELOPE.event(subjects.TICKED, "clock", TICKED).event

    assert (event.type, event.actor, event.tick) == ("system.ticked", "clock", 3)
    assert (event.correlation_id, event.causation_id, event.occurred_at) == ("run", "cause", "now")


def test_an_event_is_written_in_the_order_of_its_fields():
    written = json.loads(ENVELOPE.event(subjects.TICKED, "clock", TICKED).json())

    assert list(written) == list(Event.model_fields)


def test_an_event_is_addressed_by_its_run():
    assert ENVELOPE.event(subjects.TICKED, "clock", TICKED).subject == subjects.TICKED(run="run")


def test_the_same_event_has_the_same_id_at_any_time():
    later = replace(ENVELOPE, now="later")

    first, again = (each.event(subjects.TICKED, "clock", TICKED).event for each in (ENVELOPE, later))

    assert first.event_id == again.event_id


@pytest.mark.parametrize("change", [{"tick": 4}, {"salt": "pepper"}, {"run": "other"}])
def test_an_event_of_another_tick_salt_or_run_has_another_id(change):
    first, other = (
        each.event(subjects.TICKED, "clock", TICKED).event for each in (ENVELOPE, replace(ENVELOPE, **change))
    )

    assert first.event_id != other.event_id


def test_a_key_distinguishes_events_of_one_subject_and_tick():
    ids = {ENVELOPE.event(subjects.TICKED, "clock", TICKED, key).event.event_id for key in (1, 2, "a")}

    assert len(ids) == 3


def test_a_derived_id_depends_on_every_part():
    assert derived_id("salt", "a", 1) == derived_id("salt", "a", 1)
    assert len({derived_id("salt", "a", 1), derived_id("salt", "a", 2), derived_id("salt", "b", 1)}) == 3
    assert len(derived_id("salt", "a")) == 32


def test_a_digest_changes_with_subject_and_payload():
    assert digest("a", b"x") == digest("a", b"x")
    assert len({digest("a", b"x"), digest("b", b"x"), digest("a", b"y")}) == 3


def test_a_subject_that_is_no_text_has_a_digest():
    assert len(digest("\udcff", b"x")) == 32


def test_message_numbers_are_positive_and_exact_in_every_json_reader():
    numbers = [message_number(f"m{i}") for i in range(200)]

    assert len(set(numbers)) == 200
    assert all(1 <= number <= 2**48 for number in numbers)
    assert numbers != sorted(numbers)
