"""All agents of one host whose policy is one's own: a projection of the run's events that returns their actions. Pure.

The NATS host and the driver in memory both run it. What a policy remembers is not in the log, so the decisions of a tick are made
when its opening is folded: a host that takes over folds the log from the first tick, asks the policies all ticks again, and knows
what they knew. `actions` and `failures` change nothing.

Life cycles::

    collection     holds                            added by              removed by    bound
    _policies      agent -> its policy              the first tick        a failure     agents of the host
    _failures      agent -> why it is set aside     a failure             never         agents of the host
    _reported      agents set aside in the log      cycles completed      never         agents of the host
    _actions       actions of the newest tick       Ticked                next Ticked   `ACTIONS_PER_TICK_MAX` an agent
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from traceback import walk_tb
from typing import Final

from econsim.domain.agent.conditions import Conditions
from econsim.domain.agent.policy import Observation, Policy
from econsim.domain.agent.population import Agent
from econsim.domain.agent.random_draws import Draws, beginning
from econsim.domain.audit.envelope import AddressedEvent
from econsim.domain.runtime.cycle_run import ACTIONS_PER_CYCLE_MAX, CycleRun
from econsim.domain.runtime.effects import Cycle
from econsim.domain.runtime.perception import Perception
from econsim.domain.runtime.policy_decisions import MarketObserver, action_of, credits_of
from econsim.errors import ScenarioError
from econsim.schemas.agent import CognitiveCyclesCompleted, Limits
from econsim.schemas.clock import PeriodClosed, Ticked
from econsim.schemas.market import TickCleared
from econsim.schemas.orders import Action
from econsim.schemas.scenario import PolicyPath, Scenario
from econsim.schemas.scenario_cognition import Cognition
from econsim.schemas.subject import entity_of

ACTIONS_PER_TICK_MAX: Final = ACTIONS_PER_CYCLE_MAX
"""Decisions of one agent in one tick: more is a flood, as for an agent that thinks."""

REASON_LENGTH_MAX: Final = 300
"""Characters of an error that a report repeats."""

_PACKAGE: Final = __file__.partition("domain")[0]
"""Directory of econsim, whose own lines say nothing about a policy."""

_LIBRARIES: Final = "/lib/python"
"""Part of the path of every installed library: where one of them raised says less than where the policy called it."""

_GENERATED: Final = "<string>"
"""Path of code that a library has written, such as that of a frozen dataclass."""

MakePolicy = Callable[[], Policy]
"""Makes a policy for one agent; whatever it raises sets the agent aside."""

NONE_LOADED: Final[Mapping[str, MakePolicy]] = {}
"""Policies of a caller that runs no scenario with policies of one's own."""


class PolicyAgents:
    """The agents of one host, or of all hosts, whose policy is one's own."""

    def __init__(
        self, scenario: Scenario, policies: Mapping[str, MakePolicy] = NONE_LOADED, host: int | None = None
    ) -> None:
        """Create the agents of the host with this index; of all hosts for None.

        `policies` has what makes the policy of each `module:Class`; raises ScenarioError for one that it lacks.
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
        self._makers = policies
        self._policies: dict[str, Policy] = {}
        self._failures: dict[str, str] = {}
        self._reported: set[str] = set()
        self._perception = Perception(self._agents, self._conditions, scenario.cognition or Cognition())
        self._views = {
            resource: MarketObserver(market, self._agents)
            for resource, market in self._conditions.markets(1).items()
            if self._agents
        }
        self._seed = scenario.seed
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
                self._views[entity_of(addressed.subject)].clear(cleared)
            case CognitiveCyclesCompleted(items=items):
                self._reported |= {item.agent for item in items if item.agent in self._failures}

    def actions(self, tick: int) -> Mapping[str, Sequence[Action]]:
        """Return resource → actions of a tick; none for another than the newest."""
        return self._actions if tick == self._tick else {}

    def failures(self, tick: int) -> dict[str, CycleRun]:
        """Return agent → report of its cycle, for agents that were set aside and that the log does not have as such."""
        found = {name: why for name, why in self._failures.items() if name not in self._reported}
        return {name: _report(name, tick, why) for name, why in found.items()}

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
        self._actions = {}
        for agent in self._agents:
            if agent.id in self._failures:
                continue
            try:
                chosen = [*self._choices(agent)]
            except (Exception, SystemExit, GeneratorExit) as error:  # noqa: BLE001 - an agent's own code must not end the others' tick
                self._failures[agent.id] = _reason(agent, error)
                self._policies.pop(agent.id, None)
                continue
            for resource, action in chosen:
                self._actions.setdefault(resource, []).append(action)

    def _choices(self, agent: Agent) -> Iterator[tuple[str, Action]]:
        """Yield resource and action of each decision of an agent; none if it is not there or not active at this tick."""
        policy = self._policy(agent)
        if not agent.present or not self._is_active(agent):
            return
        decisions = policy.act(self._observe(agent), self._draws("policy", agent))
        made = [each for each in islice(decisions, ACTIONS_PER_TICK_MAX + 1) if each is not None]
        if len(made) > ACTIONS_PER_TICK_MAX:
            message = f"more than {ACTIONS_PER_TICK_MAX} decisions in one tick"
            raise ValueError(message)
        for place, decision in enumerate(made):
            order_id = f"{agent.id}-{self._tick}-{place}"
            yield action_of(decision, agent.id, order_id, self._views)

    def _policy(self, agent: Agent) -> Policy:
        """Return the policy of an agent, made at the first tick: what cannot be loaded is reported at once."""
        if agent.id not in self._policies:
            assert isinstance(agent.policy, PolicyPath)
            self._policies[agent.id] = self._makers[agent.policy]()
        return self._policies[agent.id]

    def _is_active(self, agent: Agent) -> bool:
        chance = agent.activity_percent
        return chance == 100 or self._draws("activity", agent).integer(1, 100) <= chance

    def _draws(self, purpose: str, agent: Agent) -> Draws:
        return Draws(of=beginning(self._seed, purpose, agent.id) + b"%d" % self._tick)

    def _observe(self, agent: Agent) -> Observation:
        seen = self._perception.observe(agent)
        return Observation(
            agent.id,
            seen.tick,
            seen.period,
            seen.tick_of_period,
            credits_of(seen.credits),
            {
                market.resource: self._views[market.resource].view(
                    agent.id, market, seen.holdings[market.resource]
                )
                for market in seen.markets
            },
            self._ticks_per_period,
        )


def _nothing() -> Cycle:
    yield from ()


def _report(agent: str, tick: int, why: str) -> CycleRun:
    """Return a cycle in which nothing is done, and which sets an agent aside."""
    cycle = CycleRun(agent, tick, _nothing())
    cycle.failure = why
    return cycle


def _reason(agent: Agent, error: BaseException) -> str:
    """Return why an agent is set aside, with the line of its policy at which that happened."""
    text = _message(error)
    what = f"policy {agent.policy} raised {type(error).__name__}" + (f": {text}" if text else "")
    places = [(frame.f_code.co_filename, line) for frame, line in walk_tb(error.__traceback__)]
    outside = [place for place in places if not place[0].startswith(_PACKAGE)]
    own = [each for each in outside if _LIBRARIES not in each[0] and each[0] != _GENERATED] or outside
    if not own:
        return what
    file, line = own[-1]
    return f"{what} ({file.rpartition('/')[2]}, line {line})"


def _message(error: BaseException) -> str:
    """Return the message of an error as a log can hold it: on one line, no surrogates; empty if it cannot be read."""
    try:
        text = str(error)
    except Exception:  # noqa: BLE001 - code of the policy's own, as that which raised
        return ""
    return " ".join(text.encode(errors="backslashreplace").decode().split())[:REASON_LENGTH_MAX]
