"""Limits of agents: the run's limits, overlaid by the agent's own; on the fake and on a real server.

Not covered by the fake: a replica that lags behind.
"""

from __future__ import annotations

import asyncio

import pytest

from econsim.adapters.jetstream.quota_table import KeyQuotaTable
from econsim.errors import InvalidSubject, SetupError
from econsim.schemas.quota import Quotas, QuotaUpdate
from econsim.testing import FakeQuotaTable


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.nats)])
def table(request):
    return FakeQuotaTable() if request.param == "fake" else request.getfixturevalue("real_table")


@pytest.fixture
async def real_table(connect_as):
    """Return the table with the credentials of the service that changes it."""
    return KeyQuotaTable(await connect_as("admin"))


async def test_without_a_change_the_default_limits_hold(table, run):
    assert await table.get(run, "ann") == Quotas()


async def test_the_runs_limits_hold_for_all_and_the_agents_for_one(table, run):
    await table.change(run, "ann", QuotaUpdate(max_kv_keys=7))
    await table.change(run, None, QuotaUpdate(max_kv_keys=5, max_order_rate=6))

    assert await table.get(run, "ann") == Quotas(max_kv_keys=7, max_order_rate=6)
    assert await table.get(run, "bob") == Quotas(max_kv_keys=5, max_order_rate=6)
    assert await table.get(f"{run}-other", "ann") == Quotas()


async def test_a_change_returns_the_limits_and_leaves_the_others(table, run):
    await table.change(run, "ann", QuotaUpdate(max_kv_keys=5, max_llm_spend=0))

    changed = await table.change(run, "ann", QuotaUpdate(max_kv_keys=6, deadline_ms=800))

    assert changed == await table.get(run, "ann") == Quotas(max_kv_keys=6, max_llm_spend=0, deadline_ms=800)


async def test_the_version_grows_with_each_change_only(table, run):
    versions = [await table.version()]
    for agent in ("ann", None):
        await table.change(run, agent, QuotaUpdate(max_kv_keys=5))
        versions.append(await table.version())
    await table.get(run, "ann")

    assert versions[0] < versions[1] < versions[2] == await table.version()


async def test_changes_at_once_lose_nothing(table, run):
    updates = [QuotaUpdate(max_kv_keys=1), QuotaUpdate(max_order_rate=2), QuotaUpdate(max_open_orders=3)]

    await asyncio.gather(*(table.change(run, "ann", update) for update in updates))

    assert await table.get(run, "ann") == Quotas(max_kv_keys=1, max_order_rate=2, max_open_orders=3)


@pytest.mark.nats
async def test_a_key_that_holds_no_limits_is_an_error_with_the_remedy(real_table, connect_as, run):
    admin = await connect_as("admin")
    await admin.jetstream().publish(f"$KV.quotas.{run}.ann", b'{"max_kv_keys": -1}')

    with pytest.raises(SetupError, match="set them again"):
        await real_table.get(run, "ann")


@pytest.mark.nats
async def test_a_name_that_is_no_token_reaches_no_other_key(real_table, run):
    with pytest.raises(InvalidSubject):
        await real_table.get(run, "*")
