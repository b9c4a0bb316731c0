"""Agents and their hosts: what they report of their own cycles."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import Field

from econsim.schemas.base import CONFIG, Event, Message


@dataclass(frozen=True, slots=True)
class Limits:
    """What the best buyer and the best seller here could still gain with a next unit."""

    __pydantic_config__ = CONFIG

    bid: int | None = None
    """Highest price a buyer would pay, micro-credits, on the market's grid; none if no buyer can buy another unit."""
    value: int | None = None
    """Value of that buyer's next unit, micro-credits; above any price if it buys at all of them."""
    ask: int | None = None
    """Lowest price a seller would take, micro-credits, on the market's grid; none if no seller can sell another unit."""
    cost: int | None = None
    """Cost of that seller's next unit, micro-credits; 0 if it sells at every price."""


class CycleCompleted(Message):
    """A host's agents (or one external agent) perceived, thought and acted on a tick."""

    tick: int
    """The tick they answered."""
    agents: int
    """How many acted."""
    actions: dict[str, int] = Field(default_factory=dict)
    """Resource → actions sent."""
    limits: dict[str, Limits] = Field(default_factory=dict)
    """Resource → limits, so that the clock can see when no trade is left to make."""


CycleCompletedEvent = Event[CycleCompleted]
