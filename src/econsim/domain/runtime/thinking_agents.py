"""All agents of one host that think at their cycles: a projection of the run's events that returns their cycles. Pure.

The NATS host and the driver in memory both run it, beside `HostAgents` for coded traders. Its state changes only by
`evolve`; `cycles` changes nothing, so a host that crashed begins the same cycles again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from econsim.domain.agent.conditions import Conditions
from econsim.domain.agent.population import Agent
from econsim.domain.audit.envelope import AddressedEvent
from econsim.domain.cognition.price import token_units
from econsim.domain.cognition.token_count import count_prompt_tokens
from econsim.domain.runtime.cycle_run import CycleRun
from econsim.domain.runtime.effects import Cycle
from econsim.domain.runtime.human_policy import human_cycle
from econsim.domain.runtime.llm_policy import llm_cycle, llm_prompt
from econsim.domain.runtime.memory import Memory
from econsim.domain.runtime.perception import Perception
from econsim.domain.runtime.strategist_policy import strategist_cycle, strategist_prompt
from econsim.domain.runtime.tool_use import Toolbox
from econsim.domain.scenario.own_tools import is_social_group, task_takers
from econsim.schemas.agent import CognitiveCyclesCompleted, Limits
from econsim.schemas.scenario import CYCLING, THINKING, PolicyName, Scenario
from econsim.schemas.scenario_cognition import Cognition, Thinking
from econsim.schemas.scenario_tools import OWN_TOOLS
from econsim.schemas.types import QUANTITY_MAX

POLICIES: Final = {
    PolicyName.LLM: (llm_prompt, llm_cycle),
    PolicyName.LLM_STRATEGIST: (strategist_prompt, strategist_cycle),
    PolicyName.HUMAN: (llm_prompt, human_cycle),
}
"""Policy → its prompt and its cycle; a person is asked without a prompt."""


class ThinkingAgents:
    """The agents of one host, or of all hosts, whose policy is `llm`, `llm_strategist` or `human`."""

    def __init__(self, scenario: Scenario, host: int | None = None) -> None:
        """Create the agents of the host with this index; of all hosts for None."""
        conditions = Conditions(scenario)
        thinking = {group.name: group.thinking or Thinking() for group in scenario.agents}
        self._agents = [
            agent for agent in conditions.agents(1) if agent.policy in CYCLING and host in (None, agent.host)
        ]
        self._thinking = {agent.id: thinking[agent.group] for agent in self._agents}
        self._tools = scenario.tools
        self._cognition = scenario.cognition or Cognition()
        social = [agent.id for agent in self._agents if is_social_group(scenario, agent.group)]
        self._perception = Perception(self._agents, conditions, self._cognition, social)
        self._takers = task_takers(scenario)
        self._memory = Memory({name: each.memory for name, each in self._thinking.items()})
        self._set_aside: set[str] = set()
        self.text_readers = frozenset(
            agent.id
            for agent in self._agents
            if agent.policy is PolicyName.LLM_STRATEGIST or self._thinking[agent.id].memory
        )
        """Ids of the agents that need the texts of their earlier calls: for their memory, or as their strategy."""

    @property
    def names(self) -> Sequence[str]:
        """Ids of the agents, in the scenario's order."""
        return [agent.id for agent in self._agents]

    @property
    def acting(self) -> int:
        """Number of agents that act by their thoughts alone; for a strategist its coded trader acts."""
        return sum(agent.policy is not PolicyName.LLM_STRATEGIST for agent in self._agents)

    def evolve(self, addressed: AddressedEvent) -> None:
        """Fold one event of the run; events of other types change nothing."""
        if not self._agents:
            return
        self._perception.evolve(addressed)
        self._memory.evolve(addressed)
        if isinstance(addressed.event.data, CognitiveCyclesCompleted):
            self._set_aside |= {item.agent for item in addressed.event.data.items if item.failure}

    def cycles(self, tick: int) -> dict[str, CycleRun]:
        """Return agent → its cycle of this tick, not yet begun, for every agent whose turn it is."""
        return {
            agent.id: CycleRun(agent.id, tick, self._cycle(agent))
            for agent in self._agents
            if self._is_due(agent)
            and agent.id not in self._set_aside
            and self._perception.agent(agent.id).present
        }

    def limits(self) -> dict[str, Limits]:
        """Return resource → limits of the best buyer and the best seller among these agents."""
        return self._perception.limits()

    def _is_due(self, agent: Agent) -> bool:
        return (self._perception.clock.tick_of_period - 1) % self._thinking[agent.id].every_ticks == 0

    def _cycle(self, agent: Agent) -> Cycle:
        thinking, earlier = self._thinking[agent.id], self._memory.messages(agent.id)
        toolbox = self._toolbox(agent, thinking)
        assert isinstance(agent.policy, PolicyName)
        make_prompt, think = POLICIES[agent.policy]
        observation = self._perception.observe(agent)
        if (supply := observation.tokens) and agent.policy in THINKING:
            asked = observation._replace(tokens=supply._replace(needed=QUANTITY_MAX))
            tokens = count_prompt_tokens(make_prompt(thinking, asked, earlier, toolbox)) + thinking.max_tokens
            needed = token_units(self._cognition, tokens)
            observation = observation._replace(tokens=supply._replace(needed=needed))
        return think(thinking, observation, earlier, toolbox)

    def _toolbox(self, agent: Agent, thinking: Thinking) -> Toolbox:
        """Return the tools of an agent; it delegates nothing if there is nobody else to take it."""
        delegates = "delegate_task" in thinking.tools
        # Names of others only for who needs them: among a thousand agents each list has a thousand.
        takers = [taker for taker in self._takers if taker != agent.id] if delegates else []
        tools = [tool for tool in self._tools if tool.name in thinking.tools]
        own = [name for name in thinking.tools if name in OWN_TOOLS and (takers or name != "delegate_task")]
        return Toolbox(tools, own, takers)
