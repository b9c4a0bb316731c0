"""The agents a lock-step tick waits for: present, absent, back, and the deadline of each."""

import pytest

from econsim import subjects
from econsim.domain.audit.envelope import Envelope
from econsim.domain.clock.attendance import Attendance
from econsim.schemas.admin import ConnectionChanged, QuotaChanged, TrustChanged
from econsim.schemas.admission import AgentSuspended
from econsim.schemas.agent import CycleCompleted
from econsim.schemas.clock import Ticked
from econsim.schemas.quota import Quotas, QuotaUpdate

DEADLINE_MS = 60_000
LEFT = {
    "disconnected": (subjects.CONNECTION_CHANGED, ConnectionChanged(agent="anna", connected=False)),
    "suspended": (subjects.AGENT_SUSPENDED, AgentSuspended(agent="anna", received=9_000, allowed=100)),
    "thrown_out": (subjects.TRUST_CHANGED, TrustChanged(who="anna", change="agent_thrown_out", reason="")),
}
CONNECTED = (subjects.CONNECTION_CHANGED, ConnectionChanged(agent="anna", connected=True))
LET_IN = (subjects.TRUST_CHANGED, TrustChanged(who="anna", change="agent_let_in", reason=""))


def ticked(number):
    return subjects.TICKED, Ticked(period=1, tick_of_period=number), number


def answered(tick, who="anna"):
    return subjects.CYCLE_COMPLETED, CycleCompleted(tick=tick, agents=1), tick, who


def limited(agent=None, **limits):
    update = QuotaUpdate(**limits)
    return subjects.QUOTA_CHANGED, QuotaChanged(agent=agent, update=update, quotas=Quotas())


def attendance(*events, externals=("anna",), hosts=()):
    """Return the attendance after these events: subject, data, and if need be tick and actor."""
    found = Attendance(hosts, externals, DEADLINE_MS)
    for subject, data, tick, actor in (
        (*event, 0, "clock")[:4] if len(event) < 4 else event for event in events
    ):
        places = {"agent": actor} if "agent" in subject.places else {}
        found.evolve(Envelope("run", "salt", tick, "now").event(subject, actor, data, **places))
    return found


def test_a_tick_waits_for_every_agent_that_has_not_answered_also_if_it_never_connected():
    assert attendance(ticked(1), hosts=["host_1"]).missing(1) == ["anna", "host_1"]
    assert attendance(ticked(1), answered(1)).missing(1) == []
    assert attendance(ticked(1), answered(1)).missing(2) == ["anna"]


@pytest.mark.parametrize("left", LEFT.values(), ids=LEFT)
def test_a_tick_stops_waiting_at_once_for_an_agent_that_left(left):
    assert attendance(ticked(1), left).missing(1) == []
    assert attendance(ticked(1), left).left_ms(1, 0) <= 0


def test_an_agent_that_missed_a_tick_is_absent_until_it_answers():
    silent = attendance(ticked(1), ticked(2))
    speaking = attendance(ticked(1), ticked(2), answered(1))

    assert silent.missing(2) == silent.missing(9) == []
    assert speaking.missing(2) == []
    assert speaking.missing(3) == ["anna"]


@pytest.mark.parametrize("left", [LEFT["disconnected"], LEFT["suspended"]])
@pytest.mark.parametrize("back", [CONNECTED, LET_IN, answered(1)])
def test_an_agent_that_is_back_is_present_from_the_next_tick_on(left, back):
    again = attendance(ticked(1), left, ticked(2), back)

    assert again.missing(2) == []
    assert again.missing(3) == ["anna"]


def test_a_thrown_out_agent_is_back_only_when_it_is_let_in():
    late = attendance(ticked(1), LEFT["thrown_out"], answered(1), CONNECTED)

    assert late.missing(2) == []
    assert attendance(ticked(1), LEFT["thrown_out"], LET_IN).missing(2) == ["anna"]


def test_an_agent_that_came_back_in_a_tick_has_its_whole_deadline_in_the_next():
    again = attendance(ticked(1), LEFT["disconnected"], ticked(2), CONNECTED, ticked(3))

    assert again.missing(3) == ["anna"]


def test_a_waiting_room_waits_for_agents_that_never_said_they_are_ready():
    assert attendance(hosts=["host_1"]).not_ready() == ["anna"]
    assert attendance(CONNECTED, LEFT["disconnected"]).not_ready() == ["anna"]
    assert attendance(answered(0)).not_ready() == []
    assert attendance(LEFT["thrown_out"]).not_ready() == []
    assert attendance(limited("anna", deadline_ms=0)).not_ready() == []


def test_every_tick_waits_for_every_host():
    gone = (subjects.CONNECTION_CHANGED, ConnectionChanged(agent="host_1", connected=False))

    assert attendance(ticked(1), ticked(2), gone, hosts=["host_1"], externals=()).missing(2) == ["host_1"]


def test_a_tick_published_twice_makes_no_agent_absent():
    assert attendance(ticked(1), answered(1), ticked(2), ticked(2)).missing(2) == ["anna"]


def test_an_agents_deadline_is_its_own_then_the_runs_then_the_scenarios():
    own, of_all = limited("anna", deadline_ms=500), limited(deadline_ms=9_000)
    other = limited("anna", max_order_rate=5)

    assert attendance(ticked(1)).left_ms(1, 1_000) == DEADLINE_MS - 1_000
    assert attendance(ticked(1), of_all, other).left_ms(1, 1_000) == 8_000
    assert attendance(ticked(1), own, of_all).left_ms(1, 1_000) == -500
    assert attendance(ticked(1), own, externals=["anna", "bert"]).left_ms(1, 1_000) == DEADLINE_MS - 1_000
    assert attendance(ticked(1), of_all, hosts=["host_1"]).left_ms(1, 0) == DEADLINE_MS
