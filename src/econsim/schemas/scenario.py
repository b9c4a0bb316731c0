"""A scenario: everything that defines a run. Written as TOML, sent whole in `system.run.opened`.

All money in a scenario is written in credits (`3.25` or `"3.25"`) and held in micro-credits.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final, Self

from pydantic import ConfigDict, Field, model_validator

from econsim.schemas.base import Message
from econsim.schemas.expectation import Expectation, Measure
from econsim.schemas.money import Credits, format_credits, parse_credits
from econsim.schemas.orders import Action, OrderKind, Side, Verb
from econsim.schemas.types import Name, OrderId, Quantity, Tick

AGENTS_MAX: Final = 20_000
"""Agents in a run: what one ledger writer keeps in memory with room to spare."""

UNITS_MAX: Final = 1_000_000
"""Units that all agents of a run together may have a value or cost for: each is held in memory by every service."""

RESOURCE_LENGTH_MAX: Final = 39
"""Characters in a resource's name: its clearing account `clearing_<resource>` is a name too."""

RESOURCES_RESERVED: Final = ("account", "credits", "debt", "ledger", "prices")
"""Names no resource may have: money and what is owed of it, and second tokens of subjects that are no market's."""


class Mode(StrEnum):
    """How time passes."""

    LOCK_STEP = "lock_step"
    """Ticks with a barrier: the same seed gives the same run."""
    REAL_TIME = "real_time"
    """Agents act when they like; arrival at the order queue is the order."""


class Until(StrEnum):
    """When a period ends."""

    TICKS = "ticks"
    """After `ticks_per_period` ticks."""
    EXHAUSTED = "exhausted"
    """When no two agents could still gain from a trade, at the latest after `ticks_per_period` ticks."""


class MechanismName(StrEnum):
    """How a market matches."""

    CONTINUOUS_DOUBLE_AUCTION = "continuous_double_auction"
    """Limit order book, price-time priority."""
    ZI_DOUBLE_AUCTION = "zi_double_auction"
    """Gode and Sunder's rules: best quotes only, a trade cancels all."""
    CALL_AUCTION = "call_auction"
    """Quotes collected over a window, cleared at one price."""


class Rationing(StrEnum):
    """Who trades at a call auction's clearing price when one side has more units."""

    PRICE_TIME = "price_time"
    """The better price, then the earlier order; in lock-step a tick's turns are themselves drawn by seed."""
    DRAW = "draw"
    """The better price, then by lot, drawn by seed."""


class PolicyName(StrEnum):
    """How an agent decides."""

    ZI_U = "zi_u"
    """Zero intelligence, unconstrained (Gode and Sunder 1993)."""
    ZI_C = "zi_c"
    """Zero intelligence, constrained to its own value or cost."""
    TRUTHFUL = "truthful"
    """Quotes its own value or cost."""
    ZIP = "zip"
    """Zero intelligence plus: learns a margin (Cliff 1997)."""
    SCRIPTED = "scripted"
    """Follows a list of actions."""
    EXTERNAL = "external"
    """An agent outside the hosts, connected by itself."""


class ScenarioPart(Message):
    """A table of a scenario file: TOML values are taken without coercion but for money and names."""

    model_config = ConfigDict(strict=False)


class Clock(ScenarioPart):
    """How time passes."""

    mode: Mode = Mode.LOCK_STEP
    """`lock_step` (repeatable) or `real_time`."""
    periods: Annotated[int, Field(ge=1, le=100_000)] = 1
    """Trading days: endowments are dealt again and books emptied at each."""
    ticks_per_period: Annotated[int, Field(ge=1, le=1_000_000)] = 60
    """Ticks in a period, at most."""
    until: Until = Until.TICKS
    """When a period ends."""
    tick_ms: Annotated[int, Field(ge=1, le=60_000)] = 100
    """Real time only: milliseconds between ticks."""
    deadline_ms: Annotated[int, Field(ge=100, le=600_000)] = 60_000
    """Lock-step only: a tick is closed after this long, even if an agent has not answered."""


class Market(ScenarioPart):
    """One resource and the mechanism that trades it."""

    resource: Name
    """What is traded, in whole units."""
    mechanism: MechanismName = MechanismName.CONTINUOUS_DOUBLE_AUCTION
    """How orders are matched."""
    tick_size: Credits = 10_000
    """Prices are multiples of this."""
    lot_size: Quantity = 1
    """Quantities are multiples of this."""
    price_min: Credits = 10_000
    """Lowest price allowed."""
    price_max: Credits = 4_000_000
    """Highest price allowed."""
    open_orders_max: Annotated[int, Field(ge=1, le=10_000)] = 100
    """Open orders an agent may have on this book."""
    book_orders_max: Annotated[int, Field(ge=1, le=1_000_000)] = 200_000
    """Open orders on this book, over all agents."""
    window_ticks: Annotated[int, Field(ge=1)] = 1
    """Call auction only: ticks between two clearings, counted in the period; its end clears too."""
    rationing: Rationing = Rationing.PRICE_TIME
    """Call auction only: who trades at the margin, `price_time` or `draw`."""

    @model_validator(mode="after")
    def check_resource(self) -> Self:
        """Refuse a resource whose name stands for something else, or is too long for its account's."""
        if self.resource in RESOURCES_RESERVED:
            message = f"resource {self.resource!r} is a name of the system's own; use another"
            raise ValueError(message)
        if len(self.resource) > RESOURCE_LENGTH_MAX:
            message = f"resource {self.resource!r} is longer than {RESOURCE_LENGTH_MAX} characters"
            raise ValueError(message)
        return self

    @model_validator(mode="after")
    def check_prices(self) -> Self:
        """Refuse price limits that are out of order or off the tick grid."""
        if self.tick_size < 1:
            message = "tick_size must be more than 0"
            raise ValueError(message)
        if not self.tick_size <= self.price_min <= self.price_max:
            message = "prices must satisfy tick_size <= price_min <= price_max"
            raise ValueError(message)
        if self.price_min % self.tick_size or self.price_max % self.tick_size:
            message = "price_min and price_max must be multiples of tick_size"
            raise ValueError(message)
        return self


class Role(ScenarioPart):
    """What the agents of a group do on one market."""

    resource: Name
    """The market."""
    side: Side
    """`bid` (a buyer with redemption values) or `ask` (a seller with costs)."""
    values: tuple[tuple[Credits, ...], ...] = ()
    """Value or cost of each unit, one list an agent, in order; shorter lists are used again in turn."""
    first: Credits | None = None
    """Instead of `values`: one unit each, the first agent's value or cost …"""
    last: Credits | None = None
    """… and the last agent's; the others lie evenly between, rounded to the tick size."""
    units: Quantity = 1
    """With `first` and `last`: units each agent has at that value or cost."""

    @model_validator(mode="after")
    def check_schedule(self) -> Self:
        """Ask for exactly one of `values` and the pair `first`, `last`."""
        pair = self.first is not None and self.last is not None
        if bool(self.values) == pair:
            message = "give either values = [[…], …] or both first and last"
            raise ValueError(message)
        if any(not units for units in self.values):
            message = "every list in values needs at least one unit"
            raise ValueError(message)
        return self


class ScriptedAction(ScenarioPart):
    """One step of a scripted agent."""

    tick: Tick
    """When: tick of the run."""
    resource: Name
    """Where."""
    verb: Verb
    """`bid`, `ask`, `cancel` or `replace`."""
    order_id: OrderId
    """The new order's id, unique in the run; or the order to cancel or replace."""
    price: Credits = 0
    """Credits a unit; not for a cancel."""
    quantity: Annotated[int, Field(ge=0)] = 1
    """Units; not for a cancel."""
    kind: OrderKind = OrderKind.LIMIT
    """Order type."""
    new_order_id: OrderId | None = None
    """For a replace: id of the order that takes its place."""

    @model_validator(mode="after")
    def check_verb(self) -> Self:
        """Ask a replace, and nothing else, for the new order's id."""
        if (self.verb is Verb.REPLACE) != (self.new_order_id is not None):
            message = 'new_order_id belongs to verb = "replace", and a replace needs it'
            raise ValueError(message)
        return self

    def action(self, agent: str) -> Action:
        """Return the action as the market takes it, in an agent's name."""
        if self.verb is Verb.CANCEL:
            return Action(self.verb, agent, self.order_id)
        return Action(
            self.verb, agent, self.order_id, self.price, self.quantity, self.kind, self.new_order_id
        )


class Group(ScenarioPart):
    """Agents that are alike: `<name>_001`, `<name>_002` and so on."""

    name: Name
    """Stem of the agents' ids; the id itself when `count` is 1 and the policy is `external`."""
    policy: PolicyName
    """How they decide."""
    count: Annotated[int, Field(ge=1, le=AGENTS_MAX)] = 1
    """How many."""
    credits: Credits = 100_000_000
    """Money each is dealt when the run opens."""
    activity_percent: Annotated[int, Field(ge=1, le=100)] = 100
    """Chance that one of them acts on a market at a tick; low values come near to one agent at a time."""
    roles: tuple[Role, ...] = ()
    """What they buy and sell."""
    script: tuple[ScriptedAction, ...] = ()
    """For `scripted`."""

    @model_validator(mode="after")
    def check_roles(self) -> Self:
        """Refuse two roles on one market, and a script that nobody would follow."""
        traded = [role.resource for role in self.roles]
        twice = sorted({name for name in traded if traded.count(name) > 1})
        if twice:
            message = f"two roles on market {twice[0]!r}; an agent buys or sells there, so make two groups"
            raise ValueError(message)
        if self.script and self.policy is not PolicyName.SCRIPTED:
            message = 'script is for policy = "scripted"'
            raise ValueError(message)
        return self


class Scenario(ScenarioPart):
    """Everything that defines a run."""

    name: Name
    """The scenario's own name."""
    title: str = ""
    """One line for lists."""
    description: str = ""
    """What it shows, and from where."""
    seed: Annotated[int, Field(ge=0, le=2**63 - 1)] = 1
    """Decides every random draw."""
    hosts: Annotated[int, Field(ge=1, le=64)] = 1
    """Agent hosts the groups are spread over."""
    clock: Clock = Clock()
    """How time passes."""
    markets: tuple[Market, ...] = Field(min_length=1, max_length=64)
    """What is traded."""
    agents: tuple[Group, ...] = Field(min_length=1)
    """Who trades."""
    expectations: tuple[Expectation, ...] = ()
    """Checked at the end of a run."""

    @model_validator(mode="after")
    def check_names(self) -> Self:
        """Refuse names used twice and roles on markets that are not declared."""
        resources = [m.resource for m in self.markets]
        names = [g.name for g in self.agents]
        for word, found in (("market", resources), ("agents group", names)):
            twice = {n for n in found if found.count(n) > 1}
            if twice:
                message = f"{word} {min(twice)!r} is declared twice"
                raise ValueError(message)
        for group in self.agents:
            for wanted in [r.resource for r in group.roles] + [s.resource for s in group.script]:
                if wanted not in resources:
                    message = f"agents group {group.name!r} trades {wanted!r}, which is not among the markets {resources}"
                    raise ValueError(message)
        if sum(g.count for g in self.agents) > AGENTS_MAX:
            message = f"more than {AGENTS_MAX} agents"
            raise ValueError(message)
        if sum(g.count * role.units for g in self.agents for role in g.roles) > UNITS_MAX:
            message = f"more than {UNITS_MAX} units"
            raise ValueError(message)
        return self

    @model_validator(mode="after")
    def check_expectations(self) -> Self:
        """Refuse expectations of no market, of several, or of periods the run does not have."""
        resources = [m.resource for m in self.markets]
        for expected in self.expectations:
            if expected.resource is None and len(resources) > 1:
                message = f"expectation of {expected.measure} needs resource, one of {resources}"
                raise ValueError(message)
            if expected.resource not in (None, *resources):
                message = f"expectation on {expected.resource!r}, which is not among the markets {resources}"
                raise ValueError(message)
            if (
                not expected.first_period
                <= (expected.last_period or self.clock.periods)
                <= self.clock.periods
            ):
                message = f"expectation of {expected.measure} is for periods the run does not have"
                raise ValueError(message)
        return self


__all__ = [
    "AGENTS_MAX",
    "Clock",
    "Credits",
    "Expectation",
    "Group",
    "Market",
    "Measure",
    "MechanismName",
    "Mode",
    "PolicyName",
    "Rationing",
    "Role",
    "Scenario",
    "ScenarioPart",
    "ScriptedAction",
    "Until",
    "format_credits",
    "parse_credits",
]
