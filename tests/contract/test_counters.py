"""Counters behave alike on the fake and on a real server; meters that share them grant no more than the limit.

Not covered by the fake: a real lost answer, and increments of several connections at the very same moment.
"""

import asyncio
import contextlib
import time

import pytest
from requirements import requirement

from econsim.adapters.jetstream.counters import StreamCounters
from econsim.adapters.jetstream.quota_table import KeyQuotaTable
from econsim.adapters.nats.connection import connect
from econsim.adapters.server.embedded import EmbeddedServer
from econsim.domain.admission import quota
from econsim.domain.admission.quota import QuotaKind
from econsim.errors import QuotaExceeded, Unavailable
from econsim.schemas.quota import Quotas, QuotaUpdate
from econsim.services.quota_meter import QuotaMeter
from econsim.testing import FakeCounters

SIDES = ["fake", pytest.param("real", marks=pytest.mark.nats)]
KINDS = pytest.mark.parametrize("kind", QuotaKind, ids=lambda kind: kind.token)
METERS, LIMIT = 8, 400
COUNTING, CHANGING = "market", "admin"


@pytest.fixture(params=SIDES)
def counters(request):
    return FakeCounters() if request.param == "fake" else request.getfixturevalue("real_counters")


@pytest.fixture
async def real_counters(connect_as):
    return StreamCounters(await connect_as(COUNTING))


@pytest.fixture
async def operators_table(connect_as):
    return KeyQuotaTable(await connect_as(CHANGING))


@pytest.fixture
async def meters(connect_as):
    """Meters each with a connection of its own, and the table an operator changes."""
    clients = [await connect_as(COUNTING) for _ in range(METERS)]
    return [QuotaMeter(StreamCounters(client), KeyQuotaTable(client), time.time_ns) for client in clients]


async def take_repeatedly(meter, kind, run, times):
    """Take again and again; return how much was granted."""
    granted = 0
    for _ in range(times):
        with contextlib.suppress(QuotaExceeded):
            await meter.take(kind, run, "hot")
            granted += 1
    return granted


@KINDS
async def test_every_kind_has_a_counter_that_starts_at_nothing(counters, run, kind):
    key = quota.counter_key(kind, run, "ann", 7)

    assert [await counters.add(key, amount) for amount in (5, 1, -2, 0)] == [5, 6, 4, 4]


async def test_counters_do_not_share(counters, run):
    await counters.add(quota.counter_key(QuotaKind.KV_KEYS, run, "ann", 0), 5)

    assert await counters.add(quota.counter_key(QuotaKind.KV_KEYS, run, "bob", 0), 1) == 1
    assert await counters.add(quota.counter_key(QuotaKind.OPEN_ORDERS, run, "ann", 0), 1) == 1


async def test_of_many_increments_at_once_each_sees_another_total(counters, run):
    key = quota.counter_key(QuotaKind.PUBLISH_RATE, run, "ann", 7)

    totals = await asyncio.gather(*[counters.add(key, 1) for _ in range(200)])

    assert sorted(totals) == list(range(1, 201))


@pytest.mark.nats
@pytest.mark.parametrize("kind", [QuotaKind.LLM_TOKENS, QuotaKind.STREAM_BYTES], ids=lambda kind: kind.token)
@requirement("operations.quotas")
async def test_a_hot_agent_gets_its_limit_from_eight_connections_and_never_more(
    meters, operators_table, run, kind
):
    await operators_table.change(run, None, QuotaUpdate(**{kind.limit: LIMIT}))

    granted = await asyncio.gather(
        *(take_repeatedly(meter, kind, run, 40) for meter in meters for _ in range(5))
    )

    assert LIMIT - METERS * LIMIT // quota.BLOCK_SHARE <= sum(granted) <= LIMIT


@pytest.mark.nats
async def test_no_second_has_more_than_its_limit(meters, run):
    granted_by_second = {}

    async def hammer(meter):
        end = time.monotonic() + 2.5
        while time.monotonic() < end:
            began = quota.window_number(QuotaKind.PUBLISH_RATE, time.time_ns())
            granted = await take_repeatedly(meter, QuotaKind.PUBLISH_RATE, run, 1)
            ended = quota.window_number(QuotaKind.PUBLISH_RATE, time.time_ns())
            if began == ended:
                granted_by_second[began] = granted_by_second.get(began, 0) + granted
            await asyncio.sleep(0.001)

    await asyncio.gather(*map(hammer, meters))

    limit = Quotas().max_publish_rate
    assert max(granted_by_second.values()) <= limit
    assert sorted(granted_by_second.values())[-2] >= limit - METERS * limit // quota.BLOCK_SHARE


@pytest.mark.nats
async def test_a_change_holds_within_two_seconds(meters, operators_table, run):
    meter = meters[0]
    assert await take_repeatedly(meter, QuotaKind.OPEN_ORDERS, run, 200) == 100

    await operators_table.change(run, "hot", QuotaUpdate(max_open_orders=120))
    await asyncio.sleep(2)

    assert await take_repeatedly(meter, QuotaKind.OPEN_ORDERS, run, 200) == 20


@pytest.mark.nats
@pytest.mark.slow
async def test_without_streams_or_connection_nothing_is_granted(tmp_path, run):
    async with EmbeddedServer(tmp_path, ephemeral=True, restart=False) as server:
        client = await connect(server.url, server.creds(COUNTING), "test-quotas")
        counters = StreamCounters(client, timeout_s=0.5)
        table = KeyQuotaTable(client, timeout_s=0.5)

        # The streams were never declared: nobody answers.
        with pytest.raises(Unavailable):
            await counters.add(quota.counter_key(QuotaKind.KV_KEYS, run, "ann", 0), 1)
        with pytest.raises(Unavailable):
            await table.version()
        await client.close()
        with pytest.raises(Unavailable):
            await counters.add(quota.counter_key(QuotaKind.KV_KEYS, run, "ann", 0), 1)
        with pytest.raises(Unavailable):
            await table.get(run, "ann")
