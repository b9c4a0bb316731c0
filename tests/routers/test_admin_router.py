"""Handlers of the admin service on the test broker: each command reaches its work with the operator of its subject."""

import json
from types import SimpleNamespace

import pytest
from factories import active, group, scenario
from fake_nats import FakeNats
from faststream.nats import NatsBroker, TestNatsBroker

from econsim import subjects
from econsim.routers import admin
from econsim.schemas.admin import LetterDone, TrustChangedEvent
from econsim.schemas.quota import Quotas
from econsim.services.context import ServiceContext
from econsim.services.handlers import BindMessage, error_replies
from econsim.services.operator_audit import OperatorAudit
from econsim.services.routes import router
from econsim.testing import FakeWallClock


@pytest.fixture
def client():
    return FakeNats()


@pytest.fixture
async def command(client):
    """Send a command as operator olga; returns headers and body of the reply."""
    broker = NatsBroker()
    context = ServiceContext("admin", SimpleNamespace(connection=client), FakeWallClock())
    context.runs["run"] = active(scenario(group("anna", "external")))
    for middleware in (BindMessage(context), error_replies(), OperatorAudit(context)):
        broker.add_middleware(middleware)
    broker.include_router(router("admin", admin.service.routes))

    async with TestNatsBroker(broker) as memory:

        async def send(subject, body):
            reply = await memory.request(body, subject(operator="olga"), timeout=60)
            return reply.headers, reply.body

        yield send


def events(client):
    """Return the first event of each type; the test broker passes a reply through the middlewares once more."""
    stored = reversed(client.stored(subjects.AUDIT))
    return {subject.rpartition(".")[0]: json.loads(payload) for subject, payload in stored}


async def test_a_changed_quota_is_caused_by_its_command(command, client):
    _, body = await command(subjects.SET_QUOTA, {"run": "run", "update": {"max_kv_keys": 5}})

    changed, commanded = events(client)["system.quota.changed"], events(client)["system.operator.commanded"]
    assert Quotas.model_validate_json(body).max_kv_keys == 5
    assert (changed["actor"], changed["causation_id"]) == ("olga", commanded["event_id"])
    assert (commanded["correlation_id"], commanded["data"]["code"]) == ("run", "done")


async def test_a_use_of_the_keys_is_answered_with_its_event(command):
    _, body = await command(subjects.TELL_TRUST, {"run": "run", "who": "anna", "change": "agent_let_in"})

    event = TrustChangedEvent.model_validate_json(body)
    assert (event.actor, event.data.change) == ("olga", "agent_let_in")


async def test_a_connection_is_recorded(command, client):
    await command(subjects.RECORD_CONNECTION, {"run": "run", "agent": "anna", "connected": False})

    assert not events(client)["system.agent.connection_changed"]["data"]["connected"]


@pytest.mark.parametrize("subject", [subjects.RETRY_LETTER, subjects.DROP_LETTER])
async def test_a_letter_is_handled_by_its_sequence_number(command, client, subject):
    letter = client.store("dead_letter.market.cpu.place_bid.run.anna", b"{}", {})

    _, body = await command(subject, {"sequence": letter.seq})

    done = LetterDone.model_validate_json(body)
    assert done.sequence == letter.seq
    assert (done.stream == subjects.ORDERS) == (subject is subjects.RETRY_LETTER)


async def test_a_refused_command_is_an_error_reply_and_recorded_with_its_code(command, client):
    headers, body = await command(subjects.DROP_LETTER, {"sequence": 9})

    assert headers["status"] == "error"
    assert json.loads(body)["error"]["code"] == "letter_does_not_exist"
    assert events(client)["system.operator.commanded"]["data"]["code"] == "letter_does_not_exist"


async def test_a_command_with_a_wrong_field_does_nothing(command, client):
    headers, _ = await command(subjects.SET_QUOTA, {"run": "run", "update": {"max_everything": 5}})

    assert headers["status"] == "error"
    assert events(client).keys() == {"system.operator.commanded"}


def test_one_worker_at_a_time_keeps_dead_letters_and_streams_in_memory():
    context = SimpleNamespace()

    leases = [task.lease for task in admin.service_tasks(context)]

    assert leases == ["dead_letter_collector.admin", "dead_letter_events.admin", "memory_streams.admin"]
