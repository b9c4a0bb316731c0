"""The runs that are open, with their agents and markets by name, and the error for an unknown name of each kind. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from econsim.domain.agent.conditions import Conditions
from econsim.domain.agent.population import Agent
from econsim.errors import NotFound
from econsim.schemas.base import Event
from econsim.schemas.clock import RunOpened
from econsim.schemas.executor import Execution
from econsim.schemas.scenario import Market
from econsim.schemas.scenario_cognition import Cognition
from econsim.schemas.scenario_words import Mode

DEFAULT_COGNITION: Final = Cognition()
"""Models of a scenario that names none: `default`, answered by rules."""


@dataclass(frozen=True, slots=True)
class ActiveRun:
    """A run that is open, as its opening event describes it."""

    name: str
    """Id of the run."""
    data: RunOpened
    """Data of the opening event: scenario and salt."""
    event_id: str
    """Id of the opening event, the root of all causes."""
    conditions: Conditions
    """Agents, markets and clock of the run as they are in each period."""
    agents: Mapping[str, Agent]
    """Agents of the run by id, as they are in the first period."""
    markets: Mapping[str, Market]
    """Markets of the run by resource, as they are in the first period."""
    externals: frozenset[str]
    """Ids of the external agents: each receives the outcomes of its own orders."""

    @property
    def cognition(self) -> Cognition:
        """Models of the run; the default ones for a scenario that names none."""
        return self.data.scenario.cognition or DEFAULT_COGNITION

    @property
    def is_lock_step(self) -> bool:
        """Mode of the clock: it waits in each tick until all hosts and markets are done, or follows the wall clock."""
        return self.data.scenario.clock.mode is Mode.LOCK_STEP

    @property
    def is_whole(self) -> bool:
        """Execution of the run: whole by one worker of the executor service, or shared by all services."""
        return self.data.execution is Execution.WHOLE

    def agent(self, name: str) -> Agent:
        """Return an agent; raises NotFound if the run has no agent of this name."""
        if name not in self.agents:
            raise agent_is_not_in_this_run(name, self.name)
        return self.agents[name]

    def market(self, resource: str) -> Market:
        """Return the market of a resource; raises NotFound if the run has none."""
        if resource not in self.markets:
            raise market_is_not_in_this_run(resource, self.name, self.markets)
        return self.markets[resource]


class ActiveRuns(dict[str, ActiveRun]):
    """The open runs that a process knows, by name; `Leadership` adds and drops them."""

    def __init__(self) -> None:
        """Start with no run."""
        super().__init__()
        self._ticks: dict[str, int] = {}

    def drop(self, run: str) -> None:
        """Forget a run, if it is known."""
        self.pop(run, None)
        self._ticks.pop(run, None)

    def note_tick(self, run: str, tick: int) -> None:
        """Take note of the newest tick of an open run."""
        if run in self:
            self._ticks[run] = tick

    def tick(self, run: str) -> int | None:
        """Return the newest known tick of a run; none before its first."""
        return self._ticks.get(run)

    def require(self, run: str) -> ActiveRun:
        """Return an open run; raises NotFound for any other."""
        if run not in self:
            raise run_is_not_open(run)
        return self[run]


def active_run(opened: Event[RunOpened]) -> ActiveRun:
    """Return the run that an opening event describes; raises ScenarioError if its agents are impossible."""
    scenario = opened.data.scenario
    conditions = Conditions(scenario)
    agents = {agent.id: agent for agent in conditions.agents(1)}
    markets = conditions.markets(1)
    externals = frozenset(name for name, agent in agents.items() if agent.host is None)
    return ActiveRun(
        opened.correlation_id, opened.data, opened.event_id, conditions, agents, markets, externals
    )


def run_is_not_open(run: str) -> NotFound:
    """Return the error for a run that is not open."""
    message = f"run {run!r} is not open; `econsim runs` lists those there are"
    return NotFound(message, code="run_is_not_open")


def market_is_not_in_this_run(resource: str, run: str, markets: Iterable[str]) -> NotFound:
    """Return the error for a resource without a market in the run; it names those that have one."""
    message = f"run {run!r} has no market {resource!r}; it has {', '.join(markets)}"
    return NotFound(message, code="market_is_not_in_this_run")


def agent_is_not_in_this_run(agent: str, run: str) -> NotFound:
    """Return the error for an agent that is not in the run."""
    return NotFound(f"agent {agent!r} is not in run {run!r}", code="agent_is_not_in_this_run")
