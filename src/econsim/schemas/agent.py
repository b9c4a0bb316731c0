"""Messages of agents and their hosts: reports of answered ticks."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import Field

from econsim.schemas.base import CONFIG, Event, Message


@dataclass(frozen=True, slots=True)
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


CycleCompletedEvent = Event[CycleCompleted]
