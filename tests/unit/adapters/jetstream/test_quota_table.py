"""The table of quotas on a scripted server: keys, the cached list of a run, changes and conflicts."""

from __future__ import annotations

from types import SimpleNamespace

import nats.errors
import pytest
from scripted_client import ScriptedClient, acknowledgement, refusal, stored

from econsim.adapters.jetstream.quota_table import TRIES_MAX, KeyQuotaTable, read_quotas
from econsim.errors import Conflict, SetupError, Unavailable
from econsim.schemas.quota import QuotaUpdate

RUN_KEY, ANNA_KEY = "$KV.quotas.run.default", "$KV.quotas.run.anna"
NOTHING = refusal(10037, code=404)


def keys(*subjects: str) -> dict:
    return {"state": {"subjects": dict.fromkeys(subjects, 1)}}


def rate(key: str, value: int, revision: int = 3) -> dict:
    return stored(
        revision, key, QuotaUpdate(max_publish_rate=value).model_dump_json(exclude_none=True).encode()
    )


async def test_an_agent_without_limits_of_its_own_has_those_of_its_run() -> None:
    table = KeyQuotaTable(ScriptedClient(keys(RUN_KEY), rate(RUN_KEY, 7)))

    assert (await table.get("run", "anna")).max_publish_rate == 7


async def test_limits_of_an_agent_go_before_those_of_its_run() -> None:
    table = KeyQuotaTable(ScriptedClient(keys(RUN_KEY, ANNA_KEY), rate(RUN_KEY, 7), rate(ANNA_KEY, 9)))

    assert (await table.get("run", "anna")).max_publish_rate == 9


async def test_the_list_of_a_run_is_asked_for_once() -> None:
    client = ScriptedClient(keys())
    table = KeyQuotaTable(client)

    await table.get("run", "anna")
    await table.get("run", "bert")

    assert client.subjects == ["$JS.API.STREAM.INFO.KV_quotas"]


async def test_a_new_version_makes_the_table_ask_for_the_list_again() -> None:
    client = ScriptedClient(keys(), rate(ANNA_KEY, 1, revision=4), keys())
    table = KeyQuotaTable(client)
    await table.get("run", "anna")

    assert await table.version() == 4
    await table.get("run", "anna")

    assert client.subjects.count("$JS.API.STREAM.INFO.KV_quotas") == 2


async def test_a_list_that_failed_is_asked_for_again() -> None:
    client = ScriptedClient(TimeoutError(), keys())
    table = KeyQuotaTable(client)

    with pytest.raises(Unavailable):
        await table.get("run", "anna")

    await table.get("run", "anna")


async def test_a_change_overlays_the_limits_there_are() -> None:
    client = ScriptedClient(
        rate(ANNA_KEY, 9, 5), acknowledgement("KV_quotas"), keys(ANNA_KEY), rate(ANNA_KEY, 11)
    )

    changed = await KeyQuotaTable(client).change("run", "anna", QuotaUpdate(max_publish_rate=11))

    subject, payload, headers = client.requests[1]
    assert changed.max_publish_rate == 11
    assert subject == ANNA_KEY
    assert QuotaUpdate.model_validate_json(payload) == QuotaUpdate(max_publish_rate=11)
    assert headers["Nats-Expected-Last-Subject-Sequence"] == "5"


async def test_a_key_that_others_keep_changing_is_a_conflict() -> None:
    client = ScriptedClient(*[NOTHING, refusal(10071)] * TRIES_MAX)

    with pytest.raises(Conflict):
        await KeyQuotaTable(client).change("run", None, QuotaUpdate(max_publish_rate=1))

    assert client.subjects.count(RUN_KEY) == TRIES_MAX


async def test_a_change_without_an_answer_is_unknown() -> None:
    client = ScriptedClient(NOTHING, nats.errors.TimeoutError())

    with pytest.raises(Unavailable, match="may or may not be changed"):
        await KeyQuotaTable(client).change("run", None, QuotaUpdate(max_publish_rate=1))


async def test_a_key_that_holds_no_quotas_is_named() -> None:
    table = KeyQuotaTable(ScriptedClient(keys(ANNA_KEY), stored(1, ANNA_KEY, b"[]")))

    with pytest.raises(SetupError, match="does not hold quotas"):
        await table.get("run", "anna")


async def test_a_reader_asks_any_replica_for_the_run_and_the_agent() -> None:
    nothing = SimpleNamespace(headers={"Status": "404"}, data=b"")
    client = ScriptedClient(nothing, nothing)

    await read_quotas(client, "run", "anna")

    assert client.subjects == ["$JS.API.DIRECT.GET.KV_quotas"] * 2
