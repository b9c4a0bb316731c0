"""Dead letters on a scripted server: found, put back, refused, deleted."""

from __future__ import annotations

from dataclasses import replace

import pytest
from scripted_client import ScriptedClient, acknowledgement, refusal, stored

from econsim import subjects
from econsim.adapters.jetstream import dead_letters
from econsim.adapters.jetstream.dead_letters import DeadLetter
from econsim.errors import NotFound, Refused, Unavailable

ORDER = subjects.PLACE_BID(resource="cpu", agent="anna", run="run")
CREATED = {"created": "2026-01-01T00:00:00Z"}


def dead_letter(**fields) -> DeadLetter:
    return DeadLetter(4, fields.pop("subject", ORDER), b"{}", "2026-01-01T00:00:00Z", **fields)


async def test_a_dead_letter_is_found_with_its_reason_and_origin() -> None:
    headers = {"dead-letter-code": "no_money", "dead-letter-stream": "orders", "dead-letter-sequence": "9"}
    client = ScriptedClient(stored(4, f"dead_letter.{ORDER}", b"{}", {**headers, "trace": "t"}))

    found = await dead_letters.get_dead_letter(client, 4)

    assert (found.subject, found.code, found.origin, found.run) == (ORDER, "no_money", "orders:9", "run")
    assert found.headers == {"trace": "t"}


async def test_a_place_without_a_dead_letter_is_not_found() -> None:
    with pytest.raises(NotFound, match="there is no dead letter 4"):
        await dead_letters.get_dead_letter(ScriptedClient(refusal(10037, code=404)), 4)


async def test_a_message_is_put_back_under_one_id_however_often() -> None:
    client = ScriptedClient(*[CREATED, acknowledgement("orders")] * 2)

    await dead_letters.requeue(client, dead_letter())
    await dead_letters.requeue(client, dead_letter())

    first, second = client.requests[1], client.requests[3]
    assert first == second
    assert first[0] == ORDER
    assert first[2]["dead-letter-retry-of"] == "4"


async def test_each_letter_has_an_id_of_its_own() -> None:
    client = ScriptedClient(*[CREATED, acknowledgement("orders")] * 2)

    await dead_letters.requeue(client, dead_letter())
    await dead_letters.requeue(client, replace(dead_letter(), sequence=5))

    assert client.requests[1][2]["Nats-Msg-Id"] != client.requests[3][2]["Nats-Msg-Id"]


async def test_a_message_put_back_in_another_stream_of_that_name_has_another_id() -> None:
    client = ScriptedClient(
        CREATED, acknowledgement("orders"), {"created": "later"}, acknowledgement("orders")
    )

    await dead_letters.requeue(client, dead_letter())
    await dead_letters.requeue(client, dead_letter())

    assert client.requests[1][2]["Nats-Msg-Id"] != client.requests[3][2]["Nats-Msg-Id"]


@pytest.mark.parametrize(
    ("letter", "code"),
    [
        (dead_letter(lacks="its headers"), "letter_is_not_whole"),
        (dead_letter(subject="unknown.orders"), "subject_has_no_queue"),
    ],
)
async def test_what_no_queue_could_process_is_not_put_back(letter: DeadLetter, code: str) -> None:
    client = ScriptedClient()

    with pytest.raises(Refused) as caught:
        await dead_letters.requeue(client, letter)

    assert caught.value.error_code == code
    assert not client.requests


async def test_a_queue_that_does_not_answer_leaves_the_letter() -> None:
    with pytest.raises(Unavailable, match="letter 4 is kept"):
        await dead_letters.requeue(ScriptedClient(CREATED, TimeoutError()), dead_letter())


async def test_deleting_tells_whether_the_letter_was_there() -> None:
    assert await dead_letters.delete_dead_letter(ScriptedClient({"success": True}), 4)
    assert not await dead_letters.delete_dead_letter(ScriptedClient(refusal(10037, code=404)), 4)


async def test_a_letter_that_another_deleted_in_between_is_gone() -> None:
    client = ScriptedClient(refusal(10057, code=500), refusal(10037, code=404))

    assert not await dead_letters.delete_dead_letter(client, 4)
