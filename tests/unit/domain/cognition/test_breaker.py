"""The breaker's table: a provider that fails again and again is left alone, and one probe tells when it is back."""

import pytest

from econsim.domain.cognition.breaker import (
    FAILURES_MAX,
    PATIENCE_MS,
    PAUSE_MS,
    Admission,
    Breaker,
    BreakerState,
    Ending,
    admit,
    failure_ending,
    note_ending,
)
from econsim.schemas.cognition import CallFailure


def noted(breaker, *endings, now=0):
    for ending in endings:
        breaker = note_ending(breaker, Admission.CALL, ending, now)
    return breaker


def opened(now=0):
    return noted(Breaker(), *[Ending.FAILED] * FAILURES_MAX, now=now)


def test_failures_in_a_row_open_the_breaker():
    breaker = noted(Breaker(), *[Ending.FAILED] * (FAILURES_MAX - 1))

    assert admit(breaker, 0)[1] is Admission.CALL
    assert admit(opened(), PAUSE_MS - 1)[1] is Admission.REFUSED


def test_an_answer_between_failures_keeps_it_closed():
    failures = [Ending.FAILED] * (FAILURES_MAX - 1)

    breaker = noted(Breaker(), *failures, Ending.SUCCEEDED, *failures)

    assert breaker.state is BreakerState.CLOSED


def test_one_call_alone_is_the_probe():
    breaker, first = admit(opened(), PAUSE_MS)

    assert first is Admission.PROBE
    assert admit(breaker, PAUSE_MS)[1] is Admission.REFUSED


def test_a_probe_that_is_answered_closes_the_breaker():
    breaker, probe = admit(opened(), PAUSE_MS)

    assert note_ending(breaker, probe, Ending.SUCCEEDED, PAUSE_MS) == Breaker()


def test_a_probe_that_fails_opens_it_for_another_pause():
    breaker, probe = admit(opened(), PAUSE_MS)

    breaker = note_ending(breaker, probe, Ending.FAILED, PAUSE_MS)

    assert admit(breaker, 2 * PAUSE_MS - 1)[1] is Admission.REFUSED
    assert admit(breaker, 2 * PAUSE_MS)[1] is Admission.PROBE


def test_a_probe_that_is_cancelled_leaves_the_next_call_to_probe():
    breaker, probe = admit(opened(), PAUSE_MS)

    breaker = note_ending(breaker, probe, Ending.NEITHER, PAUSE_MS)

    assert admit(breaker, PAUSE_MS)[1] is Admission.PROBE


@pytest.mark.parametrize("late", list(Ending))
def test_a_call_from_before_it_opened_decides_nothing(late):
    breaker, _ = admit(opened(), PAUSE_MS)

    assert noted(breaker, late, now=PAUSE_MS) == breaker
    assert noted(opened(), late) == opened()


@pytest.mark.parametrize(
    ("failure", "given_ms", "ending"),
    [
        (CallFailure.PROVIDER_FAILED, 1, Ending.FAILED),
        (CallFailure.ANSWER_IS_INCOMPLETE, 1, Ending.FAILED),
        (CallFailure.PROVIDER_TIMED_OUT, PATIENCE_MS, Ending.FAILED),
        (CallFailure.PROVIDER_TIMED_OUT, PATIENCE_MS - 1, Ending.NEITHER),
        (CallFailure.PROVIDER_IS_BUSY, PATIENCE_MS, Ending.SUCCEEDED),
        (CallFailure.PROVIDER_REFUSED, PATIENCE_MS, Ending.SUCCEEDED),
        (CallFailure.ANSWER_IS_TOO_LARGE, PATIENCE_MS, Ending.SUCCEEDED),
    ],
)
def test_only_a_provider_that_is_down_counts_as_failed(failure, given_ms, ending):
    assert failure_ending(failure, given_ms) is ending
