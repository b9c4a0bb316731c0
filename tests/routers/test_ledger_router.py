"""The ledger's handlers in memory, on a fake ledger: right answers, typed refusals. Shows no restarts, no time."""

import json

import pytest
from factories import group, role, scenario
from faststream.nats import NatsBroker, TestNatsBroker
from requirements import requirement

from econsim.domain.agent.active_run import active_run
from econsim.domain.audit.envelope import Envelope
from econsim.routers import ledger
from econsim.schemas.clock import RunOpened, RunOpenedEvent
from econsim.schemas.ledger import Balance, Position, Submit, Submitted
from econsim.services.context import ServiceContext
from econsim.services.handlers import BindMessage, error_replies
from econsim.subjects import GET_BALANCE, GET_VALUES, RUN_OPENED, SUBMIT

AGENTS = (
    group("anna", "external", credits=5, roles=[role("bid", values=[[3, 3, 2.5]])]),
    group("bert", "external", roles=[role("ask", first=1, last=1, units=2)]),
)
OPENED = Envelope("run", "salt", 0, "now").event(
    RUN_OPENED, "clock", RunOpened(scenario=scenario(*AGENTS), salt="salt")
)


class FakeBooks:
    """A ledger in which everybody has 7 and every submission is applied."""

    def __init__(self):
        self.submitted = []

    async def submit(self, command):
        self.submitted.append(command)
        return Submitted(sequence=1)

    def balance(self, holder):
        return Balance(holder=holder, credits=Position(7, 0), sequence=1)


@pytest.fixture
async def asked():
    """Ask a ledger's handlers; returns headers and body of the reply."""
    broker, books = NatsBroker(), FakeBooks()
    broker.add_middleware(BindMessage(ServiceContext("ledger", broker)))
    broker.add_middleware(error_replies())
    kept = ledger.listen(broker, active_run(RunOpenedEvent.model_validate_json(OPENED.json())), books)

    async with TestNatsBroker(broker) as memory:

        async def ask(subject, payload=b""):
            reply = await memory.request(payload, subject)
            return reply.headers.get("status"), json.loads(reply.body)

        ask.books, ask.kept = books, kept  # the broker itself holds them weakly
        yield ask


@requirement("economic.get_balance")
async def test_a_balance_is_the_askers_own(asked):
    _, found = await asked(GET_BALANCE(run="run", agent="anna"))

    assert (found["holder"], found["credits"]) == ("anna", {"posted": 7, "pending": 0})


async def test_an_agent_is_told_its_own_values_and_what_it_was_dealt(asked):
    _, anna = await asked(GET_VALUES(run="run", agent="anna"))
    _, bert = await asked(GET_VALUES(run="run", agent="bert"))

    threes, last = {"value": 3_000_000, "quantity": 2}, {"value": 2_500_000, "quantity": 1}
    assert anna == {
        "credits": 5_000_000,
        "roles": [{"resource": "cpu", "side": "bid", "units": [threes, last]}],
    }
    assert bert["roles"] == [
        {"resource": "cpu", "side": "ask", "units": [{"value": 1_000_000, "quantity": 2}]}
    ]


@pytest.mark.parametrize("subject", [GET_BALANCE, GET_VALUES])
async def test_a_stranger_is_refused(asked, subject):
    status, found = await asked(subject(run="run", agent="nobody"))

    assert (status, found["error"]["code"]) == ("error", "agent_is_not_in_this_run")


async def test_a_submission_reaches_the_books(asked):
    command = Submit(command_id="c", tick=1, chains=())

    await asked(SUBMIT(run="run", agent="market"), command.model_dump_json().encode())

    assert asked.books.submitted == [command]


@pytest.mark.parametrize("payload", [b"{", b'{"agent_id":"bert"}', b'{"schema_version":2}', b" " * 10_000])
async def test_what_is_malformed_is_answered_by_an_error(asked, payload):
    status, found = await asked(GET_BALANCE(run="run", agent="anna"), payload)

    assert status == "error"
    assert found["error"]["message"]
