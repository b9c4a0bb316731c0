"""Balances of many holders, read as of one moment."""

import json

import pytest

from econsim.adapters.jetstream import balances
from econsim.schemas.ledger import CREDITS, DEBT, Position

pytestmark = pytest.mark.nats


async def put(nc, run, holder, credits_):
    return await store(nc, f"{run}.{holder}.balance", {"posted": credits_, "pending": 0})


async def store(nc, key, value):
    return (await nc.jetstream().publish(f"$KV.agent_state.{key}", json.dumps(value).encode())).seq


@pytest.mark.parametrize("at_once", [2, 1_000])
async def test_each_holder_has_its_newest_balance_however_many_questions_it_takes(
    nc, run, monkeypatch, at_once
) -> None:
    monkeypatch.setattr(balances, "KEYS_MAX", at_once)
    holders = [f"agent_{number}" for number in range(5)]
    for amount in (1, 2):
        for holder in holders:
            await put(nc, run, holder, amount)

    found = await balances.read_balances(nc, run, [*holders, "nobody"])

    assert {holder: positions[CREDITS].posted for holder, positions in found.items()} == dict.fromkeys(
        holders, 2
    )


async def test_what_is_written_between_two_questions_is_in_neither(nc, run, monkeypatch) -> None:
    first = await put(nc, run, "ana", 1)
    await put(nc, run, "bob", 1)
    page = await balances.newest_of(nc, balances.STREAM, [f"$KV.agent_state.{run}.ana.balance"])
    await put(nc, run, "bob", 9)

    later = await balances.newest_of(nc, balances.STREAM, [f"$KV.agent_state.{run}.bob.balance"], page.up_to)

    assert page.up_to > first
    assert [json.loads(stored.payload)["posted"] for stored in later.messages] == [1]


async def test_money_debt_and_units_are_positions(nc, run) -> None:
    await store(nc, f"{run}.ana.balance", {"posted": 5, "pending": 2, "debt": 7})
    await store(nc, f"{run}.ana.holdings", {"cpu": {"posted": 3, "pending": 1}})

    found = await balances.read_balances(nc, run, ["ana"])

    assert found == {"ana": {CREDITS: Position(5, 2), DEBT: Position(7, 0), "cpu": Position(3, 1)}}


async def test_a_run_without_balances_has_none(nc, run) -> None:
    assert await balances.read_balances(nc, run, ["ana"]) == {}
