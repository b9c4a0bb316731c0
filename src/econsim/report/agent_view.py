"""Agents of a run that somebody watches: what they own, what thinking and tools cost them, what they do. Pure.

Keeps some numbers for each agent of the scenario, and nothing of the events.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Final, NamedTuple

from econsim import subjects
from econsim.domain.agent.population import Agent
from econsim.domain.audit.facts import Json, Record
from econsim.schemas.ledger import CREDITS, DEBT, Kind

_MOVING: Final = (Kind.TRANSFER, Kind.POST)
"""Kinds of transfers that change what a holder owns."""

WAITING: Final = "waiting"
"""State of an agent that did nothing yet."""


class AgentRow(NamedTuple):
    """An agent as a row."""

    agent: str
    """Id of the agent."""
    group: str
    """Group of the agent in the scenario."""
    wealth: int
    """Money owned less money owed, micro-credits."""
    profit: int
    """Wealth beyond the endowment, micro-credits."""
    trades: int
    """Trades of the agent."""
    thinking: int
    """Paid for calls of models, micro-credits."""
    tools: int
    """Paid for calls of tools, micro-credits."""
    state: str
    """State of the agent in words."""
    tick: int
    """Tick of its newest order, trade, thought or call; 0 before the first."""


class AgentsView:
    """Figures of all agents, folded from the events that name them."""

    def __init__(self, agents: tuple[Agent, ...] = ()) -> None:
        """Start before the run's first event."""
        self.groups = {agent.id: agent.group for agent in agents}
        """Agent → its group, in the order of the scenario."""
        self._credits: Counter[str] = Counter()
        self._debt: Counter[str] = Counter()
        self._dealt: Counter[str] = Counter()
        self._trades: Counter[str] = Counter()
        self._thinking: Counter[str] = Counter()
        self._tools: Counter[str] = Counter()
        self._ticks: dict[str, int] = {}
        self._states: dict[str, str] = {}
        self._lasting: dict[str, str] = {}
        self._folds: dict[str, Callable[[Record], None]] = {
            subjects.TRANSFER_POSTED.type: self._post,
            subjects.TRADE_EXECUTED.type: self._trade,
            subjects.BID_ACCEPTED.type: self._order,
            subjects.ASK_ACCEPTED.type: self._order,
            subjects.ORDER_REJECTED.type: self._refuse,
            subjects.LLM_INVOKED.type: self._think,
            subjects.COGNITIVE_CYCLES_STARTED.type: self._begin_thoughts,
            subjects.COGNITIVE_CYCLES_COMPLETED.type: self._end_thoughts,
            subjects.TOOL_COMPLETED.type: self._call,
            subjects.TOOL_FAILED.type: self._call,
            subjects.CONNECTION_CHANGED.type: self._connect,
            subjects.AGENT_SUSPENDED.type: self._suspend,
        }

    def add(self, entry: Record) -> None:
        """Add the next event."""
        fold = self._folds.get(entry.type)
        if fold is not None:
            fold(entry)

    def rows(self) -> list[AgentRow]:
        """Return a row for each agent, in the order of the scenario."""
        return [self._row(agent, group) for agent, group in self.groups.items()]

    def _row(self, agent: str, group: str) -> AgentRow:
        wealth = self._credits[agent] - self._debt[agent]
        return AgentRow(
            agent,
            group,
            wealth,
            wealth - self._dealt[agent],
            self._trades[agent],
            self._thinking[agent],
            self._tools[agent],
            self._lasting.get(agent) or self._states.get(agent, WAITING),
            self._ticks.get(agent, 0),
        )

    def _post(self, entry: Record) -> None:
        for chain in entry.data["chains"]:
            is_endowment = chain["cause"] == "endow"
            for leg in chain["transfers"]:
                if leg["kind"] not in _MOVING:
                    continue
                owned = {CREDITS: self._credits, DEBT: self._debt}.get(leg["asset"])
                if owned is not None:
                    owned[leg["debit"]] -= leg["amount"]
                    owned[leg["credit"]] += leg["amount"]
                if is_endowment:
                    self._dealt[leg["credit"]] += leg["amount"]

    def _note(self, agent: str, state: str, tick: int) -> None:
        self._states[agent] = state
        self._ticks[agent] = tick

    def _trade(self, entry: Record) -> None:
        for item in entry.data["items"]:
            for agent, state in ((item["buyer"], "bought"), (item["seller"], "sold")):
                self._trades[agent] += 1
                self._note(agent, state, entry.tick)

    def _order(self, entry: Record) -> None:
        for item in entry.data["items"]:
            self._note(item["agent"], "bids" if item["side"] == "bid" else "asks", entry.tick)

    def _refuse(self, entry: Record) -> None:
        for item in entry.data["items"]:
            self._note(item["agent"], "refused", entry.tick)

    def _think(self, entry: Record) -> None:
        for item in entry.data["items"]:
            self._thinking[item["agent"]] += item["price"]

    def _begin_thoughts(self, entry: Record) -> None:
        for agent in entry.data["agents"]:
            self._note(agent, "thinks", entry.tick)

    def _end_thoughts(self, entry: Record) -> None:
        for item in entry.data["items"]:
            if failure := item.get("failure"):
                self._lasting[item["agent"]] = f"set aside: {failure}"
            elif self._states.get(item["agent"]) == "thinks":
                self._note(item["agent"], "thought", entry.tick)

    def _call(self, entry: Record) -> None:
        call: Json = entry.data
        self._tools[call["agent"]] += call["price"]
        self._note(call["agent"], "called a tool", entry.tick)

    def _connect(self, entry: Record) -> None:
        self._lasting.pop(entry.data["agent"], None)
        if not entry.data["connected"]:
            self._lasting[entry.data["agent"]] = "disconnected"

    def _suspend(self, entry: Record) -> None:
        self._lasting[entry.data["agent"]] = "suspended"
