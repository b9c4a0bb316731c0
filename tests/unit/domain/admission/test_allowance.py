"""Local allowance, and a property: in whatever order workers act, together they never have more than the limit."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from requirements import requirement

from econsim.domain.admission.allowance import AgentQuotas
from econsim.domain.admission.common_allowance import open_common
from econsim.domain.admission.quota import SECOND_NS, QuotaKind
from econsim.schemas.quota import Quotas


class Worker:
    """The allowance of one worker and its spent amount, on counters shared with other workers."""

    def __init__(self, kind, limit, counter, common_counter):
        quotas = AgentQuotas("run", "ann", Quotas(**{kind.limit: limit}), 0)
        self.common = open_common(kind, "run", 0) if kind.common else None
        self.allowance = quotas.open_window(kind, 0, self.common)
        self.counter, self.common_counter = counter, common_counter
        self.spent = self.increment = self.block_max = 0

    def send_increment(self, _=0):
        """Send an increment, unless one is under way; its answer is received later."""
        if not self.increment:
            self.allowance.waiting_amount = self.allowance.unspent + 1
            self.increment = self.allowance.next_increment()
            self.block_max = max(self.block_max, self.increment)
            self.counter[0] += self.increment
            self.total = self.counter[0]

    def receive_answer(self, _=0):
        if self.increment:
            self.counter[0] -= self.allowance.add_block(self.total, self.increment)
            self.increment = 0

    def take_common(self, _=0):
        if self.common:
            increment = self.common.next_increment()
            self.common_counter[0] += increment
            self.common.add_block(self.common_counter[0], increment)

    def spend(self, amount):
        if self.allowance.spend(amount, 0):
            self.spent += amount


def worker_with_a_block(kind, limit):
    worker = Worker(kind, limit, [0], [0])
    worker.send_increment()
    worker.receive_answer()
    return worker


@given(
    kind=st.sampled_from(list(QuotaKind)),
    limit=st.integers(0, 300),
    moves=st.lists(
        st.tuples(
            st.integers(0, 7),
            st.sampled_from([Worker.send_increment, Worker.receive_answer, Worker.take_common, Worker.spend]),
            st.integers(1, 9),
        ),
        max_size=300,
    ),
)
@requirement("operations.quotas")
def test_no_interleaving_of_workers_has_more_than_the_limit(kind, limit, moves):
    counters = [0], [0]
    workers = [Worker(kind, limit, *counters) for _ in range(8)]

    for place, move, amount in moves:
        move(workers[place], amount)

    assert sum(worker.spent + worker.allowance.unspent for worker in workers) <= limit


@given(limit=st.integers(0, 300), eager=st.lists(st.integers(0, 7), min_size=1, max_size=20))
def test_at_most_a_block_of_each_worker_stays_unspent(limit, eager):
    counter = [0]
    workers = [Worker(QuotaKind.MCP_CALLS, limit, counter, [0]) for _ in range(8)]
    for worker in workers:
        worker.send_increment()
    while counter[0] < limit:
        for place in eager:
            workers[place].receive_answer()
            workers[place].send_increment()
    for place in eager:
        workers[place].receive_answer()
        workers[place].spend(workers[place].allowance.unspent)

    spent = sum(worker.spent for worker in workers)

    assert limit - sum(worker.block_max for worker in workers) <= spent <= limit


def test_a_lowered_limit_voids_allowance_of_a_window_above_it():
    worker = worker_with_a_block(QuotaKind.PUBLISH_RATE, 100)
    worker.spend(2)

    assert worker.allowance.change_limit(5) == 0

    assert worker.allowance.unspent == 3
    assert worker.allowance.must_refuse(4, 0)


def test_a_lowered_limit_releases_all_allowance_of_a_stock():
    worker = worker_with_a_block(QuotaKind.OPEN_ORDERS, 100)
    worker.spend(2)

    assert worker.allowance.change_limit(50) == 8

    assert worker.allowance.unspent == 0


@pytest.mark.parametrize(("second", "expected"), [(1, 45), (9, 0)])
def test_a_window_expects_the_spending_of_the_window_just_before(second, expected):
    quotas = AgentQuotas("run", "ann", Quotas(), 0)
    before = quotas.open_window(QuotaKind.PUBLISH_RATE, 0)
    before.add_block(60, 60)
    before.spend(40, 0)

    after = quotas.open_window(QuotaKind.PUBLISH_RATE, second * SECOND_NS)

    assert (after.key, after.expected_spending, after.unspent) == (
        f"publish_rate.run.ann.{second}",
        expected,
        0,
    )


def test_a_stock_keeps_of_a_returned_amount_no_more_than_a_block():
    worker = worker_with_a_block(QuotaKind.OPEN_ORDERS, 100)
    worker.spend(10)

    assert worker.allowance.take_back(25) == 15

    assert worker.allowance.unspent == 10


def test_an_unknown_outcome_shrinks_the_next_increment_to_the_waiting_amount():
    allowance = AgentQuotas("run", "ann", Quotas(), 0).open_window(QuotaKind.OPEN_ORDERS, 0)
    allowance.waiting_amount = 3
    assert allowance.next_increment() == 10

    allowance.outcome_unknown = True

    assert allowance.next_increment() == 3


def test_idle_stocks_are_those_with_unspent_allowance():
    quotas = AgentQuotas("run", "ann", Quotas(), 0)
    for kind in (QuotaKind.PUBLISH_RATE, QuotaKind.OPEN_ORDERS, QuotaKind.KV_KEYS):
        quotas.open_window(kind, 0)
    quotas.allowances["publish_rate"].add_block(10, 10)
    quotas.allowances["open_orders"].add_block(10, 10)

    assert [allowance.kind for allowance in quotas.unspent_stocks] == [QuotaKind.OPEN_ORDERS]
    assert not quotas.is_waiting


def test_a_lowered_limit_counts_from_the_end_of_the_granted_part_of_a_block():
    allowance = AgentQuotas("run", "ann", Quotas(), 0).open_window(QuotaKind.MCP_CALLS, 0)
    allowance.add_block(total=65, increment=10)

    allowance.change_limit(58)

    assert allowance.unspent == 3
