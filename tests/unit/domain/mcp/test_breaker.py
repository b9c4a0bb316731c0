"""The shared breaker: one probe, which a dead worker does not keep for ever."""

import pytest

from econsim.domain.audit.envelope import Envelope
from econsim.domain.cognition.breaker import Admission, Breaker, BreakerState, Ending, note_ending
from econsim.domain.mcp.breaker import (
    PROBE_MS,
    admit_call,
    breaker_json,
    breaker_of,
    failure_ending,
)
from econsim.domain.mcp.server_events import breaker_event
from econsim.schemas.mcp import ToolFailure
from econsim.schemas.tool_events import BreakerOpened

OPEN = Breaker(BreakerState.OPEN, 5, 1_000)


def test_after_its_pause_one_call_is_the_probe_and_others_are_refused():
    breaker, first = admit_call(OPEN, 1_000)
    _, second = admit_call(breaker, 1_001)

    assert (first, second) == (Admission.PROBE, Admission.REFUSED)


def test_a_probe_whose_worker_died_makes_room_for_another_one():
    breaker, _ = admit_call(OPEN, 1_000)

    _, later = admit_call(breaker, 1_000 + PROBE_MS)

    assert later is Admission.PROBE


@pytest.mark.parametrize(
    ("ending", "state"), [(Ending.SUCCEEDED, BreakerState.CLOSED), (Ending.FAILED, BreakerState.OPEN)]
)
def test_the_probe_decides(ending, state):
    breaker, admission = admit_call(OPEN, 1_000)

    assert note_ending(breaker, admission, ending, 1_100).state is state


@pytest.mark.parametrize(
    ("failure", "given_ms", "ending"),
    [
        (ToolFailure.TOOL_SERVER_FAILED, 1, Ending.FAILED),
        (ToolFailure.TOOL_TIMED_OUT, 1, Ending.NEITHER),
        (ToolFailure.TOOL_TIMED_OUT, 5_000, Ending.FAILED),
        (ToolFailure.TOOL_SERVER_IS_BUSY, 9_000, Ending.NEITHER),
        (ToolFailure.TOOL_REFUSED, 9_000, Ending.SUCCEEDED),
        (ToolFailure.RESULT_IS_TOO_LARGE, 9_000, Ending.SUCCEEDED),
    ],
)
def test_what_agents_can_provoke_says_nothing_against_a_server(failure, given_ms, ending):
    assert failure_ending(failure, given_ms) is ending


def test_a_breaker_is_read_back_as_it_was_written():
    assert breaker_of(breaker_json(OPEN)) == OPEN


def test_a_breaker_that_opens_or_closes_is_an_event_with_its_reason_and_its_rest():
    envelope = Envelope("run", "salt", 3, "2026-01-01T00:00:00Z")

    told = [breaker_event(envelope, "search", each, "it broke", 500) for each in (OPEN, Breaker())]

    assert [(each.subject, each.event.tick) for each in told] == [
        ("mcp.search.breaker_opened.run", 3),
        ("mcp.search.breaker_closed.run", 3),
    ]
    assert told[0].event.data == BreakerOpened(failures=5, rest_ms=500, message="it broke")
