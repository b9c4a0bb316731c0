"""Kills in cognitive cycles: the canonical hash is that of the undisturbed run, and every thought and call of a tool is paid once."""

from __future__ import annotations

import pytest
from kills import Kills, System, each_name, kill, kill_server
from requirements import requirement
from run_builders import canonical_hash
from thinking import studio, thinkers, tool_askers

from econsim.domain.audit.envelope import AddressedEvent
from econsim.domain.execution import in_memory
from econsim.domain.ledger.verify import verify_journal
from econsim.domain.verification.log import LogChecks
from econsim.schemas.ledger import TransferPosted, TransferRefused

pytestmark = [
    pytest.mark.nats, pytest.mark.slow, pytest.mark.timeout(400), pytest.mark.asyncio(loop_scope="module"),
]  # fmt: skip

THINKING = thinkers(hosts=2)
"""Two short days of two hosts: at every other tick four agents think."""

THINKING_KILLS: dict[str, Kills] = {
    "the cognition service, before a call and after an outcome": {
        ("system.ticked", 3): kill("cognition"),
        ("system.invoked", 9): kill("cognition"),
    },
    "the server in a call": {("agent.cognitive_cycles_started", 3): kill_server},
    "one after the other": {
        ("system.invoked", 3): kill("cognition"),
        ("agent.cognitive_cycles_started", 5): kill("ledger"),
        ("agent.cognitive_cycles_started", 7): kill("agent"),
        ("system.invoked", 9): kill("ledger"),
        ("agent.cognitive_cycles_started", 11): kill_server,
        ("agent.cognitive_cycles_started", 13): kill("cognition"),
    },
}

USING_TOOLS = tool_askers()
"""Two short days of two hosts: at the first tick of each one sixteen agents call tools."""

TOOL_KILLS: Kills = {
    ("agent.cognitive_cycles_started", 1): kill("mcp"),
    ("mcp.completed", 1): kill("ledger"),
    ("system.invoked", 9): kill("agent"),
    ("mcp.completed", 9): kill("mcp"),
}


DELEGATING = studio()
"""Two short days of two hosts: agents ask a person, delegate, work, approve, and read their notes on the second day."""

STUDIO_KILLS: Kills = {
    ("system.task_offered", 3): kill("agent"),
    ("agent.cognitive_cycles_completed", 8): kill("social"),
}

MANY_STUDIO_KILLS: Kills = {
    ("system.question_asked", 1): kill("agent"),
    ("system.task_delegated", 3): kill("social"),
    ("system.task_offered", 3): kill("agent"),
    ("mcp.completed", 4): kill("ledger"),
    ("system.file_written", 8): kill("workspace"),
    ("system.task_settled", 8): kill("agent"),
    ("agent.cognitive_cycles_completed", 10): kill("social"),
    ("agent.cognitive_cycles_started", 9): kill("workspace"),
}


@pytest.mark.parametrize("name", each_name(THINKING_KILLS))
@requirement("runtime.stateless", "cognition.metering")
async def test_every_thought_is_paid_once_whatever_was_killed(name: str, run: str, system: System) -> None:
    events = await system.run(run, THINKING, THINKING_KILLS[name])

    assert not THINKING_KILLS[name], "the run ended before everything was killed"
    assert canonical_hash(events) == canonical_hash(in_memory.run(THINKING))
    assert findings(events) == []


@requirement("gateway.cost", "operations.chaos")
async def test_every_call_of_a_tool_is_paid_once_whatever_was_killed(run: str, system: System) -> None:
    events = await system.run(run, USING_TOOLS, TOOL_KILLS)

    assert not TOOL_KILLS, "the run ended before everything was killed"
    assert canonical_hash(events) == canonical_hash(in_memory.run(USING_TOOLS))
    assert findings(events) == []


@requirement("runtime.stateless", "operations.chaos")
async def test_nobody_is_asked_and_no_task_is_paid_twice_if_a_host_and_the_service_are_killed(
    run: str, system: System
) -> None:
    events = await system.run(run, DELEGATING, STUDIO_KILLS)

    assert not STUDIO_KILLS, "the run ended before everything was killed"
    assert canonical_hash(events) == canonical_hash(in_memory.run(DELEGATING))
    assert findings(events) == []


@pytest.mark.soak
async def test_nobody_is_asked_and_no_task_is_paid_twice_whatever_was_killed(
    run: str, system: System
) -> None:
    events = await system.run(run, DELEGATING, MANY_STUDIO_KILLS)

    assert not MANY_STUDIO_KILLS, "the run ended before everything was killed"
    assert canonical_hash(events) == canonical_hash(in_memory.run(DELEGATING))
    assert findings(events) == []


def findings(events: list[AddressedEvent]) -> list[object]:
    """Return what the checks of a journal and of a log find in a run's events."""
    journal = [s.event for s in events if isinstance(s.event.data, TransferPosted | TransferRefused)]
    checks = LogChecks()
    for place, addressed in enumerate(events, 1):
        checks.add(place, addressed)
    return [*verify_journal(journal).findings, *checks.report(journal).findings]
