"""The values and costs of units to an agent: private, never sent to markets or other agents; and the rules of its run."""

from __future__ import annotations

from dataclasses import dataclass

from econsim.schemas.base import CONFIG, Message, Request
from econsim.schemas.orders import Side
from econsim.schemas.scenario_parts import Clock
from econsim.schemas.scenario_words import MechanismName
from econsim.schemas.types import Name


class GetValues(Request):
    """Ask for the asking agent's own values and costs, and for the rules of its run."""


@dataclass(frozen=True, slots=True)
class Worth:
    """Units of a resource with the same value or cost to an agent."""

    __pydantic_config__ = CONFIG

    value: int
    """Value of a unit the agent buys, or cost of a unit it sells, in micro-credits."""
    quantity: int
    """Number of units."""


@dataclass(frozen=True, slots=True)
class ValuedRole:
    """The side an agent takes on one market, and its values or costs, settled at each period's end."""

    __pydantic_config__ = CONFIG

    resource: Name
    """Resource of the market."""
    side: Side
    """Side of the agent. `bid`: it is paid the value of each unit it bought; `ask`: it pays the cost of each unit it sold."""
    units: tuple[Worth, ...]
    """Values or costs of the period, in the order the units are traded; none in a period without the agent."""
    tax: int = 0
    """Tax that the agent pays for each unit it trades on this side, beside the price, in micro-credits; negative for a subsidy."""


@dataclass(frozen=True, slots=True)
class MarketRules:
    """The rules of one market, in micro-credits and units."""

    __pydantic_config__ = CONFIG

    resource: Name
    """Resource that is traded."""
    mechanism: MechanismName
    """Mechanism that matches the orders."""
    tick_size: int
    """Tick size: every price is a multiple of it, micro-credits."""
    price_min: int
    """Lowest price allowed, micro-credits."""
    price_max: int
    """Highest price allowed, micro-credits."""
    lot_size: int
    """Lot size: every quantity is a multiple of it, units."""
    tax_bid: int = 0
    """Tax that whoever buys a unit pays beside the price, micro-credits; negative for a subsidy."""
    tax_ask: int = 0
    """Tax that whoever sells a unit pays out of its price, micro-credits; negative for a subsidy."""


class Rules(Message):
    """The rules of a run, which are public."""

    title: str
    """Title of the run's scenario."""
    instructions: str
    """Instructions to people who trade in the run; empty if there are none."""
    clock: Clock
    """Clock of the run."""
    deadline_ms: int
    """Milliseconds that a tick in lock-step waits for the asking agent."""
    markets: tuple[MarketRules, ...]
    """Markets of the run."""


class Values(Message):
    """The private data of an agent in a period: the values and costs of its units, and its first endowment; and the rules of its run."""

    credits: int
    """Credits the agent was given when the run opened, in micro-credits; it earned all it has beyond them."""
    period: int
    """Period of the values: that of the newest tick, or the run's last where they are the same in every period."""
    roles: tuple[ValuedRole, ...]
    """Roles of the agent, at most one a market; none for an agent that gains by trade alone."""
    rules: Rules
    """Rules of the run in the period, the same for all but for the deadline."""
