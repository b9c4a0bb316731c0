"""All agents of one host whose policy is one's own: a projection of the run's events that returns their actions. Pure.

The NATS host and the driver in memory both run it. What a policy remembers is not in the log, so the decisions of a tick are made
when its opening is folded: a host that takes over folds the log from the first tick, asks the policies all ticks again, and knows
what they knew. `actions` and `failures` change nothing.

Life cycles::

    collection     holds                            added by              removed by    bound
    _reported      agents set aside in the log      cycles completed      never         agents of the host
    _actions       actions of the newest tick       Ticked                next Ticked   `ACTIONS_PER_TICK_MAX` an agent
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from operator import attrgetter
from typing import Final

from econsim.domain.agent.conditions import Conditions
from econsim.domain.agent.policy import Observation
from econsim.domain.agent.population import Agent
from econsim.domain.audit.envelope import AddressedEvent
from econsim.domain.runtime.cycle_run import CycleRun
from econsim.domain.runtime.deciding import Decided, Deciders, MakePolicy
from econsim.domain.runtime.effects import Cycle
from econsim.domain.runtime.perception import Perception
from econsim.domain.runtime.policy_decisions import MarketObserver, credits_of
from econsim.errors import ScenarioError
from econsim.schemas.agent import CognitiveCyclesCompleted, Limits
from econsim.schemas.clock import PeriodClosed, Ticked
from econsim.schemas.market import TickCleared
from econsim.schemas.orders import Action
from econsim.schemas.scenario import PolicyPath, Scenario
from econsim.schemas.scenario_cognition import Cognition
from econsim.schemas.subject import entity_of


@dataclass(slots=True)
class DecidedRun:
    """Decisions of a run so far, and the policies that made them."""

    deciders: Deciders
    """Policies as they are after these ticks."""
    by_tick: list[Decided] = field(default_factory=list)
    """Decisions of each tick, from the first; an agent may have been set aside at the last of them alone."""


NONE_LOADED: Final[Mapping[str, MakePolicy]] = {}
"""Policies of a caller that runs no scenario with policies of one's own."""


class PolicyAgents:
    """The agents of one host, or of all hosts, whose policy is one's own."""

    def __init__(
        self,
        scenario: Scenario,
        policies: Mapping[str, MakePolicy] = NONE_LOADED,
        host: int | None = None,
        decided: DecidedRun | None = None,
    ) -> None:
        """Create the agents of the host with this index; of all hosts for None.

        `policies` has what makes the policy of each `module:Class`; raises ScenarioError for one that it lacks. At the ticks of `decided`
        nobody is asked again: its policies go on after them.
        """
        self._conditions = Conditions(scenario)
        every = self._conditions.agents(1) if scenario.own_policies else ()
        self._agents = [
            agent for agent in every if isinstance(agent.policy, PolicyPath) and host in (None, agent.host)
        ]
        for agent in self._agents:
            if agent.policy not in policies:
                message = (
                    f"policy {agent.policy} is not loaded; load the policies of a scenario before you run it"
                )
                raise ScenarioError(message, key="policy", group=agent.group)
        self._decided = decided or DecidedRun(Deciders(policies, scenario.seed))
        self._reported: set[str] = set()
        self._perception = Perception(self._agents, self._conditions, scenario.cognition or Cognition())
        self._views = {
            resource: MarketObserver(market, self._agents)
            for resource, market in self._conditions.markets(1).items()
            if self._agents
        }
        self._ticks_per_period = self._conditions.clock(1).ticks_per_period
        self._tick = 0
        self._actions: dict[str, list[Action]] = {}

    @property
    def count(self) -> int:
        """Number of the agents."""
        return len(self._agents)

    def evolve(self, addressed: AddressedEvent) -> None:
        """Fold one event of the run; at the opening of a tick, the policies decide."""
        if not self._agents:
            return
        self._perception.evolve(addressed)
        match addressed.event.data:
            case Ticked() if addressed.event.tick > self._tick:
                self._tick = addressed.event.tick
                self._decide()
            case PeriodClosed(period=period) if self._conditions.change:
                self._open_period(period + 1)
            case TickCleared() as cleared:
                self._views[entity_of(addressed.subject)].clear(partial(attrgetter("tape"), cleared))
            case CognitiveCyclesCompleted(items=items):
                self._reported |= {
                    item.agent for item in items if item.agent in self._decided.deciders.failures
                }

    def actions(self, tick: int) -> Mapping[str, Sequence[Action]]:
        """Return resource → actions of a tick; none for another than the newest."""
        return self._actions if tick == self._tick else {}

    def failures(self, tick: int) -> dict[str, CycleRun]:
        """Return agent → report of its cycle, for agents that were set aside and that the log does not have as such."""
        if tick < len(self._decided.by_tick):
            return {}
        failed = self._decided.deciders.failures.items()
        return {name: _report(name, tick, why) for name, why in failed if name not in self._reported}

    def limits(self) -> dict[str, Limits]:
        """Return resource → limits of the best buyer and the best seller among these agents, by their values and costs."""
        return self._perception.limits()

    def _open_period(self, period: int) -> None:
        """Have the agents, markets and ticks of a period."""
        agents = {agent.id: agent for agent in self._conditions.agents(period)}
        self._agents = [agents[agent.id] for agent in self._agents]
        for resource, market in self._conditions.markets(period).items():
            self._views[resource].change(market, self._agents)
        self._ticks_per_period = self._conditions.clock(period).ticks_per_period

    def _decide(self) -> None:
        known = self._decided
        if self._tick > len(known.by_tick):
            found = known.deciders.decide(self._tick, self._agents, self._observe, self._views)
        else:
            found = known.by_tick[self._tick - 1]
        self._actions = {}
        for resource, action in found:
            self._actions.setdefault(resource, []).append(action)

    def _observe(self, agent: Agent) -> Observation:
        """Return what an agent sees: its part of the perception of agents that think, in credits."""
        seen, clock, markets = self._perception, self._perception.clock, {}
        for resource, view in self._views.items():
            own, units = seen.own_orders(resource), seen.free_units(agent.id, resource)
            quote = own.quote
            markets[resource] = view.view(
                agent.id,
                (quote.bid, quote.ask, quote.last),
                own.traded_units(agent.id),
                units,
                own.open_orders(agent.id),
            )
        return Observation(
            agent.id,
            self._tick,
            clock.period,
            clock.tick_of_period,
            credits_of(seen.free_credits(agent.id)),
            markets,
            self._ticks_per_period,
        )


def _nothing() -> Cycle:
    yield from ()


def _report(agent: str, tick: int, why: str) -> CycleRun:
    """Return a cycle in which nothing is done, and which sets an agent aside."""
    cycle = CycleRun(agent, tick, _nothing())
    cycle.failure = why
    return cycle
