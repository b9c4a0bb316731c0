"""A service's definition on a broker in memory: what decorators register is heard, decoded strictly and answered.

Catches: a handler nobody calls, a payload taken on trust, an answer to an event, a failure that times its caller out.
"""

from __future__ import annotations

import asyncio
import json

import pytest
from factories import group, run_opened, scenario
from faststream.nats import NatsBroker, TestNatsBroker

from econsim import subjects
from econsim.errors import NotFound, QuotaExceeded
from econsim.schemas.base import ErrorReply
from econsim.schemas.clock import Ping, Pong, RunOpenedEvent, StopRun
from econsim.schemas.market import GetPrices, Prices
from econsim.services.context import ServiceContext
from econsim.services.definition import ServiceDefinition
from econsim.services.handlers import BindMessage, caller, current_context, error_replies
from econsim.services.routes import router

PRICES = subjects.GET_PRICES(run="run", agent="anna")
NONE = Prices(prices={})


@pytest.fixture
def service():
    return ServiceDefinition("market")


@pytest.fixture
def memory(service):
    """Return a context manager: the service's handlers on a broker in memory."""
    broker = NatsBroker()
    for middleware in (BindMessage(ServiceContext(service.name, broker)), error_replies()):
        broker.add_middleware(middleware)

    def started():
        broker.include_router(router(service.name, service.routes))
        return TestNatsBroker(broker)

    return started


async def ask(broker, subject, payload=b"{}"):
    """Return header `status` and the body of the reply."""
    reply = await broker.request(payload, subject)
    return reply.headers.get("status"), json.loads(reply.body)


async def test_a_handler_gets_the_request_and_its_result_is_the_reply(service, memory):
    @service.request(subjects.GET_PRICES)
    async def get_prices(request: GetPrices) -> Prices:
        return NONE

    async with memory() as broker:
        status, body = await ask(broker, PRICES)

    assert (status, Prices.model_validate(body)) == (None, NONE)


async def test_a_handler_knows_its_caller_and_its_service(service, memory):
    seen = []

    @service.request(subjects.GET_PRICES)
    async def get_prices(_: GetPrices) -> Prices:
        seen.append((caller().run, caller().agent, current_context().service))
        return NONE

    async with memory() as broker:
        await ask(broker, PRICES)

    assert seen == [("run", "anna", "market")]


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        (b'{"unknown": 1}', "message_is_invalid"),
        (b"no json", "message_is_invalid"),
        (b"\xff\xfe", "message_is_invalid"),
        (b'{"agent_id": "bert"}', "agent_id_does_not_match_subject"),
        (b'{"agent_id": 7}', "message_is_invalid"),
        (b" " * 200, "message_is_too_large"),
    ],
)
async def test_a_payload_that_breaks_the_schema_never_reaches_the_handler(service, memory, payload, code):
    reached = []

    @service.request(subjects.GET_PRICES, bytes_max=100)
    async def get_prices(request: GetPrices) -> Prices:
        reached.append(request)
        return NONE

    async with memory() as broker:
        status, body = await ask(broker, PRICES, payload)

    assert (status, body["error"]["code"]) == ("error", code)
    assert not reached


async def test_an_empty_payload_is_a_request_without_fields(service, memory):
    @service.request(subjects.GET_PRICES)
    async def get_prices(request: GetPrices) -> Prices:
        return NONE

    async with memory() as broker:
        status, _ = await ask(broker, PRICES, b"")

    assert status is None


@pytest.mark.parametrize(
    ("error", "code", "retryable"),
    [
        (NotFound("there is no such thing", code="no_such_thing"), "no_such_thing", False),
        (QuotaExceeded("too many", code="order_rate_is_exceeded", retry_after_ms=40), "order_rate_is_exceeded", True),
        (ZeroDivisionError("a secret of the service"), "service_failed", True),
    ],
)  # fmt: skip
async def test_an_error_of_a_handler_is_a_typed_reply(service, memory, error, code, retryable):
    @service.request(subjects.GET_PRICES)
    async def get_prices(_: GetPrices) -> Prices:
        raise error

    async with memory() as broker:
        status, body = await ask(broker, PRICES)

    told = ErrorReply.model_validate(body).error
    assert (status, told.code, told.retryable) == ("error", code, retryable)
    assert "secret" not in told.message


async def test_the_time_to_wait_is_in_the_reply(service, memory):
    @service.request(subjects.GET_PRICES)
    async def get_prices(_: GetPrices) -> Prices:
        message = "too many"
        raise QuotaExceeded(message, code="order_rate_is_exceeded", retry_after_ms=40)

    async with memory() as broker:
        _, body = await ask(broker, PRICES)

    assert body["error"]["retry_after_ms"] == 40


async def test_several_subjects_have_one_handler_for_raw_payloads(service, memory):
    taken = []

    @service.raw_request(subjects.INVOKE_LLM, subjects.USE_WORKSPACE)
    async def take(payload: bytes) -> Pong:
        taken.append(payload)
        return Pong(process="p")

    async with memory() as broker:
        await ask(broker, subjects.INVOKE_LLM(run="run", agent="anna"), b"\x00\xff")
        await ask(broker, subjects.USE_WORKSPACE(operation="read", run="run", agent="anna"), b"")

    assert taken == [b"\x00\xff", b""]


async def test_an_event_is_decoded_for_its_handler(service, memory):
    heard = []

    @service.event(subjects.RUN_OPENED)
    async def note(event: RunOpenedEvent) -> None:
        heard.append(event.correlation_id)

    opened = run_opened(scenario(group("a")))
    async with memory() as broker:
        await broker.publish(
            opened.model_dump_json().encode(), subjects.RUN_OPENED(run="run"), reply_to="inbox"
        )
        await asyncio.sleep(0)

    assert heard == ["run"]


def test_a_decorator_gives_the_handler_back(service):
    async def ping(_: Ping) -> Pong:
        return Pong(process="p")

    async def stop(_: StopRun) -> Pong:
        return Pong(process="p")

    assert service.request(subjects.PING)(ping) is ping
    assert service.request(subjects.STOP_RUN)(stop) is stop
    assert [route.subject for route in service.routes] == [subjects.PING, subjects.STOP_RUN]


def test_a_service_that_registers_nothing_does_nothing(service):
    assert not service.routes
    assert not service.run_tasks(None, None)
    assert not service.service_tasks(None)
    assert not service.components(None)


def test_tasks_and_components_are_registered_by_decorator(service):
    tasks, once, parts = ["book"], ["cleaning"], ["watch"]

    service.tasks_of_run(lambda _, run: [*tasks, run])
    service.tasks_of_service(lambda _: once)
    service.in_background(lambda _: parts)

    assert service.run_tasks(None, "run") == ["book", "run"]
    assert (service.service_tasks(None), service.components(None)) == (once, parts)
