"""One meter and many on shared counters: what is granted, refused, given back, and asked of the server."""

import asyncio
import contextlib
from random import Random

import pytest

from econsim.domain.admission import quota
from econsim.domain.admission.quota import SECOND_NS, QuotaKind
from econsim.errors import InvalidSubject, QuotaExceeded, Unavailable
from econsim.schemas.quota import QuotaUpdate
from econsim.services import quota_meter
from econsim.services.quota_meter import QuotaMeter
from econsim.testing import Failure, FakeCounters, FakeQuotaTable


def each(kinds):
    return pytest.mark.parametrize("kind", kinds, ids=lambda kind: kind.token)


KINDS = each(list(QuotaKind))
STOCKS = each([kind for kind in QuotaKind if not kind.window_s])
RETURNABLE = each([kind for kind in QuotaKind if kind.returnable])
WINDOWS = each([kind for kind in QuotaKind if kind.window_s])
SEEDS = pytest.mark.parametrize("seed", range(5))
LIMIT, WORKERS = 200, 8


class World:
    """Counters, limits and the time, shared by meters."""

    def __init__(self):
        self.counters = FakeCounters()
        self.table = FakeQuotaTable()
        self.now_ns = 7_200 * SECOND_NS

    def meter(self):
        return QuotaMeter(self.counters, self.table, lambda: self.now_ns)

    async def limit(self, kind, limit, agent=None):
        await self.table.change("run", agent, QuotaUpdate(**{kind.limit: limit}))

    def advance(self, seconds):
        self.now_ns += round(seconds * SECOND_NS)

    def key(self, kind):
        return quota.counter_key(kind, "run", "ann", quota.window_number(kind, self.now_ns))

    def total(self, kind):
        return self.counters.totals.get(self.key(kind), 0)

    @property
    def asked(self):
        return [amount for _, amount in self.counters.adds]


@pytest.fixture
def world():
    return World()


async def takes(meter, kind, times, amount=1):
    """Take again and again; return how much was granted."""
    granted = 0
    for _ in range(times):
        with contextlib.suppress(QuotaExceeded, Unavailable):
            await meter.take(kind, "run", "ann", amount)
            granted += amount
    return granted


async def refusal(meter, kind, amount=1):
    with pytest.raises(QuotaExceeded) as refused:
        await meter.take(kind, "run", "ann", amount)
    return refused.value


@KINDS
async def test_one_worker_is_granted_exactly_the_limit(world, kind):
    await world.limit(kind, LIMIT)

    assert await takes(world.meter(), kind, 2 * LIMIT) == LIMIT


@KINDS
async def test_most_checks_ask_nobody(world, kind):
    await world.limit(kind, 1000)

    await takes(world.meter(), kind, 500)

    assert world.asked == [100] * 5


@KINDS
@SEEDS
async def test_many_workers_together_are_granted_the_limit_but_for_a_block_each_and_never_more(
    world, kind, seed
):
    await world.limit(kind, LIMIT)
    random, meters = Random(seed), [world.meter() for _ in range(WORKERS)]

    async def work(meter):
        granted = 0
        for _ in range(20):
            await asyncio.sleep(0)
            granted += await takes(meter, kind, random.randrange(4), random.randrange(1, 4))
        return granted

    granted = sum(await asyncio.gather(*(work(meter) for meter in meters for _ in range(10))))

    assert LIMIT - WORKERS * LIMIT // quota.BLOCK_SHARE <= granted <= LIMIT


@KINDS
@SEEDS
async def test_answers_that_are_lost_grant_nothing(world, kind, seed):
    await world.limit(kind, LIMIT)
    world.counters.fail_next(*Random(seed).choices([None, None, *Failure], k=300))
    meters = [world.meter() for _ in range(WORKERS)]

    granted = await asyncio.gather(*(takes(meter, kind, 12) for meter in meters for _ in range(10)))

    assert 0 < sum(granted) <= LIMIT


@pytest.mark.parametrize("failure", list(Failure))
async def test_without_the_counter_nothing_is_granted_and_the_next_try_asks_for_no_more_than_it_needs(
    world, failure
):
    meter = world.meter()
    world.counters.fail_next(failure)

    with pytest.raises(Unavailable):
        await meter.take(QuotaKind.KV_KEYS, "run", "ann")
    await meter.take(QuotaKind.KV_KEYS, "run", "ann")

    assert world.asked == [10, 1]


async def test_without_the_table_nothing_is_granted(world):
    meter = world.meter()
    await meter.take(QuotaKind.KV_KEYS, "run", "ann")
    world.table.available = False
    world.advance(1)

    assert meter.allow(QuotaKind.KV_KEYS, "run", "ann") is None
    with pytest.raises(Unavailable):
        await meter.take(QuotaKind.KV_KEYS, "run", "ann")


async def test_all_who_miss_at_once_share_one_request(world):
    meter = world.meter()
    await meter.take(QuotaKind.ORDER_RATE, "run", "ann")
    world.advance(1)

    await asyncio.gather(*(meter.take(QuotaKind.ORDER_RATE, "run", "ann") for _ in range(30)))

    assert world.asked == [5, 30]


async def test_who_gives_up_waiting_leaves_the_others_their_answer(world):
    meter = world.meter()
    tasks = [asyncio.create_task(meter.take(QuotaKind.KV_KEYS, "run", "ann")) for _ in range(5)]
    await asyncio.sleep(0)

    tasks[0].cancel()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)

    assert isinstance(outcomes[0], asyncio.CancelledError)
    assert outcomes[1:] == [None] * 4


@WINDOWS
async def test_a_full_window_is_refused_without_asking_until_it_ends(world, kind):
    await world.limit(kind, 5)
    meter = world.meter()
    await takes(meter, kind, 5)
    world.advance(kind.window_s / 4)
    await takes(meter, kind, 100)

    refused = await refusal(meter, kind)

    assert len(world.asked) == 5
    assert refused.retry_after_ms == kind.window_s * 750
    world.advance(kind.window_s * 3 / 4)
    assert await takes(meter, kind, 6) == 5


@STOCKS
async def test_a_full_stock_is_asked_again_after_a_moment(world, kind):
    await world.limit(kind, 5)
    meter = world.meter()
    await takes(meter, kind, 100)
    assert len(world.asked) == 5

    await world.counters.add(world.key(kind), -2)
    world.advance(0.2)

    assert await takes(meter, kind, 5) == 2
    assert (await refusal(meter, kind)).retry_after_ms is None


@KINDS
async def test_a_refusal_is_known_without_waiting_once_the_limit_is_reached(world, kind):
    await world.limit(kind, 5)
    meter = world.meter()
    assert meter.refused(kind, "run", "ann") is None

    await takes(meter, kind, 5)

    assert meter.refused(kind, "run", "ann").error_code == kind.code
    assert meter.allow(kind, "run", "ann") is False


@KINDS
async def test_more_than_the_limit_at_once_takes_nothing(world, kind):
    await world.limit(kind, 5)
    meter = world.meter()

    refused = await refusal(meter, kind, 6)

    assert not refused.retryable
    assert world.total(kind) == 0
    assert await takes(meter, kind, 1, 5) == 5


@STOCKS
async def test_a_stock_that_refuses_keeps_nothing(world, kind):
    await world.limit(kind, 7)
    meter = world.meter()
    await world.counters.add(world.key(kind), 5)

    await refusal(meter, kind, 3)
    await meter._flights.all()

    assert world.total(kind) == 5
    assert await takes(meter, kind, 1, 2) == 2


@STOCKS
async def test_only_what_exists_can_be_given_back(world, kind):
    meter = world.meter()
    await meter.take(kind, "run", "ann", 3)
    if not kind.returnable:
        with pytest.raises(ValueError, match="cannot give"):
            await meter.give_back(kind, "run", "ann", 3)
        return

    await meter.give_back(kind, "run", "ann", 3)
    await meter.close()

    assert world.total(kind) == 0


@RETURNABLE
async def test_what_is_taken_and_given_back_in_turn_asks_nobody(world, kind):
    meter = world.meter()

    for _ in range(200):
        await meter.take(kind, "run", "ann")
        await meter.give_back(kind, "run", "ann")

    assert len(world.asked) == 1


@RETURNABLE
async def test_what_one_worker_gives_back_another_can_take(world, kind):
    await world.limit(kind, 100)
    meter, other = world.meter(), world.meter()
    assert await takes(meter, kind, 100) == 100
    await refusal(other, kind)

    for _ in range(60):
        await other.give_back(kind, "run", "ann")
    world.advance(0.2)

    assert await takes(meter, kind, 100) == 60


@RETURNABLE
async def test_what_was_given_back_can_be_taken_again_at_once(world, kind):
    await world.limit(kind, 3)
    meter = world.meter()
    await takes(meter, kind, 4)

    await meter.give_back(kind, "run", "ann")

    assert await takes(meter, kind, 2) == 1


@RETURNABLE
@SEEDS
async def test_no_more_is_held_than_the_limit_while_workers_take_and_give_back(world, kind, seed):
    await world.limit(kind, 60)
    random, held, most = Random(seed), 0, 0
    world.counters.fail_next(*random.choices([*[None] * 20, Failure.BEFORE], k=500))

    async def work(meter):
        nonlocal held, most
        for _ in range(60):
            world.advance(0.01)
            got = await takes(meter, kind, 1, random.randrange(1, 5))
            held += got
            most = max(most, held)
            await asyncio.sleep(0)
            if got and random.random() < 0.8:
                held -= got
                with contextlib.suppress(Unavailable):
                    await meter.give_back(kind, "run", "ann", got)

    meters = [world.meter() for _ in range(WORKERS)]
    await asyncio.gather(*(work(meter) for meter in meters for _ in range(3)))

    assert 30 < most <= 60


@STOCKS
async def test_closing_leaves_only_what_was_spent_on_the_counter(world, kind):
    meter = world.meter()
    await takes(meter, kind, 3)

    await meter.close()

    assert world.total(kind) == 3


@STOCKS
async def test_allowance_nobody_touches_goes_back(world, kind):
    await world.limit(kind, 100)
    meter = world.meter()
    await takes(meter, kind, 3)

    await meter.tidy()
    assert world.total(kind) == 10
    await meter.tidy()

    assert world.total(kind) == 3


@KINDS
async def test_a_raised_limit_is_granted_within_a_second(world, kind):
    await world.limit(kind, 5)
    meter = world.meter()
    await takes(meter, kind, 6)

    await world.limit(kind, 8, "ann")
    world.advance(1)

    assert await takes(meter, kind, 20) == (8 if kind.window_s == 1 else 3)


@KINDS
async def test_a_lowered_limit_holds_within_a_second(world, kind):
    await world.limit(kind, 100)
    meter = world.meter()
    await takes(meter, kind, 4)

    await world.limit(kind, 5)
    world.advance(1)

    assert await takes(meter, kind, 20) == (5 if kind.window_s == 1 else 1)


async def test_the_limit_in_force_is_known_without_waiting(world):
    meter = world.meter()
    assert meter.limit(QuotaKind.KV_KEYS, "run", "ann") == 100

    await world.limit(QuotaKind.KV_KEYS, 7)
    await meter.take(QuotaKind.KV_KEYS, "run", "ann")

    assert meter.limit(QuotaKind.KV_KEYS, "run", "ann") == 7


async def test_limits_are_told_to_who_counts_by_other_means_and_are_up_to_date(world):
    meter = world.meter()
    assert (await meter.quotas("run", "ann")).max_open_orders == 100

    await world.limit(QuotaKind.OPEN_ORDERS, 7)
    world.advance(1)

    assert (await meter.quotas("run", "ann")).max_open_orders == 7
    assert world.asked == []


async def test_allowance_that_could_not_be_given_back_stays_counted(world, caplog):
    meter = world.meter()
    await takes(meter, QuotaKind.KV_KEYS, 3)
    world.counters.fail_next(Failure.BEFORE)

    await meter.close()

    assert world.total(QuotaKind.KV_KEYS) == 10
    assert "may stay counted" in caplog.text


async def test_limits_are_read_again_only_after_a_change(world):
    meter = world.meter()
    for _ in range(5):
        await meter.take(QuotaKind.KV_KEYS, "run", "ann")
        world.advance(1)
    assert len(world.table.reads) == 1

    await world.limit(QuotaKind.KV_KEYS, 50)
    await meter.take(QuotaKind.KV_KEYS, "run", "ann")

    assert len(world.table.reads) == 2


async def test_nothing_is_spent_under_limits_that_were_changed(world):
    meter = world.meter()
    await meter.take(QuotaKind.KV_KEYS, "run", "ann")
    await world.limit(QuotaKind.KV_KEYS, 0, "ann")
    world.advance(1)

    await meter.take(QuotaKind.KV_KEYS, "run", "bob")

    assert meter.allow(QuotaKind.KV_KEYS, "run", "ann") is None


async def test_a_steady_agent_costs_one_increment_a_second(world):
    meter = world.meter()
    for _ in range(5):
        world.counters.adds.clear()
        await takes(meter, QuotaKind.PUBLISH_RATE, 50)
        world.advance(1)

    assert world.asked == [56]


async def test_agents_and_runs_do_not_share(world):
    meter = world.meter()
    await world.limit(QuotaKind.KV_KEYS, 1)

    await meter.take(QuotaKind.KV_KEYS, "run", "ann")
    await meter.take(QuotaKind.KV_KEYS, "run", "bob")
    await meter.take(QuotaKind.KV_KEYS, "other", "ann")

    await refusal(meter, QuotaKind.KV_KEYS)


async def test_only_so_many_agents_are_remembered_and_none_loses_allowance(world, monkeypatch):
    monkeypatch.setattr(quota_meter, "HOLDERS_MAX", 3)
    meter = world.meter()

    for agent in ("ann", "bob", "cid", "ann", "dan", "eve"):
        await meter.take(QuotaKind.KV_KEYS, "run", agent, 10)
        await meter.take(QuotaKind.KV_KEYS, "run", agent)
    await meter._flights.all()

    left = sum(holder.purses["kv_keys"].left for holder in meter._holders.values())
    assert {agent for _, agent in meter._holders} == {"ann", "dan", "eve"}
    assert sum(world.counters.totals.values()) == 6 * 11 + left


async def test_who_waits_for_allowance_is_not_forgotten(world, monkeypatch):
    monkeypatch.setattr(quota_meter, "HOLDERS_MAX", 1)
    meter = world.meter()
    for agent in ("ann", "bob"):
        await meter.take(QuotaKind.KV_KEYS, "run", agent)

    await asyncio.gather(
        *(meter.take(QuotaKind.KV_KEYS, "run", agent, 20) for agent in ("ann", "bob", "cid"))
    )
    await meter.close()

    assert sum(world.counters.totals.values()) == 2 + 3 * 20


async def test_a_clock_that_is_set_back_opens_no_window_twice(world):
    await world.limit(QuotaKind.PUBLISH_RATE, 5)
    meter = world.meter()
    await takes(meter, QuotaKind.PUBLISH_RATE, 3)
    world.advance(1)
    await takes(meter, QuotaKind.PUBLISH_RATE, 5)

    world.advance(-1)

    assert await takes(meter, QuotaKind.PUBLISH_RATE, 5) == 2


async def test_a_name_that_cannot_exist_is_refused_before_any_counter_is_asked(world):
    with pytest.raises(InvalidSubject):
        await world.meter().take(QuotaKind.KV_KEYS, "run", "ann.*")

    assert world.asked == []


async def test_a_negative_amount_is_a_mistake(world):
    meter = world.meter()
    await meter.take(QuotaKind.KV_KEYS, "run", "ann")

    assert meter.allow(QuotaKind.KV_KEYS, "run", "ann", -1) is None
    with pytest.raises(ValueError, match="cannot take -1"):
        await meter.take(QuotaKind.KV_KEYS, "run", "ann", -1)
