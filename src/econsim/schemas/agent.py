"""Messages of agents and their hosts: reports of answered ticks."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import Field

from econsim.schemas.base import CONFIG, Event, Message
from econsim.schemas.immutable import immutable
from econsim.schemas.types import Amount, Name, Tick


@immutable
class Limits:
    """Limits of the best buyer's and the best seller's next unit."""

    __pydantic_config__ = CONFIG

    bid: int | None = None
    """Highest price a buyer would pay, micro-credits, on the market's grid; null if no buyer can buy another unit."""
    value: int | None = None
    """Value of that buyer's next unit, micro-credits; above any price if the buyer accepts every price."""
    ask: int | None = None
    """Lowest price a seller would take, micro-credits, on the market's grid; null if no seller can sell another unit."""
    cost: int | None = None
    """Cost of that seller's next unit, micro-credits; 0 if the seller accepts every price."""


class CycleCompleted(Message):
    """A host's agents, or one external agent, completed their cycle for a tick: perceive, decide, act."""

    tick: int
    """Tick that the report answers."""
    agents: int
    """Number of agents that the report is for."""
    actions: dict[str, int] = Field(default_factory=dict)
    """Resource → number of actions sent."""
    limits: dict[str, Limits] = Field(default_factory=dict)
    """Resource → limits of the agents' next units; the clock ends a period by them when no trade is left to make."""


@dataclass(frozen=True, slots=True)
class AgentCycle:
    """One agent's cognitive cycle."""

    __pydantic_config__ = CONFIG

    agent: Name
    """Agent of the cycle."""
    cycle: Tick
    """Number of the cycle; in a run of ticks, the tick."""
    steps: int
    """Number of steps that the agent took: calls and actions side by side are one."""
    tokens: int
    """Number of a model's tokens that the agent paid for."""
    actions: int
    """Number of actions that the agent sent to markets."""
    price: Amount
    """Price of the agent's thoughts, micro-credits."""
    failure: str = ""
    """Reason why the agent is set aside; empty if it is not."""


class CognitiveCyclesStarted(Message):
    """Agents of a host began their cognitive cycles."""

    agents: tuple[Name, ...]
    """Agents that think at this tick."""


class CognitiveCyclesCompleted(Message):
    """Agents of a host completed their cognitive cycles."""

    items: tuple[AgentCycle, ...]
    """Cycles, in the order of the host's agents."""


CycleCompletedEvent = Event[CycleCompleted]
