"""Publishing that survives faults, and settings that name servers, without a server."""

from __future__ import annotations

import nats.errors
import pytest
from scripted_client import ScriptedClient, acknowledgement, refusal, stored

from econsim.adapters.nats import connection
from econsim.adapters.nats.connection import reliable_publish, require_server, server_urls
from econsim.domain.audit.envelope import DIGEST, digest
from econsim.errors import Conflict, InvalidMessage, SetupError, Unavailable

SUBJECT = "system.clock.ticked.run"
FAULTS = [
    TimeoutError(),
    nats.errors.NoRespondersError(),
    refusal(10077, code=503),
    refusal(10158),
    refusal(10164),
]


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "PAUSE_S", 0.0)


async def publish(client: ScriptedClient, deadline_s: float = 30.0, **options: int):
    return await reliable_publish(client.jetstream(), SUBJECT, b"{}", "id-1", deadline_s, **options)


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_fault_is_followed_by_the_same_message_under_the_same_id(fault: object) -> None:
    client = ScriptedClient(fault, acknowledgement("audit_log", 5))

    assert (await publish(client)).seq == 5
    assert client.requests[0] == client.requests[1]
    assert client.requests[0][2]["Nats-Msg-Id"] == "id-1"


async def test_a_message_refused_for_good_is_not_repeated() -> None:
    client = ScriptedClient(refusal(10054))

    with pytest.raises(InvalidMessage, match="was refused by its stream"):
        await publish(client)

    assert len(client.requests) == 1


async def test_past_the_deadline_the_message_may_or_may_not_be_stored() -> None:
    with pytest.raises(Unavailable, match="may or may not be stored"):
        await publish(ScriptedClient(TimeoutError()), deadline_s=-1)


async def test_an_event_that_was_stored_before_its_answer_was_lost_is_found() -> None:
    headers = {"Nats-Msg-Id": "id-1", DIGEST: digest(SUBJECT, b"{}")}
    client = ScriptedClient(refusal(10071), stored(8, SUBJECT, b"{}", headers))

    found = await publish(client, expected_sequence=3)

    assert (found.seq, found.duplicate) == (8, True)
    assert client.requests[0][2]["Nats-Expected-Last-Subject-Sequence"] == "3"


@pytest.mark.parametrize(("id_", "payload"), [("id-2", b"{}"), ("id-1", b'{"made":"later"}')])
async def test_an_event_of_another_writer_is_a_conflict_also_under_the_same_id(
    id_: str, payload: bytes
) -> None:
    headers = {"Nats-Msg-Id": id_, DIGEST: digest(SUBJECT, payload)}
    client = ScriptedClient(refusal(10071), stored(8, SUBJECT, payload, headers))

    with pytest.raises(Conflict):
        await publish(client, expected_sequence=3)


async def test_without_an_answer_nobody_knows_who_wrote_it() -> None:
    with pytest.raises(Unavailable):
        await publish(ScriptedClient(refusal(10071), TimeoutError()), expected_sequence=3)


def test_a_setting_names_one_server_or_several() -> None:
    assert server_urls("nats://a:1, nats://b:2,") == ["nats://a:1", "nats://b:2"]


@pytest.mark.parametrize("setting", ["", " , "])
def test_a_setting_without_a_server_is_refused(setting: str) -> None:
    with pytest.raises(SetupError, match="econsim up"):
        require_server(setting)
