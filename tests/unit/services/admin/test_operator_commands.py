"""Commands of operators in memory: their effects, their events, and what a repeat does."""

import json
from types import SimpleNamespace

import pytest
from factories import active, group, scenario
from fake_nats import FakeNats

from econsim import subjects
from econsim.errors import NotFound, Refused, Unavailable
from econsim.schemas.admin import RecordConnection, SetQuota, TellTrust
from econsim.schemas.quota import QuotaUpdate
from econsim.services.admin import operator_commands as commands
from econsim.services.context import ServiceContext
from econsim.streams import DEAD_LETTER
from econsim.testing import FakeWallClock

BID = "market.cpu.place_bid.run.anna"
REASONS = {
    "dead-letter-code": "message_is_invalid",
    "dead-letter-stream": subjects.ORDERS,
    "dead-letter-sequence": "5",
}


@pytest.fixture
def client():
    return FakeNats()


@pytest.fixture
def context(client):
    found = ServiceContext("admin", SimpleNamespace(connection=client), FakeWallClock())
    found.runs_are_known.set()
    found.runs["run"] = active(scenario(group("anna", "external")))
    return found


def events(client):
    """Return subject and data of the log's events."""
    return [(s, json.loads(payload)["data"]) for s, payload in client.stored(subjects.AUDIT)]


def add_letter(client, subject=BID, payload=b"{}", **headers):
    """Store a dead letter; return its sequence number."""
    return client.store(f"dead_letter.{subject}", payload, REASONS | headers).seq


async def test_a_changed_quota_is_returned_in_force_and_recorded(context, client):
    everybody = QuotaUpdate(max_kv_keys=5, max_order_rate=7)
    await commands.set_quota(context, SetQuota(run="run", update=everybody), "olga")

    quotas = await commands.set_quota(
        context, SetQuota(run="run", agent="anna", update=QuotaUpdate(max_kv_keys=6)), "olga"
    )

    assert (quotas.max_kv_keys, quotas.max_order_rate) == (6, 7)
    (_, first), (subject, second) = events(client)
    assert subject == subjects.QUOTA_CHANGED(run="run")
    assert (first["agent"], second["agent"], second["quotas"]["max_kv_keys"]) == (None, "anna", 6)


async def test_equal_changes_are_two_events(context, client):
    request = SetQuota(run="run", agent="anna", update=QuotaUpdate(max_kv_keys=6))

    await commands.set_quota(context, request, "olga")
    await commands.set_quota(context, request, "olga")

    assert len(events(client)) == 2


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (SetQuota(run="other", update=QuotaUpdate()), "run_is_not_open"),
        (SetQuota(run="run", agent="carl", update=QuotaUpdate()), "agent_is_not_in_this_run"),
    ],
)
async def test_limits_of_an_unknown_run_or_agent_are_not_changed(context, client, request_, code):
    with pytest.raises(NotFound) as refused:
        await commands.set_quota(context, request_, "olga")

    assert refused.value.error_code == code
    assert not client.stored("KV_quotas")


async def test_uses_of_the_keys_are_recorded_for_runs_that_are_not_open_too(context, client):
    request = TellTrust(run="later", who="anna", change="agent_let_in", reason="external")

    event = await commands.record_trust_change(context, request, "olga")
    await commands.record_trust_change(context, request, "olga")

    assert (event.actor, event.correlation_id) == ("olga", "later")
    recorded = {"who": "anna", "change": "agent_let_in", "reason": "external"}
    assert events(client) == [(subjects.TRUST_CHANGED(run="later"), recorded)] * 2


async def test_connections_are_recorded(context, client):
    event = await commands.record_connection(
        context, RecordConnection(run="run", agent="anna", connected=True), "watch"
    )

    assert event.data.connected
    assert events(client) == [(subjects.CONNECTION_CHANGED(run="run"), {"agent": "anna", "connected": True})]


async def test_a_retried_letter_is_in_its_queue_again_and_no_letter_any_more(context, client):
    sequence = add_letter(client, payload=b'{"a":1}', trace="t")

    done = await commands.retry_dead_letter(context, sequence, "olga")

    (message,) = client.streams[subjects.ORDERS].messages
    assert (message.subject, message.payload) == (BID, b'{"a":1}')
    assert (message.headers["trace"], message.headers["dead-letter-retry-of"]) == ("t", str(sequence))
    assert not client.stored(DEAD_LETTER.name)
    assert (done.stream, done.stored) == (subjects.ORDERS, message.sequence)
    assert events(client)[0][0] == subjects.LETTER_RETRIED(run="run")


async def test_a_retry_after_a_crash_stores_nothing_twice(context, client):
    sequence = add_letter(client)
    (letter,) = client.streams[DEAD_LETTER.name].messages
    await commands.retry_dead_letter(context, sequence, "olga")
    client.streams[DEAD_LETTER.name].messages.append(letter)

    await commands.retry_dead_letter(context, sequence, "olga")

    assert len(client.stored(subjects.ORDERS)) == len(events(client)) == 1
    assert not client.stored(DEAD_LETTER.name)


@pytest.mark.parametrize(
    ("subject", "headers", "code"),
    [
        (BID, {"dead-letter-lacks": "its headers"}, "letter_is_not_whole"),
        ("unknown.tasks", {}, "subject_has_no_queue"),
    ],
)
async def test_a_letter_that_cannot_be_put_back_is_kept(context, client, subject, headers, code):
    sequence = add_letter(client, subject, **headers)

    with pytest.raises(Refused) as refused:
        await commands.retry_dead_letter(context, sequence, "olga")

    assert refused.value.error_code == code
    assert len(client.stored(DEAD_LETTER.name)) == 1


async def test_a_dropped_letter_is_recorded_and_gone(context, client):
    sequence = add_letter(client)

    done = await commands.drop_dead_letter(context, sequence, "olga")

    assert (done.subject, done.stream) == (BID, None)
    assert events(client) == [(subjects.LETTER_DROPPED(run="run"), {"sequence": sequence, "subject": BID})]
    assert not client.stored(DEAD_LETTER.name)


async def test_a_letter_is_kept_until_its_event_is_stored(context, client, monkeypatch):
    monkeypatch.setattr(commands, "DEADLINE_S", 0.0)
    sequence = add_letter(client)
    client.failures = [TimeoutError()]

    with pytest.raises(Unavailable):
        await commands.drop_dead_letter(context, sequence, "olga")

    assert len(client.stored(DEAD_LETTER.name)) == 1


@pytest.mark.parametrize("act", [commands.retry_dead_letter, commands.drop_dead_letter])
async def test_a_letter_that_does_not_exist_is_not_found(context, act):
    with pytest.raises(NotFound) as refused:
        await act(context, 99, "olga")

    assert refused.value.error_code == "letter_does_not_exist"
