"""The clock service's requests in memory: operators open, stop and close runs, and everybody may ask for an answer."""

import json

import pytest
from fake_consumers import ConsumerNats, service_context
from faststream.nats import NatsBroker, TestNatsBroker
from run_builders import small_scenario

from econsim import subjects
from econsim.domain.agent.active_run import active_run
from econsim.routers import SERVICES
from econsim.schemas.clock import CloseRun, OpenRun, Ping, RunOpenedEvent, StopRun
from econsim.services.handlers import BindMessage, error_replies
from econsim.services.routes import router

REQUEST = OpenRun(run="run", scenario=small_scenario())


@pytest.fixture
async def clock():
    """Return a function that sends a request to the clock service; returns status and body of the reply."""
    broker, client = NatsBroker(), ConsumerNats()
    context = service_context("clock", client)
    context.runs_are_known.set()
    for middleware in (BindMessage(context), error_replies()):
        broker.add_middleware(middleware)
    broker.include_router(router("clock", SERVICES["clock"].routes))

    async with TestNatsBroker(broker) as memory:

        async def send(subject, request):
            reply = await memory.request(request.model_dump_json().encode(), subject)
            return reply.headers.get("status"), json.loads(reply.body)

        send.client, send.context = client, context
        yield send


async def test_an_operator_opens_a_run(clock):
    status, reply = await clock(subjects.OPEN_RUN(operator="anna"), REQUEST)

    assert (status, reply["actor"], reply["correlation_id"]) == (None, "anna", "run")
    assert [event["event_id"] for event in clock.client.events("opened")] == [reply["event_id"]]


@pytest.mark.parametrize(
    ("subject", "request_", "action"),
    [(subjects.STOP_RUN, StopRun(run="run"), "stopped"), (subjects.CLOSE_RUN, CloseRun(run="run"), "closed")],
)
async def test_an_operator_ends_a_run_that_is_open(clock, subject, request_, action):
    _, opened = await clock(subjects.OPEN_RUN(operator="anna"), REQUEST)
    clock.context.runs["run"] = active_run(RunOpenedEvent.model_validate_json(json.dumps(opened)))

    status, reply = await clock(subject(operator="bert"), request_)

    assert (status, reply["actor"]) == (None, "bert")
    assert len(clock.client.events(action)) == 1


@pytest.mark.parametrize(
    ("subject", "request_"),
    [(subjects.STOP_RUN, StopRun(run="run")), (subjects.CLOSE_RUN, CloseRun(run="run"))],
)
async def test_a_run_that_is_not_open_cannot_be_ended(clock, subject, request_):
    status, reply = await clock(subject(operator="anna"), request_)

    assert (status, reply["error"]["code"]) == ("error", "run_is_not_open")


async def test_a_ping_is_answered_with_the_workers_name(clock):
    _, reply = await clock(subjects.PING(run="none", agent="anna"), Ping())

    assert reply["process"] == clock.context.holder
