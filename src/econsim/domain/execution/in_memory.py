"""Runs in memory: the whole run in one thread, without server, clock or network. Pure.

For studies of thousands of periods, and for the executor, which stores what is yielded here (`services/executor`). Agents that all trade by
code have a quick driver (`coded_run`), others one of all parts that the services use (`in_memory_run`), loaded for them alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

from econsim.domain.audit.envelope import AddressedEvent, Envelope
from econsim.domain.execution.coded_run import CodedRun, is_of_coded_agents
from econsim.schemas import names
from econsim.schemas.scenario import Scenario

if TYPE_CHECKING:
    from econsim.domain.cognition.recording import Recording
    from econsim.domain.execution.in_memory_run import InMemoryRun
    from econsim.domain.runtime.deciding import MakePolicy

NOW: Final = "1970-01-01T00:00:00.000000000Z"
"""Wall-clock time of every event in memory, where only logical time passes."""

SALT: Final = "memory"
"""Salt of a run without a given one: nobody is to be kept from guessing its ids."""

NAME: Final = names.IN_MEMORY
"""Id of a run without a given id."""


def run(
    scenario: Scenario,
    name: str = NAME,
    salt: str = SALT,
    recording: Recording | None = None,
    policies: Mapping[str, MakePolicy] | None = None,
) -> Iterator[AddressedEvent]:
    """Run a scenario in lock-step and yield its events in log order.

    The iterator is lazy: a caller that stops iterating stops the run. Raises ScenarioError for a scenario that cannot be
    populated. External agents never act in memory. With a recording, it answers all calls of models. `policies` are the scenario's
    own ones, loaded (`adapters.policies.load_policies`).
    """
    envelope = Envelope(name, salt, 0, NOW)
    if policies and policies.keys() >= set(scenario.own_policies) != set():
        from econsim.domain.execution.policy_run import PolicyRun, quotes_alone  # noqa: PLC0415 - few runs have such policies

        if quotes_alone(scenario):
            return PolicyRun(scenario, envelope, policies).events()
    return conduct(scenario, envelope, recording, policies).events()


def conduct(
    scenario: Scenario,
    envelope: Envelope,
    recording: Recording | None = None,
    policies: Mapping[str, MakePolicy] | None = None,
) -> CodedRun | InMemoryRun:
    """Return the driver of a run before it opens: of coded agents alone if it has no others. Raises ScenarioError as `run`."""
    if is_of_coded_agents(scenario):
        return CodedRun(scenario, envelope)
    from econsim.domain.execution.in_memory_run import InMemoryRun  # noqa: PLC0415 - most runs are of coded agents

    return InMemoryRun(scenario, envelope, recording, policies or {})
