"""The forms of all messages: strict, frozen, of one version; words are strings on the wire."""

import json

import pytest
from pydantic import TypeAdapter, ValidationError

from econsim.errors import InvalidMessage
from econsim.schemas.base import Command, ErrorBody, ErrorReply, Event, Message, Request, validated_message
from econsim.schemas.ledger import Chain, GetBalance, Kind, Submit, Transfer

EVENT = {
    "event_id": "e1",
    "type": "system.ticked",
    "occurred_at": "2026-01-01T00:00:00.000000000Z",
    "tick": 3,
    "actor": "clock",
    "correlation_id": "run",
    "data": 1,
}

TRANSFER = {"id": "t", "kind": "transfer", "debit": "ann", "credit": "bob", "asset": "cpu", "amount": 3}


def test_an_event_without_optional_fields_is_valid():
    event = Event[int].model_validate(EVENT)

    assert (event.schema_version, event.causation_id, event.trace_id) == (1, None, None)


@pytest.mark.parametrize(
    "change",
    [
        {"tick": -1},
        {"tick": "3"},
        {"tick": 3.0},
        {"data": "1"},
        {"schema_version": 2},
        {"schema_version": True},
        {"event_id": "e 1"},
        {"event_id": ""},
        {"actor": "Clock"},
        {"more": 1},
    ],
)
def test_an_event_of_another_form_is_refused(change):
    with pytest.raises(ValidationError):
        Event[int].model_validate(EVENT | change)


@pytest.mark.parametrize(
    "missing", ["event_id", "type", "occurred_at", "tick", "actor", "correlation_id", "data"]
)
def test_an_event_that_lacks_a_field_is_refused(missing):
    with pytest.raises(ValidationError, match=missing):
        Event[int].model_validate({key: value for key, value in EVENT.items() if key != missing})


def test_a_message_cannot_be_changed():
    with pytest.raises(ValidationError, match="frozen"):
        GetBalance().agent_id = "ann"


def test_a_word_is_a_string_on_the_wire():
    transfer = Transfer("t", Kind.POST, "ann", "bob", "cpu", 3, "r")
    command = Submit(command_id="c", tick=1, chains=(Chain("s", "t", (transfer,)),))

    assert b'"kind":"post"' in command.model_dump_json().encode()
    assert Submit.model_validate_json(command.model_dump_json()) == command


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "give"},
        {"amount": -1},
        {"amount": 2**53},
        {"amount": 1.5},
        {"amount": "3"},
        {"amount": True},
        {"debit": ""},
        {"credit": "Bob"},
        {"asset": "a.b"},
        {"pending_id": ""},
    ],
)
def test_a_transfer_of_another_form_is_refused(change):
    with pytest.raises(ValidationError):
        TypeAdapter(Transfer).validate_json(json.dumps(TRANSFER | change))


def test_a_transfer_is_read_from_json():
    found = TypeAdapter(Transfer).validate_json(json.dumps(TRANSFER))

    assert found == Transfer("t", Kind.TRANSFER, "ann", "bob", "cpu", 3)


def test_commands_and_requests_may_leave_their_sender_out():
    assert Command(command_id="c").agent_id is None
    assert Request().agent_id is None


def test_an_error_reply_has_a_code_and_a_text():
    reply = ErrorReply(error=ErrorBody(code="not_found", message="there is no such run"))

    assert reply.model_dump()["error"]["retryable"] is False
    with pytest.raises(ValidationError):
        ErrorBody(code="not_found", message="x", retry_after_ms=-1)


class Fitting(Message):
    """Message with fields that are named as arguments could be."""

    model: str
    fields: int


def test_what_a_caller_gives_becomes_a_message_whatever_its_fields_are_named():
    assert validated_message(Fitting, model="rules", fields=3) == Fitting(model="rules", fields=3)

    with pytest.raises(InvalidMessage, match="model"):
        validated_message(Fitting, model=3, fields=3)
