"""An economy for one test: runs a scenario in memory, or over the NATS server of the test session, where own bots join.

A run in memory loads nothing of NATS.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypedDict, Unpack, get_args

from pydantic import TypeAdapter, ValidationError

from econsim.adapters.policies import load_policies, with_sources
from econsim.api.result import Result
from econsim.domain.agent.policy import Policy
from econsim.domain.agent.population import population
from econsim.domain.audit.envelope import AddressedEvent
from econsim.domain.execution import in_memory
from econsim.errors import RunFailed, ScenarioError
from econsim.runs import scenario_file
from econsim.runs.overrides import apply_overrides, check_externals, why_not_in_memory
from econsim.schemas.own_policy import GroupPolicy
from econsim.schemas.scenario import PolicyName, PolicyPath, Scenario

if TYPE_CHECKING:
    from econsim.testing.session_server import Bot, SessionServer

Transport = Literal["memory", "nats"]
"""Way of a run: in memory, or over the NATS server of the session."""


class Options(TypedDict, total=False):
    """Options of a run, each instead of what the scenario says."""

    seed: int
    """Seed of all chance."""
    periods: int
    """Number of trading days."""
    policies: Mapping[str, str | type[Policy]]
    """Group → policy of its agents: a word, or a class of one's own, itself or as `module:Class`. The scenario's own expectations are left out then: they are about its own policies."""
    bots: Mapping[str, Bot]
    """External agent → its program. A name that the scenario lacks joins it with 100 credits and no private values."""
    transport: Transport
    """Way of the run; by default `nats` with bots, else that of option `--econsim-transport`."""


class Economy:
    """Runs scenarios for one test; made by fixture `economy`."""

    def __init__(self, server: Callable[[], SessionServer], transport: Transport = "memory") -> None:
        """Use the server that a function provides when a run needs it."""
        self._server = server
        self._transport = transport

    def run(self, scenario: str | Path | Scenario, **options: Unpack[Options]) -> Result:
        """Run a scenario, given by name, file or object, to its end; see `Options`.

        Raises ScenarioError if it cannot be run so, RunFailed if it failed, and what a bot raises. Bots run on another thread:
        in an async test, `await run_async` runs them on its own loop.
        """
        wanted = self._wanted_run(scenario, **options)
        if wanted.transport == "memory":
            return _in_memory(wanted.scenario)
        server = self._server()
        running = server.submit(server.play(wanted.scenario, wanted.bots))
        try:
            return _result(running.result())
        finally:
            running.cancel()

    async def run_async(self, scenario: str | Path | Scenario, **options: Unpack[Options]) -> Result:
        """Do as `run` does, and leave the loop to others meanwhile."""
        wanted = self._wanted_run(scenario, **options)
        if wanted.transport == "memory":
            return await asyncio.to_thread(_in_memory, wanted.scenario)
        server = await asyncio.to_thread(self._server)
        return _result(await server.play(wanted.scenario, wanted.bots))

    def _wanted_run(  # noqa: PLR0913 - one for each of `Options`
        self,
        scenario: str | Path | Scenario,
        *,
        seed: int | None = None,
        periods: int | None = None,
        policies: Mapping[str, str | type[Policy]] | None = None,
        bots: Mapping[str, Bot] | None = None,
        transport: Transport | None = None,
    ) -> _Wanted:
        found = scenario if isinstance(scenario, Scenario) else scenario_file.load(scenario)
        found = _with_policies(found, policies or {})
        own = {agent.id for agent in population(found) if agent.host is None}
        programs = bots or {}
        if unplayed := sorted(own - programs.keys()):
            message = f"{', '.join(unplayed)} of {found.name!r} are external; name their programs in `bots`"
            raise ScenarioError(message)
        added = [name for name in programs if name not in own]
        check_externals(found, added)
        found = apply_overrides(found, seed=seed, periods=periods, externals=added)
        way = transport or ("nats" if programs else self._transport)
        _check_transport(found, way)
        return _Wanted(found, programs, way)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A run as a test wants it."""

    scenario: Scenario
    bots: Mapping[str, Bot]
    transport: Transport


def _check_transport(scenario: Scenario, transport: Transport) -> None:
    if transport not in get_args(Transport):
        message = f"there is no transport {transport!r}; write 'memory' or 'nats'"
        raise ScenarioError(message)
    if transport == "memory" and (reason := why_not_in_memory(scenario)):
        message = f"scenario {scenario.name!r} {reason}; write transport='nats'"
        raise ScenarioError(message)


def _with_policies(scenario: Scenario, policies: Mapping[str, str | type[Policy]]) -> Scenario:
    if not policies:
        return scenario
    groups = [group.name for group in scenario.agents]
    if unknown := sorted(policies.keys() - set(groups)):
        message = f"{scenario.name!r} has no group {unknown[0]!r}; its groups are {', '.join(groups)}"
        raise ScenarioError(message)
    known = {name: _known_policy(policy) for name, policy in policies.items()}
    agents = tuple(
        group.model_copy(update={"policy": known.get(group.name, group.policy)}) for group in scenario.agents
    )
    changed = scenario.model_copy(update={"agents": agents, "expectations": ()})
    return with_sources(changed, Path(scenario.policies_from) if scenario.policies_from else None)


def _known_policy(policy: str | type[Policy]) -> PolicyName | PolicyPath:
    try:
        return TypeAdapter[PolicyName | PolicyPath](GroupPolicy).validate_python(policy)
    except ValidationError as error:
        message = f"there is no policy {policy!r}; the policies are {', '.join(PolicyName)}, and classes as module:Class"
        raise ScenarioError(message) from error


def _in_memory(scenario: Scenario) -> Result:
    return _result(in_memory.run(scenario, policies=load_policies(scenario)))


def _result(events: Iterable[AddressedEvent]) -> Result:
    """Return the result of a run; raises RunFailed if it could not go on."""
    result = Result(events)
    if result.figures.failure:
        raise RunFailed(result.figures.failure)
    return result
