"""Agents and their hosts: what they report of their own cycles."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import Field

from econsim.schemas.base import CONFIG, Event, Message


@dataclass(frozen=True, slots=True)
class Limits:
    """The most any buyer here would pay, and the least any seller here would take, for a next unit."""

    __pydantic_config__ = CONFIG

    bid: int | None = None
    """Micro-credits; none if no buyer wants another unit."""
    ask: int | None = None
    """Micro-credits; none if no seller has another unit."""


class CycleCompleted(Message):
    """A host's agents (or one outside agent) perceived, thought and acted on a tick."""

    tick: int
    """The tick they answered."""
    agents: int
    """How many acted."""
    actions: dict[str, int] = Field(default_factory=dict)
    """Resource → actions sent."""
    limits: dict[str, Limits] = Field(default_factory=dict)
    """Resource → limits, so that the clock can see when no trade is left to make."""


CycleCompletedEvent = Event[CycleCompleted]
