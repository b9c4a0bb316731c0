"""From the wire back to typed events."""

import pytest

from econsim import subjects
from econsim.domain.audit.decoding import decode
from econsim.domain.audit.envelope import Envelope
from econsim.errors import InvalidMessage
from econsim.schemas.clock import Ticked

SEALED = Envelope("run", "salt", 3, "now").event(subjects.TICKED, "clock", Ticked(period=1, tick_of_period=3))


def test_what_was_sealed_is_read_back():
    assert decode(SEALED.subject, SEALED.json()).event.model_dump() == SEALED.event.model_dump()


@pytest.mark.parametrize(
    ("subject", "payload"),
    [
        (subjects.OPEN_RUN(operator="me"), SEALED.json()),
        ("short", SEALED.json()),
        (subjects.RUN_CLOSED(run="run"), SEALED.json()),
        (SEALED.subject, b"{"),
        (SEALED.subject, SEALED.json().replace(b'"schema_version":1', b'"schema_version":2')),
    ],
)
def test_what_is_no_event_is_refused(subject, payload):
    with pytest.raises(InvalidMessage):
        decode(subject, payload)
