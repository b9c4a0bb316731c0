"""Leases on a scripted server: who gets one, what is written, and what a silent server means."""

from __future__ import annotations

import nats.errors
import pytest
from scripted_client import ScriptedClient, acknowledgement, refusal, stored

from econsim.adapters.jetstream.leases import KeyLeases
from econsim.errors import Unavailable

KEY = "$KV.leases.book.cpu"
NOBODY = refusal(10037, code=404)


def held_by(holder: str, revision: int = 7) -> dict:
    return stored(revision, KEY, holder.encode())


async def test_a_free_lease_is_written_over_no_revision_with_a_time_to_live() -> None:
    client = ScriptedClient(NOBODY, acknowledgement("KV_leases"))

    assert await KeyLeases(client, length_s=3).acquire("book.cpu", "w1")

    subject, payload, headers = client.requests[-1]
    assert (subject, payload) == (KEY, b"w1")
    assert headers["Nats-Expected-Last-Subject-Sequence"] == "0"
    assert headers["Nats-TTL"] == "3"


async def test_a_holder_renews_over_its_own_revision() -> None:
    client = ScriptedClient(held_by("w1", 9), acknowledgement("KV_leases"))

    assert await KeyLeases(client).acquire("book.cpu", "w1")
    assert client.requests[-1][2]["Nats-Expected-Last-Subject-Sequence"] == "9"


async def test_the_lease_of_another_is_not_written() -> None:
    client = ScriptedClient(held_by("w2"))

    assert not await KeyLeases(client).acquire("book.cpu", "w1")
    assert len(client.requests) == 1


@pytest.mark.parametrize("code", [10071, 10164])
async def test_a_lease_that_another_took_in_between_is_lost(code: int) -> None:
    client = ScriptedClient(NOBODY, refusal(code))

    assert not await KeyLeases(client).acquire("book.cpu", "w1")


@pytest.mark.parametrize("error", [TimeoutError(), nats.errors.NoRespondersError()])
async def test_without_an_answer_nobody_knows_who_holds_it(error: Exception) -> None:
    with pytest.raises(Unavailable, match="may or may not be held"):
        await KeyLeases(ScriptedClient(error)).acquire("book.cpu", "w1")


@pytest.mark.parametrize("answer", [TimeoutError(), refusal(10077)])
async def test_a_write_without_an_acknowledgement_is_unknown(answer: object) -> None:
    with pytest.raises(Unavailable):
        await KeyLeases(ScriptedClient(NOBODY, answer)).acquire("book.cpu", "w1")


async def test_releasing_writes_an_empty_holder_that_soon_expires() -> None:
    client = ScriptedClient(held_by("w1", 9), acknowledgement("KV_leases"))

    await KeyLeases(client).release("book.cpu", "w1")

    _, payload, headers = client.requests[-1]
    assert (payload, headers["Nats-TTL"]) == (b"", "1")


async def test_the_lease_of_another_is_not_released() -> None:
    client = ScriptedClient(held_by("w2"))

    await KeyLeases(client).release("book.cpu", "w1")

    assert len(client.requests) == 1


async def test_a_released_lease_is_free() -> None:
    client = ScriptedClient(held_by("", 11), acknowledgement("KV_leases"))

    assert await KeyLeases(client).acquire("book.cpu", "w2")
