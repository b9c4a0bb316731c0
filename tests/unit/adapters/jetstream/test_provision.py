"""Streams brought in line with their declaration, on a scripted server."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace

import pytest
from scripted_client import ScriptedClient, refusal

from econsim.adapters.jetstream import provision
from econsim.adapters.jetstream.provision import NotThere, apply, plan, stream_config
from econsim.errors import SetupError, Unavailable
from econsim.streams import DEAD_LETTER
from econsim.streams.benchmarks import benchmark_stream

MISSING = refusal(10059, code=404)


def info(**changes: object) -> dict:
    return {
        "config": stream_config(DEAD_LETTER, 1) | changes,
        "state": {"messages": 3, "first_seq": 5, "last_seq": 7},
    }


async def test_a_missing_stream_is_created_as_declared() -> None:
    client = ScriptedClient(MISSING, {"ok": True})

    (change,) = await apply(client, streams=[DEAD_LETTER])

    assert change.action == "create"
    assert client.subjects[-1] == "$JS.API.STREAM.CREATE.dead_letter"


def test_a_stream_that_another_one_has_all_of_is_not_flushed_with_each_message() -> None:
    copy = benchmark_stream("b-1", 7)

    assert [stream_config(copy, copies).get("persist_mode") for copies in (1, 3)] == ["async", None]
    assert "persist_mode" not in stream_config(DEAD_LETTER, 1)


async def test_a_stream_as_declared_is_kept() -> None:
    client = ScriptedClient(info(metadata={"_nats.ver": "2"}))

    (change,) = await apply(client, streams=[DEAD_LETTER])

    assert change.action == "keep"
    assert len(client.requests) == 1


async def test_a_field_that_may_change_is_updated() -> None:
    client = ScriptedClient(info(max_age=1), info(max_age=1), {"ok": True})

    (change,) = await apply(client, streams=[DEAD_LETTER])

    assert [each.field for each in change.differences] == ["max_age"]
    assert client.subjects[-1] == "$JS.API.STREAM.UPDATE.dead_letter"


async def test_a_field_that_cannot_change_stops_everything_before_any_change() -> None:
    client = ScriptedClient(MISSING, info(storage="memory"))
    other = replace(DEAD_LETTER, name="first")

    with pytest.raises(SetupError, match="cannot be changed in place"):
        await apply(client, streams=[other, DEAD_LETTER])

    assert not [each for each in client.subjects if "CREATE" in each or "UPDATE" in each]


async def test_a_plan_changes_nothing() -> None:
    client = ScriptedClient(MISSING)

    (change,) = await plan(client, streams=[DEAD_LETTER])

    assert str(change) == "create dead_letter"
    assert client.subjects == ["$JS.API.STREAM.INFO.dead_letter"]


async def test_the_number_of_copies_stays_unless_asked_for() -> None:
    kept, wanted = ScriptedClient(info(num_replicas=3)), ScriptedClient(info(num_replicas=1))

    assert (await plan(kept, streams=[DEAD_LETTER]))[0].action == "keep"
    assert (await plan(wanted, 3, streams=[DEAD_LETTER]))[0].action == "update"


async def test_counts_and_ends_are_those_of_the_stream() -> None:
    assert await provision.depth(ScriptedClient(info()), "dead_letter") == 3
    assert await provision.ends(ScriptedClient(info()), "dead_letter") == (5, 7)


async def test_subjects_are_counted_page_by_page() -> None:
    pages = [{"state": {"subjects": page}, "total": 3} for page in ({"a.1": 2, "a.2": 1}, {"a.3": 4})]
    client = ScriptedClient(*pages)

    counts = await provision.subject_counts(client, "dead_letter", "a.*")

    assert counts == {"a.1": 2, "a.2": 1, "a.3": 4}
    assert [json.loads(question)["offset"] for _, question, _ in client.requests] == [0, 2]


async def test_no_subject_of_a_pattern_is_an_empty_count() -> None:
    client = ScriptedClient({"state": {}, "total": 0})

    assert await provision.subject_counts(client, "dead_letter", "a.*") == {}


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (MISSING, NotThere),
        (refusal(10023, code=503), Unavailable),
        (refusal(10052), SetupError),
        (TimeoutError(), Unavailable),
    ],
)
async def test_each_refusal_has_its_error(answer: object, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        await provision.request(ScriptedClient(answer), "INFO")


async def test_a_consumer_that_does_not_exist_is_deleted_already() -> None:
    client = ScriptedClient(refusal(10014, code=404))

    await provision.delete_consumer(client, SimpleNamespace(stream="orders", name="book"))

    assert client.subjects == ["$JS.API.CONSUMER.DELETE.orders.book"]
