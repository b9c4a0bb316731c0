"""The circuit breaker of a provider: a provider that fails again and again is left alone for a while. Pure.

Time is handed in, as milliseconds of any clock that never goes back. Transitions::

    state       event                                         next state
    closed      call succeeded                                closed, failures = 0
    closed      call failed, fewer than FAILURES_MAX in a row closed, failures + 1
    closed      call failed, FAILURES_MAX in a row            open, for PAUSE_MS
    open        call is asked for before the pause is over    open; the call is refused
    open        call is asked for after the pause             half open; this call is the probe
    half open   call is asked for                             half open; the call is refused
    half open   probe succeeded                               closed
    half open   probe failed                                  open, for PAUSE_MS
    half open   probe ended without saying either             open; the next call is the probe

A call that ends neither way (cancelled, or refused as the caller's fault) changes nothing else, and neither does the
late ending of a call that was admitted before the breaker opened.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from econsim.schemas.base import Word
from econsim.schemas.cognition import CallFailure

FAILURES_MAX: Final = 5
"""Failures in a row that open the breaker: fewer are common on a good day of any provider."""

PAUSE_MS: Final = 10_000
"""Milliseconds until the probe: a restart of a server takes about as long."""

PATIENCE_MS: Final = 5_000
"""Milliseconds that a provider had at least if its time-out counts as a failure. Without it, a few calls with a deadline
of 1 ms would close a provider to everybody."""


class BreakerState(Word):
    """The state of a breaker."""

    CLOSED = "closed"
    """Calls are admitted."""
    OPEN = "open"
    """Calls are refused until the pause is over."""
    HALF_OPEN = "half_open"
    """One call, the probe, is under way; others are refused."""


class Admission(Word):
    """The answer of a breaker to a call that is asked for."""

    CALL = "call"
    """The call may be made."""
    PROBE = "probe"
    """The call may be made; its ending decides about the calls after it."""
    REFUSED = "refused"
    """The provider is left alone for now."""


class Ending(Word):
    """The ending of a call, as far as it tells about its provider."""

    SUCCEEDED = "succeeded"
    """The provider answered, if only to refuse."""
    FAILED = "failed"
    """The provider failed."""
    NEITHER = "neither"
    """The call tells nothing about its provider."""


@dataclass(frozen=True, slots=True)
class Breaker:
    """The circuit breaker of one provider."""

    state: BreakerState = BreakerState.CLOSED
    """State of the breaker."""
    failures: int = 0
    """Failed calls since the last answer."""
    retry_at_ms: int = 0
    """Time of the next probe, milliseconds; in state open."""


def admit(breaker: Breaker, now_ms: int) -> tuple[Breaker, Admission]:
    """Return the breaker after a call was asked for, and whether the call may be made."""
    if breaker.state is BreakerState.CLOSED:
        return breaker, Admission.CALL
    if breaker.state is BreakerState.OPEN and now_ms >= breaker.retry_at_ms:
        return replace(breaker, state=BreakerState.HALF_OPEN), Admission.PROBE
    return breaker, Admission.REFUSED


def note_ending(breaker: Breaker, admission: Admission, ending: Ending, now_ms: int) -> Breaker:
    """Return the breaker after an admitted call has ended."""
    is_probe = admission is Admission.PROBE
    if not is_probe and breaker.state is not BreakerState.CLOSED:
        return breaker
    if ending is Ending.SUCCEEDED:
        return Breaker()
    if ending is Ending.NEITHER:
        return replace(breaker, state=BreakerState.OPEN, retry_at_ms=now_ms) if is_probe else breaker
    failures = breaker.failures + 1
    if is_probe or failures >= FAILURES_MAX:
        return Breaker(BreakerState.OPEN, failures, now_ms + PAUSE_MS)
    return replace(breaker, failures=failures)


def failure_ending(failure: CallFailure, given_ms: int) -> Ending:
    """Return what a failure tells about the provider that had `given_ms` to answer.

    A busy provider (429) and one that refuses a request, or answers nonsense to it, are up; a prompt can provoke both.
    """
    match failure:
        case CallFailure.PROVIDER_FAILED | CallFailure.ANSWER_IS_INCOMPLETE:
            return Ending.FAILED
        case CallFailure.PROVIDER_TIMED_OUT:
            return Ending.FAILED if given_ms >= PATIENCE_MS else Ending.NEITHER
        case _:
            return Ending.SUCCEEDED
