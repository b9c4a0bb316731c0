"""The events of a run in memory, made again from what its file says: scenario, seed and salt (decision 0057)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING

from econsim import __version__, subjects
from econsim.domain.audit.envelope import Envelope
from econsim.domain.audit.facts import Record, as_record
from econsim.domain.execution import in_memory
from econsim.runs.run_hash import RunHash
from econsim.schemas.clock import RunStopped
from econsim.schemas.scenario import PolicyName, Scenario

if TYPE_CHECKING:
    from econsim.domain.cognition.recording import Recording
    from econsim.runs.run_facts import RunFacts


def follows_from_scenario(scenario: Scenario, recording: Recording | None) -> bool:
    """Tell whether the events of a run in memory can be made again: not if a recording or a program of somebody decides."""
    coded = all(isinstance(group.policy, PolicyName) for group in scenario.agents)
    return recording is None and coded


def events_made_again(facts: RunFacts, damage: list[str]) -> Iterator[Record]:
    """Yield the events of a run; `damage` gets a sentence if this version makes others than those that were hashed."""
    scenario, found = facts.read_scenario(), RunHash()
    for addressed in islice(in_memory.run(scenario, facts.run, facts.salt), facts.events):
        found.add(addressed)
        yield as_record(addressed)
    if found.hexdigest() != facts.canonical_hash:
        damage.append(
            f"econsim {__version__} makes other events of run {facts.run!r} than econsim {facts.econsim} did: "
            f"its hash was {facts.canonical_hash[:12]}…, it is {found.hexdigest()[:12]}…; read it with that version"
        )
    if facts.state == "stopped":
        yield stop_record(facts)


def stop_record(facts: RunFacts) -> Record:
    """Return the event of a stop, as the clock service says it; a driver in memory is stopped from outside."""
    envelope = Envelope(facts.run, facts.salt, facts.ticks, in_memory.NOW)
    stopped = RunStopped(ticks=facts.ticks, periods=facts.periods)
    return as_record(envelope.event(subjects.RUN_STOPPED, "clock", stopped))
