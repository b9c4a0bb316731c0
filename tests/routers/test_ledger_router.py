"""The ledger's handlers on a broker and a store in memory: right answers, typed refusals. Shows no restarts, no time."""

import json

import pytest
from factories import active, group, role, scenario
from faststream.nats import NatsBroker, TestNatsBroker
from ledger_builders import endow, pay, submit
from requirements import requirement

from econsim.routers import ledger
from econsim.schemas.ledger import Position
from econsim.schemas.quota import QuotaUpdate
from econsim.services.context import ServiceContext
from econsim.services.handlers import BindMessage, error_replies
from econsim.services.ledger.writer import LedgerWriter
from econsim.services.quota_meter import QuotaMeter
from econsim.subjects import GET_BALANCE, GET_VALUES, SUBMIT
from econsim.testing import FakeCounters, FakeKeyTable, FakeQuotaTable, FakeStateStore, FakeWallClock

AGENTS = (
    group("anna", "external", credits=5, roles=[role("bid", values=[[3, 3, 2.5]])]),
    group("bert", "external", roles=[role("ask", first=1, last=1, units=2)]),
)


@pytest.fixture
async def writer():
    """A ledger in which anna has 7 credits."""
    writer = LedgerWriter("run", "salt", FakeStateStore(), FakeWallClock(), FakeKeyTable(), retry_wait_s=0)
    await writer.submit(submit("open", endow("anna", 7)))
    return writer


@pytest.fixture
def quotas():
    return FakeQuotaTable()


@pytest.fixture
async def request_of(writer, quotas):
    """Send a request to a ledger's handlers; returns status and body of the reply."""
    broker = NatsBroker()
    context = ServiceContext("ledger", broker)
    context.meter = QuotaMeter(FakeCounters(), quotas, lambda: 0)
    broker.add_middleware(BindMessage(context))
    broker.add_middleware(error_replies())
    run = active(scenario(*AGENTS))
    subscribers = ledger.request_subscribers(context, run, writer)

    async with TestNatsBroker(broker) as memory:

        async def request(subject, payload=b""):
            reply = await memory.request(payload, subject)
            return reply.headers.get("status"), json.loads(reply.body)

        request.subscribers = subscribers  # the broker itself holds them weakly
        yield request


@requirement("economic.get_balance")
async def test_a_balance_is_that_of_the_asking_agent(request_of):
    _, found = await request_of(GET_BALANCE(run="run", agent="anna"))

    assert (found["holder"], found["credits"]) == ("anna", {"posted": 7, "pending": 0})


async def test_values_are_those_of_the_asking_agent(request_of):
    _, anna = await request_of(GET_VALUES(run="run", agent="anna"))
    _, bert = await request_of(GET_VALUES(run="run", agent="bert"))

    threes, last = {"value": 3_000_000, "quantity": 2}, {"value": 2_500_000, "quantity": 1}
    assert (anna["credits"], anna["period"]) == (5_000_000, 1)
    assert anna["roles"] == [{"resource": "cpu", "side": "bid", "units": [threes, last], "tax": 0}]
    assert bert["roles"] == [
        {"resource": "cpu", "side": "ask", "units": [{"value": 1_000_000, "quantity": 2}], "tax": 0}
    ]


@pytest.mark.parametrize("subject", [GET_BALANCE, GET_VALUES])
async def test_an_agent_of_no_run_is_refused(request_of, subject):
    status, found = await request_of(subject(run="run", agent="nobody"))

    assert (status, found["error"]["code"]) == ("error", "agent_is_not_in_this_run")


async def test_a_submission_is_applied_and_answered(request_of, writer):
    command = submit("c", pay("p", "anna", "bert", 3))

    _, answer = await request_of(SUBMIT(run="run", agent="market"), command.model_dump_json().encode())

    assert (answer["refused"], answer["sequence"]) == ({}, 2)
    assert writer.balance("bert").credits == Position(3, 0)


async def test_a_refused_chain_is_answered_with_its_reason(request_of):
    command = submit("c", pay("p", "anna", "bert", 8))

    _, answer = await request_of(SUBMIT(run="run", agent="market"), command.model_dump_json().encode())

    assert answer["refused"] == {"p": "debit_account_would_go_negative"}


async def test_a_barrier_of_another_number_of_books_is_refused(request_of, writer):
    command = submit("c", pay("p", "anna", "bert", 3), barrier=5, book="cpu")

    status, answer = await request_of(SUBMIT(run="run", agent="market"), command.model_dump_json().encode())

    assert (status, answer["error"]["code"]) == ("error", "message_is_invalid")
    assert writer.balance("anna").credits == Position(7, 0)


async def test_the_ledger_of_a_run_is_one_leader_task():
    run = active(scenario(*AGENTS))

    (task,) = ledger.service.run_tasks(ServiceContext("ledger", NatsBroker()), run)

    assert task.lease == "ledger.run"


@pytest.mark.parametrize("payload", [b"{", b'{"agent_id":"bert"}', b'{"schema_version":2}', b" " * 10_000])
async def test_what_is_malformed_is_answered_by_an_error(request_of, payload):
    status, found = await request_of(GET_BALANCE(run="run", agent="anna"), payload)

    assert status == "error"
    assert found["error"]["message"]


async def test_the_rules_have_the_asking_agents_own_deadline(request_of, quotas):
    await quotas.change("run", "anna", QuotaUpdate(deadline_ms=5_000))
    _, anna = await request_of(GET_VALUES(run="run", agent="anna"))
    _, bert = await request_of(GET_VALUES(run="run", agent="bert"))

    assert (anna["rules"]["deadline_ms"], bert["rules"]["deadline_ms"]) == (5_000, 60_000)
    assert anna["rules"]["markets"] == bert["rules"]["markets"]
