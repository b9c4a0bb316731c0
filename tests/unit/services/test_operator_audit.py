"""The audit of operators: one event a command, with operator, outcome and run, stored before the reply leaves."""

import json
import logging

import pytest
from fake_consumers import ConsumerNats
from faststream.nats import NatsBroker, TestNatsBroker

from econsim import subjects
from econsim.errors import NotFound
from econsim.services.context import ServiceContext
from econsim.services.handlers import BindMessage, error_replies, raw_body
from econsim.services.operator_audit import OperatorAudit, note_command_run
from econsim.testing import FakeWallClock

INBOX = "_INBOX.operator.1"
SUBJECT = subjects.CLOSE_RUN(operator="anna")


@pytest.fixture
async def audited():
    """Return a function that sends a command, whose handler raises the error given or answers its event's id."""
    broker, client = NatsBroker(), ConsumerNats()
    context = ServiceContext("clock", broker, FakeWallClock())
    context.jetstream = client.jetstream()
    for middleware in (BindMessage(context), error_replies(), OperatorAudit(context)):
        broker.add_middleware(middleware)
    errors = []

    @broker.subscriber(subjects.CLOSE_RUN.pattern(), decoder=raw_body)
    async def close_run(body: bytes) -> str | None:
        id_ = note_command_run(json.loads(body)["run"])
        if errors:
            raise errors.pop()
        return id_

    @broker.subscriber(subjects.PING.pattern(), decoder=raw_body)
    async def ping(_: bytes) -> str | None:
        return note_command_run("run")

    replies = []

    # A request of the same broker would pass its reply through the middlewares too.
    @broker.subscriber(INBOX, decoder=raw_body)
    async def inbox(body: bytes) -> None:
        replies.append(body.decode())

    async with TestNatsBroker(broker) as memory:

        async def send(subject=SUBJECT, body=b'{"run":"run"}', error=None):
            errors.extend([error] if error else [])
            await memory.publish(body, subject, reply_to=INBOX)
            return replies[-1]

        send.client, send.kept = client, (close_run, ping, inbox)
        yield send


async def test_a_command_is_an_event_with_operator_outcome_and_summary(audited):
    id_ = await audited()

    (event,) = audited.client.events("commanded")
    assert (event["event_id"], event["correlation_id"], event["actor"]) == (id_, "run", "clock")
    assert event["data"] == {
        "operator": "anna",
        "command": "run.close",
        "code": "done",
        "summary": '{"run":"run"}',
    }


@pytest.mark.parametrize(
    ("error", "code"),
    [(NotFound("no", code="run_is_not_open"), "run_is_not_open"), (RuntimeError("bug"), "service_failed")],
)
async def test_a_command_that_fails_is_an_event_with_its_code(audited, error, code, caplog):
    with caplog.at_level(logging.CRITICAL):
        reply = await audited(error=error)

    (event,) = audited.client.events("commanded")
    assert (event["data"]["code"], code in reply) == (code, True)


async def test_the_same_command_twice_is_two_events(audited):
    await audited()
    await audited()

    ids = {event["event_id"] for event in audited.client.events("commanded")}
    assert len(ids) == 2


async def test_a_command_about_no_run_is_an_event_of_none(audited, caplog):
    with caplog.at_level(logging.CRITICAL):
        await audited(body=b"{}")

    (event,) = audited.client.events("commanded")
    assert event["correlation_id"] == "none"


async def test_a_request_of_an_agent_is_no_command(audited):
    reply = await audited(subjects.PING(run="run", agent="anna"))

    assert not audited.client.events("commanded")
    assert reply in ("", "null")
