"""What units are worth to an agent: its own alone, never told to markets or other agents."""

from __future__ import annotations

from dataclasses import dataclass

from econsim.schemas.base import CONFIG, Message, Request
from econsim.schemas.orders import Side
from econsim.schemas.types import Name


class GetValues(Request):
    """Ask for the asking agent's own values and costs."""


@dataclass(frozen=True, slots=True)
class Worth:
    """Units of a resource that are worth the same to an agent."""

    __pydantic_config__ = CONFIG

    value: int
    """Micro-credits a unit: the value of one it buys, or the cost of one it sells."""
    quantity: int
    """Units."""


@dataclass(frozen=True, slots=True)
class ValuedRole:
    """What an agent does on one market, and what it is paid or pays for it at each period's end."""

    __pydantic_config__ = CONFIG

    resource: Name
    """The market."""
    side: Side
    """`bid`: it is paid the value of each unit it bought; `ask`: it pays the cost of each unit it sold."""
    units: tuple[Worth, ...]
    """Values or costs of one period, in the order its units are traded."""


class Values(Message):
    """What an agent alone is told: what units are worth to it, and the money it began with."""

    credits: int
    """Micro-credits it was dealt when the run opened: what it has beyond them it has earned."""
    roles: tuple[ValuedRole, ...]
    """Its roles, at most one a market; none for an agent that can gain by trade alone."""
