"""The circuit breaker of a tool server, shared by the workers of the gateway. Pure.

Each worker counts the failures it sees itself. A breaker that opens, sends its probe, or closes is written where all
workers read it, with the revision that it must have: of two workers that would send the probe one is refused. A probe whose worker died
is over after PROBE_MS. Transitions are those of `domain/cognition/breaker.py`; time is the wall clock's, in milliseconds.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from pydantic import TypeAdapter

from econsim.domain.cognition.breaker import Admission, Breaker, BreakerState, Ending, admit
from econsim.schemas.mcp import ToolFailure

PROBE_MS: Final = 60_000
"""Milliseconds after which a probe without an ending no longer keeps others from trying."""

PATIENCE_MS: Final = 5_000
"""Milliseconds that a server had at least if its time-out counts as a failure. Without it, a few calls with a deadline
of 1 ms would close a server to everybody."""

_BREAKER: Final = TypeAdapter(Breaker)


def admit_call(breaker: Breaker, now_ms: int) -> tuple[Breaker, Admission]:
    """Return the breaker after a call was asked for, and whether the call may be made."""
    if breaker.state is BreakerState.HALF_OPEN and now_ms >= breaker.retry_at_ms:
        breaker = replace(breaker, state=BreakerState.OPEN)
    after, admission = admit(breaker, now_ms)
    if admission is Admission.PROBE:
        after = replace(after, retry_at_ms=now_ms + PROBE_MS)
    return after, admission


def failure_ending(failure: ToolFailure, given_ms: int) -> Ending:
    """Return what a failure tells about the server that had `given_ms` to answer.

    A busy server (429) and one that refuses a request are up; so is one whose answer is too large or as no schema
    has it, which arguments can provoke.
    """
    match failure:
        case ToolFailure.TOOL_SERVER_FAILED:
            return Ending.FAILED
        case ToolFailure.TOOL_TIMED_OUT:
            return Ending.FAILED if given_ms >= PATIENCE_MS else Ending.NEITHER
        case ToolFailure.TOOL_SERVER_IS_BUSY:
            return Ending.NEITHER
        case _:
            return Ending.SUCCEEDED


def breaker_json(breaker: Breaker) -> bytes:
    """Return a breaker in its stored form."""
    return _BREAKER.dump_json(breaker)


def breaker_of(payload: bytes) -> Breaker:
    """Return the breaker of a stored form; raises ValidationError for another one."""
    return _BREAKER.validate_json(payload)
