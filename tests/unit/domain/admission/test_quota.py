"""Arithmetic of quotas: kinds, windows, blocks and refusals."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from econsim.domain.admission import quota
from econsim.domain.admission.quota import SECOND_NS, QuotaKind
from econsim.errors import InvalidSubject
from econsim.schemas.quota import Quotas, QuotaUpdate
from econsim.streams import QUOTA_PREFIX, STREAMS

HOUR_NS = 3_600 * SECOND_NS
MONTH_S = 30 * 86_400
KINDS = pytest.mark.parametrize("kind", QuotaKind, ids=lambda kind: kind.token)


@KINDS
def test_every_kind_has_a_default_that_allows_something(kind):
    assert quota.limit_of(Quotas(), kind) > 0


def test_every_limit_is_a_kind_and_can_be_changed():
    counted = [kind.limit for kind in QuotaKind]
    assert list(Quotas.model_fields) == list(QuotaUpdate.model_fields) == [*counted, "deadline_ms"]


@KINDS
def test_every_kind_is_counted_by_one_stream_that_outlives_its_windows(kind):
    subject = f"{QUOTA_PREFIX}.{quota.pattern(kind)}"

    [stream] = [stream for stream in STREAMS if subject in stream.subjects]

    assert stream.allow_msg_counter
    assert stream.max_age_s >= (2 * kind.window_s or MONTH_S)


def test_a_counter_is_named_after_its_window():
    assert quota.counter_key(QuotaKind.PUBLISH_RATE, "run", "ann", 17) == "publish_rate.run.ann.17"
    assert quota.counter_key(QuotaKind.KV_KEYS, "run", "ann", 0) == "kv_keys.run.ann.total"


def test_a_name_that_is_no_token_names_no_counter():
    with pytest.raises(InvalidSubject):
        quota.counter_key(QuotaKind.KV_KEYS, "run", "ann.*", 0)


@pytest.mark.parametrize(
    ("kind", "now_ns", "number"),
    [
        (QuotaKind.PUBLISH_RATE, 2 * SECOND_NS - 1, 1),
        (QuotaKind.PUBLISH_RATE, 2 * SECOND_NS, 2),
        (QuotaKind.MCP_CALLS, 2 * HOUR_NS - 1, 1),
        (QuotaKind.KV_KEYS, 2 * HOUR_NS, 0),
    ],
)
def test_windows_follow_each_other_without_a_gap(kind, now_ns, number):
    assert quota.window_number(kind, now_ns) == number


@pytest.mark.parametrize(
    ("kind", "now_ns", "wait_ms"),
    [
        (QuotaKind.PUBLISH_RATE, 5 * SECOND_NS, 1000),
        (QuotaKind.PUBLISH_RATE, 5 * SECOND_NS + 1, 1000),
        (QuotaKind.PUBLISH_RATE, 6 * SECOND_NS - 1, 1),
        (QuotaKind.MCP_CALLS, HOUR_NS + SECOND_NS, 3_599_000),
        (QuotaKind.KV_KEYS, 0, None),
    ],
)
def test_the_time_until_the_next_window_is_in_milliseconds_and_never_too_short(kind, now_ns, wait_ms):
    assert quota.retry_after_ms(kind, now_ns) == wait_ms


@pytest.mark.parametrize(("total", "granted"), [(10, 10), (100, 10), (103, 7), (110, 0), (500, 0)])
def test_the_part_of_an_increment_above_the_limit_is_not_granted(total, granted):
    assert quota.granted_amount(100, total, 10) == granted


def test_blocks_shrink_to_the_needed_amount_near_the_limit():
    sizes = [quota.block_size(100, seen, 1) for seen in (0, 50, 80, 90, 98, 100)]

    assert sizes == [10, 10, 10, 5, 1, 1]


def test_a_worker_that_spent_much_in_the_last_window_takes_more_at_once():
    assert quota.block_size(100, 0, 1, expected=40) == 40
    assert quota.block_size(100, 50, 1, expected=80) == 50


def test_the_agents_limits_win_over_the_runs_and_those_over_the_defaults():
    of_run = QuotaUpdate(max_kv_keys=5, max_order_rate=7)

    quotas = quota.effective_limits(of_run, QuotaUpdate(max_kv_keys=0))

    assert (quotas.max_kv_keys, quotas.max_order_rate, quotas.max_open_orders) == (0, 7, 100)


def test_a_refusal_says_which_limit_and_when_to_try_again():
    refused = quota.refusal(QuotaKind.PUBLISH_RATE, 100, 99, 2, 3 * SECOND_NS // 4)

    assert refused.error_code == "publish_rate_is_exceeded"
    assert (refused.retryable, refused.retry_after_ms) == (True, 250)
    assert refused.details == {"quota": "max_publish_rate", "limit": "100", "used": "99"}
    assert "try again in 250 ms" in str(refused)


@pytest.mark.parametrize(("kind", "amount"), [(QuotaKind.KV_KEYS, 1), (QuotaKind.PUBLISH_RATE, 101)])
def test_an_amount_that_no_new_window_allows_is_not_worth_a_retry(kind, amount):
    refused = quota.refusal(kind, 100, 100, amount, 0)

    assert (refused.retryable, refused.retry_after_ms) == (False, None)


@given(
    increments=st.lists(st.tuples(st.integers(1, 50), st.booleans()), max_size=60), limit=st.integers(0, 500)
)
def test_increments_of_any_size_are_granted_up_to_the_limit_less_the_lost_answers(increments, limit):
    total = granted = lost = 0
    for increment, answered in increments:
        total += increment
        granted += quota.granted_amount(limit, total, increment) if answered else 0
        lost += 0 if answered else increment

    assert min(limit, total) - lost <= granted <= min(limit, total)
