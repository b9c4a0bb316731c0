"""Accounts pushed to a scripted server: repeated until answered, refused, or unknown."""

from __future__ import annotations

import pytest
from scripted_client import ScriptedClient

from econsim.adapters.nats.account_push import TRIES, AccountProvisioner
from econsim.errors import SetupError, Unavailable

DONE = {"data": {"code": 200}}


async def test_each_account_is_pushed_on_the_system_account() -> None:
    client = ScriptedClient(DONE, DONE)

    await AccountProvisioner(None, client).push(["one", "two"])

    assert [(subject, payload) for subject, payload, _ in client.requests] == [
        ("$SYS.REQ.CLAIMS.UPDATE", b"one"),
        ("$SYS.REQ.CLAIMS.UPDATE", b"two"),
    ]


async def test_a_push_without_an_answer_is_repeated() -> None:
    client = ScriptedClient(*[TimeoutError()] * (TRIES - 1), DONE)

    await AccountProvisioner(None, client).push(["one"])

    assert len(client.requests) == TRIES


async def test_a_server_that_stays_silent_may_know_the_account_or_not() -> None:
    client = ScriptedClient(*[TimeoutError()] * TRIES)

    with pytest.raises(Unavailable, match="may or may not know it"):
        await AccountProvisioner(None, client).push(["one"])


async def test_a_refused_account_is_named_with_the_reason_and_ends_the_push() -> None:
    client = ScriptedClient({"error": {"code": 500, "description": "expired"}}, DONE)

    with pytest.raises(SetupError, match="expired"):
        await AccountProvisioner(None, client).push(["one", "two"])

    assert len(client.requests) == 1
