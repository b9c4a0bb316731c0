"""One meter and many on shared counters: amounts granted, refused and given back, and requests to the server."""

import asyncio
import contextlib
from collections import Counter
from random import Random

import pytest

from econsim.domain.admission import quota
from econsim.domain.admission.quota import SECOND_NS, QuotaKind
from econsim.errors import InvalidSubject, QuotaExceeded, Unavailable
from econsim.schemas.quota import Quotas, QuotaUpdate
from econsim.services.quota_meter import QuotaMeter
from econsim.testing import Failure, FakeCounters, FakeQuotaTable


def each(kinds):
    return pytest.mark.parametrize("kind", kinds, ids=lambda kind: kind.token)


KINDS = each(list(QuotaKind))
STOCKS = each([kind for kind in QuotaKind if not kind.window_s])
RETURNABLE = each([kind for kind in QuotaKind if kind.returnable])
COMMON = each([kind for kind in QuotaKind if kind.common])
WINDOWS = each([kind for kind in QuotaKind if kind.window_s])
SEEDS = pytest.mark.parametrize("seed", range(5))
LIMIT, WORKERS = 200, 8


class World:
    """Counters, quota table and clock, shared by meters."""

    def __init__(self):
        self.counters = FakeCounters()
        self.table = FakeQuotaTable()
        self.now_ns = 7_200 * SECOND_NS

    def meter(self, **limits):
        return QuotaMeter(self.counters, self.table, lambda: self.now_ns, **limits)

    async def limit(self, kind, limit, agent=None):
        await self.table.change("run", agent, QuotaUpdate(**{kind.limit: limit}))

    def advance(self, seconds):
        self.now_ns += round(seconds * SECOND_NS)

    def key(self, kind, agent="ann"):
        return quota.counter_key(kind, "run", agent, quota.window_number(kind, self.now_ns))

    def total(self, kind, agent="ann"):
        return self.counters.totals.get(self.key(kind, agent), 0)

    @property
    def increments(self):
        return [amount for _, amount in self.counters.adds]


@pytest.fixture
def world():
    return World()


async def take_repeatedly(meter, kind, times, amount=1):
    """Take an amount again and again; return the sum of the granted amounts."""
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

    assert await take_repeatedly(world.meter(), kind, 2 * LIMIT) == LIMIT


@each([kind for kind in QuotaKind if not kind.common])
async def test_most_checks_send_no_request(world, kind):
    await world.limit(kind, 1000)

    await take_repeatedly(world.meter(), kind, 500)

    assert world.increments == [100] * 5


@COMMON
async def test_agents_that_hardly_speak_share_one_increment_a_second(world, kind):
    meter = world.meter()
    await meter.take(kind, "run", "ann")

    for second in range(3):
        world.advance(second)
        await asyncio.gather(*(meter.take(kind, "run", f"agent_{i}", 2) for i in range(50)))

    assert [key for key, _ in world.counters.adds] == [
        quota.counter_key(kind, "run", "all", number) for number in (7200, 7201, 7203)
    ]


@COMMON
async def test_a_busy_agent_takes_its_own_block_while_it_spends_common_units(world, kind):
    meter = world.meter()
    for _ in range(3):
        world.counters.adds.clear()
        assert await take_repeatedly(meter, kind, 40) == 40
        world.advance(1)

    assert len(world.increments) == 2


@COMMON
async def test_a_small_limit_is_not_divided_among_workers(world, kind):
    await world.limit(kind, 3, "ann")
    meter, other = world.meter(), world.meter()
    for agent in ("bob", "cid"):
        await meter.take(kind, "run", agent)

    assert await take_repeatedly(other, kind, 4) == 3


@COMMON
@SEEDS
async def test_no_agent_gets_more_than_its_limit_while_workers_crash_and_limits_change(world, kind, seed):
    random, granted, highest = Random(seed), Counter(), {}
    meters = [world.meter() for _ in range(3)]
    limits = dict.fromkeys("abc", 2 * kind.common * quota.BLOCK_SHARE)
    world.counters.fail_next(*random.choices([*[None] * 20, *Failure], k=400))
    for step in range(200):
        agent, place = random.choice("abc"), random.randrange(3)
        if step % 40 == 0:
            limits[agent] = random.choice([3, 2 * kind.common, 10 * kind.common, 20 * kind.common])
            await world.limit(kind, limits[agent], agent)
            world.advance(1)
        if random.random() < 0.05:
            meters[place] = world.meter()
        for _ in range(random.randrange(60)):
            with contextlib.suppress(QuotaExceeded, Unavailable):
                await meters[place].take(kind, "run", agent)
                granted[agent, world.now_ns // SECOND_NS] += 1
        # A worker learns of a change within a second, in which the old limit may still hold.
        highest.setdefault(world.now_ns // SECOND_NS, dict(limits))
        world.advance(random.choice([0, 0, 0, 0.3]))

    for (agent, second), amount in granted.items():
        assert amount <= max(limits[agent] for at, limits in highest.items() if second - 1 <= at <= second)


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
            granted += await take_repeatedly(meter, kind, random.randrange(4), random.randrange(1, 4))
        return granted

    granted = sum(await asyncio.gather(*(work(meter) for meter in meters for _ in range(10))))

    assert LIMIT - WORKERS * LIMIT // quota.BLOCK_SHARE <= granted <= LIMIT


@KINDS
@SEEDS
async def test_answers_that_are_lost_grant_nothing(world, kind, seed):
    await world.limit(kind, LIMIT)
    world.counters.fail_next(*Random(seed).choices([None, None, *Failure], k=300))
    meters = [world.meter() for _ in range(WORKERS)]

    granted = await asyncio.gather(*(take_repeatedly(meter, kind, 12) for meter in meters for _ in range(10)))

    assert 0 < sum(granted) <= LIMIT


@pytest.mark.parametrize("failure", list(Failure))
async def test_without_the_counter_nothing_is_granted_and_the_next_increment_is_as_small_as_possible(
    world, failure
):
    meter = world.meter()
    world.counters.fail_next(failure)

    with pytest.raises(Unavailable):
        await meter.take(QuotaKind.KV_KEYS, "run", "ann")
    await meter.take(QuotaKind.KV_KEYS, "run", "ann")

    assert world.increments == [10, 1]


async def test_without_the_table_nothing_is_granted(world):
    meter = world.meter()
    await meter.take(QuotaKind.KV_KEYS, "run", "ann")
    world.table.available = False
    world.advance(1)

    assert meter.allow(QuotaKind.KV_KEYS, "run", "ann") is None
    with pytest.raises(Unavailable):
        await meter.take(QuotaKind.KV_KEYS, "run", "ann")


async def test_callers_without_allowance_share_one_request(world):
    meter = world.meter()
    await meter.take(QuotaKind.ORDER_RATE, "run", "ann")
    world.advance(1)

    await asyncio.gather(*(meter.take(QuotaKind.ORDER_RATE, "run", "ann") for _ in range(30)))

    assert len(world.increments) <= 3


async def test_a_cancelled_caller_leaves_the_others_their_answer(world):
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
    await take_repeatedly(meter, kind, 5)
    world.advance(kind.window_s / 4)
    await take_repeatedly(meter, kind, 100)

    refused = await refusal(meter, kind)

    assert len(world.increments) == 5
    assert refused.retry_after_ms == kind.window_s * 750
    world.advance(kind.window_s * 3 / 4)
    assert await take_repeatedly(meter, kind, 6) == 5


@STOCKS
async def test_the_counter_of_a_full_stock_is_asked_again_after_a_moment(world, kind):
    await world.limit(kind, 5)
    meter = world.meter()
    await take_repeatedly(meter, kind, 100)
    assert len(world.increments) == 5

    await world.counters.add(world.key(kind), -2)
    world.advance(0.2)

    assert await take_repeatedly(meter, kind, 5) == 2
    assert (await refusal(meter, kind)).retry_after_ms is None


@KINDS
async def test_a_refusal_is_known_without_waiting_once_the_limit_is_reached(world, kind):
    await world.limit(kind, 5)
    meter = world.meter()
    assert meter.certain_refusal(kind, "run", "ann") is None

    await take_repeatedly(meter, kind, 5)

    assert meter.certain_refusal(kind, "run", "ann").error_code == kind.code
    assert meter.allow(kind, "run", "ann") is False


@KINDS
async def test_more_than_the_limit_at_once_takes_nothing(world, kind):
    await world.limit(kind, 5)
    meter = world.meter()

    refused = await refusal(meter, kind, 6)

    assert not refused.retryable
    assert world.total(kind) == 0
    assert await take_repeatedly(meter, kind, 1, 5) == 5


@STOCKS
async def test_a_stock_that_refuses_keeps_nothing(world, kind):
    await world.limit(kind, 7)
    meter = world.meter()
    await world.counters.add(world.key(kind), 5)

    await refusal(meter, kind, 3)
    await meter.wait_for_requests()

    assert world.total(kind) == 5
    assert await take_repeatedly(meter, kind, 1, 2) == 2


@STOCKS
async def test_only_stocks_that_allow_it_can_be_given_back(world, kind):
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
async def test_amounts_taken_and_given_back_in_turn_send_no_request(world, kind):
    meter = world.meter()

    for _ in range(200):
        await meter.take(kind, "run", "ann")
        await meter.give_back(kind, "run", "ann")

    assert len(world.increments) == 1


@RETURNABLE
async def test_an_amount_that_one_worker_gives_back_another_can_take(world, kind):
    await world.limit(kind, 100)
    meter, other = world.meter(), world.meter()
    assert await take_repeatedly(meter, kind, 100) == 100
    await refusal(other, kind)

    for _ in range(60):
        await other.give_back(kind, "run", "ann")
    world.advance(0.2)

    assert await take_repeatedly(meter, kind, 100) == 60


@RETURNABLE
async def test_an_amount_given_back_can_be_taken_again_at_once(world, kind):
    await world.limit(kind, 3)
    meter = world.meter()
    await take_repeatedly(meter, kind, 4)

    await meter.give_back(kind, "run", "ann")

    assert await take_repeatedly(meter, kind, 2) == 1


@RETURNABLE
@SEEDS
async def test_no_more_than_the_limit_is_in_use_while_workers_take_and_give_back(world, kind, seed):
    await world.limit(kind, 60)
    random, in_use, most = Random(seed), 0, 0
    world.counters.fail_next(*random.choices([*[None] * 20, Failure.BEFORE], k=500))

    async def work(meter):
        nonlocal in_use, most
        for _ in range(60):
            world.advance(0.01)
            got = await take_repeatedly(meter, kind, 1, random.randrange(1, 5))
            in_use += got
            most = max(most, in_use)
            await asyncio.sleep(0)
            if got and random.random() < 0.8:
                in_use -= got
                with contextlib.suppress(Unavailable):
                    await meter.give_back(kind, "run", "ann", got)

    meters = [world.meter() for _ in range(WORKERS)]
    await asyncio.gather(*(work(meter) for meter in meters for _ in range(3)))

    assert 30 < most <= 60


@STOCKS
async def test_closing_leaves_only_the_spent_amount_on_the_counter(world, kind):
    meter = world.meter()
    await take_repeatedly(meter, kind, 3)

    await meter.close()

    assert world.total(kind) == 3


@STOCKS
async def test_idle_allowance_is_returned(world, kind):
    await world.limit(kind, 100)
    meter = world.meter()
    await take_repeatedly(meter, kind, 3)

    await meter.return_idle()
    assert world.total(kind) == 10
    await meter.return_idle()

    assert world.total(kind) == 3


@KINDS
async def test_a_raised_limit_is_granted_within_a_second(world, kind):
    await world.limit(kind, 5)
    meter = world.meter()
    await take_repeatedly(meter, kind, 6)

    await world.limit(kind, 8, "ann")
    world.advance(1)

    assert await take_repeatedly(meter, kind, 20) == (8 if kind.window_s == 1 else 3)


@KINDS
async def test_a_lowered_limit_holds_within_a_second(world, kind):
    await world.limit(kind, 100)
    meter = world.meter()
    await take_repeatedly(meter, kind, 4)

    await world.limit(kind, 5)
    world.advance(1)

    assert await take_repeatedly(meter, kind, 20) == (5 if kind.window_s == 1 else 1)


async def test_the_limit_in_force_is_known_without_waiting(world):
    meter = world.meter()
    assert meter.limit(QuotaKind.KV_KEYS, "run", "ann") == 100

    await world.limit(QuotaKind.KV_KEYS, 7)
    await meter.take(QuotaKind.KV_KEYS, "run", "ann")

    assert meter.limit(QuotaKind.KV_KEYS, "run", "ann") == 7


async def test_limits_are_up_to_date_for_a_caller_that_counts_by_itself(world):
    meter = world.meter()
    assert (await meter.quotas("run", "ann")).max_open_orders == 100

    await world.limit(QuotaKind.OPEN_ORDERS, 7)
    world.advance(1)

    assert (await meter.quotas("run", "ann")).max_open_orders == 7
    assert world.increments == []


async def test_allowance_that_could_not_be_given_back_stays_counted(world, caplog):
    meter = world.meter()
    await take_repeatedly(meter, QuotaKind.KV_KEYS, 3)
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


async def test_a_steady_agent_costs_one_increment_a_second_beside_that_for_all(world):
    meter = world.meter()
    for _ in range(5):
        world.counters.adds.clear()
        await take_repeatedly(meter, QuotaKind.PUBLISH_RATE, 50)
        world.advance(1)

    assert sorted(world.increments) == [5, 57]


async def test_agents_and_runs_do_not_share(world):
    meter = world.meter()
    await world.limit(QuotaKind.KV_KEYS, 1)

    await meter.take(QuotaKind.KV_KEYS, "run", "ann")
    await meter.take(QuotaKind.KV_KEYS, "run", "bob")
    await meter.take(QuotaKind.KV_KEYS, "other", "ann")

    await refusal(meter, QuotaKind.KV_KEYS)


async def test_agents_unused_longest_are_forgotten_and_their_allowance_returns(world):
    meter = world.meter(agents_max=3)

    for agent in ("ann", "bob", "cid", "ann", "dan", "eve"):
        await meter.take(QuotaKind.KV_KEYS, "run", agent, 10)
        await meter.take(QuotaKind.KV_KEYS, "run", agent)
    await meter.wait_for_requests()

    forgotten = [
        agent for agent in ("bob", "cid", "dan", "eve") if world.total(QuotaKind.KV_KEYS, agent) == 11
    ]
    assert forgotten == ["bob", "cid"]
    await meter.close()
    assert sum(world.counters.totals.values()) == 6 * 11


async def test_an_agent_that_waits_for_allowance_is_not_forgotten(world):
    meter = world.meter(agents_max=1)
    for agent in ("ann", "bob"):
        await meter.take(QuotaKind.KV_KEYS, "run", agent)

    await asyncio.gather(
        *(meter.take(QuotaKind.KV_KEYS, "run", agent, 20) for agent in ("ann", "bob", "cid"))
    )
    await meter.close()

    assert sum(world.counters.totals.values()) == 2 + 3 * 20


async def test_an_agent_that_was_forgotten_has_no_unit_of_a_second_twice(world):
    meter = world.meter(agents_max=1)
    limit = quota.limit_of(Quotas(), QuotaKind.PUBLISH_RATE)

    granted = 0
    for _ in range(2 * limit):
        granted += await take_repeatedly(meter, QuotaKind.PUBLISH_RATE, 1)
        with contextlib.suppress(QuotaExceeded):
            await meter.take(QuotaKind.PUBLISH_RATE, "run", "bob")

    assert 0 < granted <= limit


async def test_a_clock_that_is_set_back_opens_no_window_twice(world):
    await world.limit(QuotaKind.PUBLISH_RATE, 5)
    meter = world.meter()
    await take_repeatedly(meter, QuotaKind.PUBLISH_RATE, 3)
    world.advance(1)
    await take_repeatedly(meter, QuotaKind.PUBLISH_RATE, 5)

    world.advance(-1)

    assert await take_repeatedly(meter, QuotaKind.PUBLISH_RATE, 5) == 2


async def test_a_name_that_cannot_exist_is_refused_before_any_increment(world):
    with pytest.raises(InvalidSubject):
        await world.meter().take(QuotaKind.KV_KEYS, "run", "ann.*")

    assert world.increments == []


async def test_a_negative_amount_is_a_mistake(world):
    meter = world.meter()
    await meter.take(QuotaKind.KV_KEYS, "run", "ann")

    assert meter.allow(QuotaKind.KV_KEYS, "run", "ann", -1) is None
    with pytest.raises(ValueError, match="cannot take -1"):
        await meter.take(QuotaKind.KV_KEYS, "run", "ann", -1)
