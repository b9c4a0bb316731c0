"""Around every handler: strict decoding, the sender in the subject, and a typed reply to every error."""

import json
import logging
from types import SimpleNamespace

import pytest
from factories import NOON
from faststream.nats import NatsBroker, TestNatsBroker

from econsim import subjects
from econsim.domain.audit.envelope import Envelope
from econsim.errors import Conflict, InvalidMessage, NotAllowed, NotFound, QuotaExceeded, Unavailable
from econsim.schemas.clock import RunResumed
from econsim.schemas.ledger import GetBalance
from econsim.services.context import ServiceContext
from econsim.services.handlers import (
    REQUEST_BYTES_MAX,
    BindMessage,
    caller,
    current_context,
    decode_event,
    entry_refusal,
    error_replies,
    error_reply,
    raw_body,
    strict_decoder,
)

SUBJECT = subjects.GET_BALANCE(run="run", agent="anna")


@pytest.fixture
async def ask():
    """Ask a handler that does as it is told and answers with its caller; returns the reply."""
    broker = NatsBroker()
    context = ServiceContext("ledger", broker)
    for middleware in (BindMessage(context), error_replies()):
        broker.add_middleware(middleware)
    errors = []

    @broker.subscriber(subjects.GET_BALANCE.pattern(), decoder=strict_decoder(GetBalance))
    async def get_balance(_: GetBalance) -> dict[str, object]:
        if errors:
            raise errors.pop()
        return {"agent": caller().agent, "is_same": current_context() is context}

    @broker.subscriber(subjects.INVOKE_LLM.pattern(), decoder=raw_body)
    async def length(body: bytes) -> int:
        return len(body)

    async with TestNatsBroker(broker) as memory:

        async def request(payload=b"", error=None, subject=SUBJECT):
            if error:
                errors.append(error)
            reply = await memory.request(payload, subject)
            return reply.headers.get("status"), json.loads(reply.body)

        request.kept = get_balance, length  # the broker itself holds them weakly
        yield request


async def test_a_handler_knows_its_caller_and_its_service(ask):
    assert await ask() == (None, {"agent": "anna", "is_same": True})


async def test_a_payload_may_name_its_sender(ask):
    status, _ = await ask(b'{"agent_id":"anna"}')

    assert status is None


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        (b"{", "message_is_invalid"),
        (b"[]", "message_is_invalid"),
        (b'{"schema_version":2}', "message_is_invalid"),
        (b'{"schema_version":"1"}', "message_is_invalid"),
        (b'{"colour":"red"}', "message_is_invalid"),
        (b'{"agent_id":"bert"}', "agent_id_does_not_match_subject"),
        (b" " * (REQUEST_BYTES_MAX + 1), "message_is_too_large"),
    ],
)
async def test_what_does_not_fit_the_schema_is_refused(ask, payload, code):
    status, reply = await ask(payload)

    assert (status, reply["error"]["code"]) == ("error", code)


@pytest.mark.parametrize(
    ("error", "code", "retryable"),
    [
        (NotFound("no", code="run_is_not_open"), "run_is_not_open", False),
        (Unavailable("away"), Unavailable("away").error_code, True),
        (RuntimeError("secret"), "service_failed", True),
    ],
)
async def test_an_error_of_a_handler_is_its_reply(ask, error, code, retryable, caplog):
    with caplog.at_level(logging.CRITICAL):
        status, reply = await ask(error=error)

    assert (status, reply["error"]["code"], reply["error"]["retryable"]) == ("error", code, retryable)


async def test_the_text_of_an_unforeseen_error_stays_in_the_log(ask, caplog):
    _, reply = await ask(error=RuntimeError("secret"))

    assert "secret" not in json.dumps(reply)
    assert "secret" in caplog.text
    assert SUBJECT in caplog.text


async def test_a_raw_body_is_not_decoded(ask):
    assert await ask(b"\xff\x00", subject=subjects.INVOKE_LLM(run="run", agent="anna")) == (None, 2)


async def test_an_event_is_decoded_by_its_subject():
    event = Envelope("run", "salt", 3, NOON).event(subjects.RUN_RESUMED, "anna", RunResumed(ticks=3))
    message = SimpleNamespace(body=event.json(), raw_message=SimpleNamespace(subject=event.subject))

    assert await decode_event(message) == event.event


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (QuotaExceeded("slow"), 429),
        (NotAllowed("no"), 403),
        (NotFound("none"), 404),
        (Conflict("taken"), 400),
        (InvalidMessage("bad"), 400),
        (Unavailable("away"), 503),
    ],
)
def test_a_message_that_is_not_admitted_gets_a_status_as_jetstream_has_it(error, status):
    refusal = entry_refusal(error)

    assert refusal.error.code == status
    assert refusal.refusal == error_reply(error).error
