"""Limits of agents: the run's limits, overlaid by the agent's own; on the fake and on a real server.

Not covered by the fake: a replica that lags behind, and two operators at the very same moment.
"""

from __future__ import annotations

import pytest

from econsim.adapters.jetstream.quota_table import KeyQuotaTable
from econsim.schemas.quota import Quotas, QuotaUpdate
from econsim.testing import FakeQuotaTable


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.nats)])
def table(request):
    if request.param == "fake":
        return FakeQuotaTable()
    return KeyQuotaTable(request.getfixturevalue("nc"))


async def test_without_a_change_the_default_limits_hold(table, run):
    assert await table.get(run, "anna") == Quotas()


async def test_limits_of_a_run_hold_for_each_of_its_agents(table, run):
    await table.change(run, None, QuotaUpdate(max_publish_rate=7))

    assert (await table.get(run, "anna")).max_publish_rate == 7
    assert (await table.get(run, "bert")).max_publish_rate == 7


async def test_limits_of_an_agent_go_before_those_of_its_run(table, run):
    await table.change(run, "anna", QuotaUpdate(max_publish_rate=9))
    await table.change(run, None, QuotaUpdate(max_publish_rate=7))

    assert (await table.get(run, "anna")).max_publish_rate == 9
    assert (await table.get(run, "bert")).max_publish_rate == 7


async def test_a_change_leaves_the_other_limits(table, run):
    await table.change(run, "anna", QuotaUpdate(max_publish_rate=9))

    changed = await table.change(run, "anna", QuotaUpdate(deadline_ms=800))

    assert (changed.max_publish_rate, changed.deadline_ms) == (9, 800)


async def test_the_version_grows_with_each_change_only(table, run):
    await table.change(run, None, QuotaUpdate(max_publish_rate=7))
    first = await table.version()
    await table.get(run, "anna")
    unchanged = await table.version()
    await table.change(run, "anna", QuotaUpdate(max_publish_rate=9))

    assert unchanged == first
    assert await table.version() > first
