"""Requests to services: each answer, refusal and silence has its error."""

from __future__ import annotations

import json
from types import SimpleNamespace

import nats.errors
import pytest
from scripted_client import ScriptedClient

from econsim.adapters.nats.rpc import NO_SERVICE, ask
from econsim.errors import InvalidMessage, NotFound, QuotaExceeded, Refused, Unavailable
from econsim.schemas.clock import StopRun

QUESTION = StopRun(run="run")


def answer(data: bytes, **headers: str) -> SimpleNamespace:
    return SimpleNamespace(data=data, headers=headers)


def error_reply(**fields: object) -> SimpleNamespace:
    body = {"code": "agent_has_too_little", "message": "no", "retryable": False} | fields
    return answer(json.dumps({"error": body}).encode(), status="error")


async def test_a_reply_is_parsed_as_its_type() -> None:
    client = ScriptedClient(answer(QUESTION.model_dump_json().encode()))

    assert await ask(client, "a.b", QUESTION, StopRun) == QUESTION
    assert client.requests[0][:2] == ("a.b", QUESTION.model_dump_json().encode())


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (nats.errors.NoRespondersError(), NotFound),
        (TimeoutError(), Unavailable),
        (nats.errors.ConnectionClosedError(), Unavailable),
        (error_reply(), Refused),
        (error_reply(retryable=True), Unavailable),
        (error_reply(details={"quota": "max_publish_rate"}), QuotaExceeded),
        (answer(b"[]"), InvalidMessage),
    ],
)
async def test_each_failure_has_its_error(reply: object, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        await ask(ScriptedClient(reply), "a.b", QUESTION, StopRun)


async def test_a_subject_without_a_service_is_told_from_a_refusal() -> None:
    with pytest.raises(NotFound) as caught:
        await ask(ScriptedClient(nats.errors.NoRespondersError()), "a.b", QUESTION, StopRun)

    assert caught.value.error_code == NO_SERVICE


async def test_a_refusal_keeps_its_code() -> None:
    with pytest.raises(Refused) as caught:
        await ask(ScriptedClient(error_reply()), "a.b", QUESTION, StopRun)

    assert caught.value.error_code == "agent_has_too_little"
