"""The units of a window that workers take for every agent of a run at once: who gets them, and what agents have of them."""

import pytest

from econsim.domain.admission import quota
from econsim.domain.admission.allowance import AgentQuotas
from econsim.domain.admission.common_allowance import RUNS_MAX, CommonAllowances, open_common
from econsim.domain.admission.quota import SECOND_NS, QuotaKind
from econsim.schemas.quota import Quotas

ONLY_SECONDS = [kind for kind in QuotaKind if kind.window_s == 1]


@pytest.fixture
def common():
    return open_common(QuotaKind.PUBLISH_RATE, "run", 7 * SECOND_NS)


def test_only_seconds_have_common_units():
    assert [kind for kind in QuotaKind if kind.common] == ONLY_SECONDS
    assert [kind.common for kind in ONLY_SECONDS] == [10, 5]


def test_workers_take_half_of_the_rest_each_until_nothing_is_left(common):
    increments = []
    while increment := common.next_increment():
        increments.append(increment)
        common.add_block(sum(increments), increment)

    assert increments == [5, 3, 1, 1]
    assert (common.taken, common.room) == (10, 0)


def test_units_that_other_workers_took_are_not_granted(common):
    common.add_block(total=12, increment=5)

    assert (common.taken, common.room, common.next_increment()) == (3, 0, 0)


def test_an_unknown_outcome_shrinks_the_next_increment_to_one(common):
    common.outcome_unknown = True

    assert common.next_increment() == 1


def test_each_agent_has_what_was_taken_once_in_a_window(common):
    common.add_block(total=5, increment=5)
    windows = [
        AgentQuotas("run", agent, Quotas(), 0).open_window(QuotaKind.PUBLISH_RATE, 7 * SECOND_NS, common)
        for agent in ("ann", "bob")
    ]

    for window in windows:
        assert [window.spend(1, 7 * SECOND_NS) for _ in range(6)] == [True] * 5 + [None]


@pytest.mark.parametrize(("limit", "part"), [(99, 0), (100, 10), (1000, 10)])
def test_a_limit_below_the_default_has_no_common_part(common, limit, part):
    quotas = AgentQuotas("run", "ann", Quotas(max_publish_rate=limit), 0)
    window = quotas.open_window(QuotaKind.PUBLISH_RATE, 7 * SECOND_NS, common)

    assert quota.common_part(QuotaKind.PUBLISH_RATE, limit) == part
    assert window.own_limit == limit - part


def test_a_limit_lowered_below_the_default_voids_common_units_too(common):
    common.add_block(total=5, increment=5)
    quotas = AgentQuotas("run", "ann", Quotas(), 0)
    window = quotas.open_window(QuotaKind.PUBLISH_RATE, 7 * SECOND_NS, common)
    window.spend(2, 7 * SECOND_NS)

    window.change_limit(0)

    assert window.spend(1, 7 * SECOND_NS) is False


def test_the_common_counter_is_no_agent_s():
    assert open_common(QuotaKind.ORDER_RATE, "run", 7 * SECOND_NS).key == "order_rate.run.all.7"


def test_a_worker_has_one_common_allowance_a_window_and_remembers_those_of_many_runs():
    commons, kind = CommonAllowances(), QuotaKind.ORDER_RATE
    first = commons.current(kind, "run", 0)

    assert commons.current(kind, "run", SECOND_NS - 1) is first
    assert commons.current(kind, "run", SECOND_NS) is not first
    others = [commons.current(kind, f"run_{i}", SECOND_NS) for i in range(3 * RUNS_MAX)]
    assert commons.current(kind, f"run_{3 * RUNS_MAX - 1}", SECOND_NS) is others[-1]
