"""Changes of a scenario: what holds in some of its periods instead of what its tables say.

A change gives other values to keys of one market, of one group and its roles, or of the clock. `Scenario.in_period` applies those
of a period; nothing else knows how.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Final, Self

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from econsim.schemas.money import PriceCredits, SignedCredits, UnitCredits
from econsim.schemas.orders import Side
from econsim.schemas.scenario_parts import (
    TAX_ACCOUNT_LENGTH_MAX,
    Clock,
    Draw,
    Market,
    Role,
    ScenarioPart,
    wrong,
)
from econsim.schemas.scenario_words import MechanismName, Rationing, Until
from econsim.schemas.types import PERIODS_MAX, PRICE_MAX, TICKS_PER_PERIOD_MAX, Name, Quantity

CHANGES_MAX: Final = 100
"""Changes of a scenario: what holds between any two of them is checked like a scenario of its own before a run opens."""

SCALE_MAX: Final = 10_000
"""Percent of a value or cost, at most: a hundred times as much."""

PERCENT: Final = 100

OF_MARKET: Final = {
    "price_floor": "price_min",
    "price_ceiling": "price_max",
    **{
        key: key
        for key in (
            *("tax", "tax_side", "tax_account", "mechanism", "tick_size"),
            *("window_ticks", "rationing", "open_orders_max"),
        )
    },
}
"""Key of a change → key of the market that it changes."""

OF_GROUP: Final = ("present", "activity_percent")
"""Keys of the group that a change changes."""

OF_SCHEDULE: Final = ("values", "first", "last", "units", "draw")
"""Keys of a change that together give a role another schedule of values or costs."""

OF_ROLES: Final = ("shift", "scale_percent", *OF_SCHEDULE)
"""Keys of a change of roles."""

OF_CLOCK: Final = ("ticks_per_period", "until")
"""Keys of the clock that a change changes."""

_Period = Annotated[int, Field(strict=True, ge=1, le=PERIODS_MAX)]


class PeriodChange(ScenarioPart):
    """A change of a market, a group or the clock in some periods; keys that it leaves out stay as they are."""

    first_period: _Period
    """First period in which the change holds."""
    last_period: _Period | None = None
    """Last period in which the change holds; none for the run's last."""
    market: Name | None = None
    """Resource of the market that is changed."""
    group: Name | None = None
    """Group that is changed; a change of neither a market nor a group is one of the clock."""
    resource: Name | None = None
    """Market of the role that is changed, of a group with several roles; none for all its roles."""
    price_floor: PriceCredits | None = None
    """Lowest price allowed, in the stead of the market's `price_min`."""
    price_ceiling: PriceCredits | None = None
    """Highest price allowed, in the stead of the market's `price_max`."""
    tax: SignedCredits | None = None
    """Tax on each unit traded, credits; negative for a subsidy."""
    tax_side: Side | None = None
    """Side that pays the tax or gets the subsidy: `bid` or `ask`."""
    tax_account: Annotated[Name | None, Field(max_length=TAX_ACCOUNT_LENGTH_MAX)] = None
    """Account that the tax goes to and the subsidy comes from."""
    mechanism: MechanismName | None = None
    """Mechanism that matches the orders."""
    tick_size: PriceCredits | None = None
    """Tick size of the market."""
    window_ticks: Annotated[int | None, Field(strict=True, ge=1, le=TICKS_PER_PERIOD_MAX)] = None
    """Number of ticks between two clearings of a call auction."""
    rationing: Rationing | None = None
    """Rationing at the margin of a call auction."""
    open_orders_max: Annotated[int | None, Field(strict=True, ge=1, le=10_000)] = None
    """Number of open orders an agent may have on the book."""
    present: Annotated[bool | None, Field(strict=True)] = None
    """False for a group that has left the market: its agents have no units and no values, and do not act."""
    activity_percent: Annotated[int | None, Field(strict=True, ge=1, le=100)] = None
    """Chance, in percent, that an agent of the group acts on a market at a tick."""
    shift: SignedCredits | None = None
    """Credits that are added to every value or cost of the role, after `scale_percent`; never below 0."""
    scale_percent: Annotated[int | None, Field(strict=True, ge=0, le=SCALE_MAX)] = None
    """Percent to which every value or cost of the role is scaled, to the nearest micro-credit."""
    values: tuple[Annotated[tuple[UnitCredits, ...], Field(min_length=1)], ...] | None = None
    """Values or costs of the units, in the stead of the role's; likewise `first`, `last`, `units` and `draw`."""
    first: UnitCredits | None = None
    """Value or cost of the first agent."""
    last: UnitCredits | None = None
    """Value or cost of the last agent."""
    units: Quantity | None = None
    """Number of units each agent has."""
    draw: Draw | None = None
    """Distribution from which the value or cost of each unit is drawn."""
    ticks_per_period: Annotated[int | None, Field(strict=True, ge=1, le=TICKS_PER_PERIOD_MAX)] = None
    """Number of ticks in a period, at most."""
    until: Until | None = None
    """Condition that ends a period: `ticks` or `exhausted`."""

    @model_serializer(mode="wrap")
    def given_keys(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Return the keys that are given: a key that a later version adds changes no hash."""
        return {key: value for key, value in handler(self).items() if value is not None}

    @model_validator(mode="after")
    def check_keys(self) -> Self:
        """Refuse a change of two things, of nothing, and with keys of another thing."""
        if self.market is not None and self.group is not None:
            what = "a change is of a market and of a group"
            raise wrong(what, "make two changes", "group")
        thing, own = self._thing
        for key in self.keys:
            if key not in own:
                what = f"{key} is no key of {thing}"
                raise wrong(what, _remedy(key, own), key)
        if not self.keys:
            what = f"the change of {thing} changes nothing"
            raise wrong(what, f"give one of {', '.join(sorted(own))}", "first_period")
        if self.resource is not None and not own.intersection(OF_ROLES, self.keys):
            what = "resource is given to a change of no role"
            raise wrong(what, "leave it out", "resource")
        if self.last_period is not None and self.last_period < self.first_period:
            what = f"last_period {self.last_period} is before first_period {self.first_period}"
            raise wrong(what, "swap them", "last_period")
        return self

    @property
    def _thing(self) -> tuple[str, frozenset[str]]:
        """Name of what is changed, and the keys that a change of it may have."""
        if self.market is not None:
            return f"market {self.market!r}", frozenset(OF_MARKET)
        if self.group is not None:
            return f"group {self.group!r}", frozenset((*OF_GROUP, *OF_ROLES))
        return "the clock", frozenset(OF_CLOCK)

    @property
    def keys(self) -> tuple[str, ...]:
        """Keys that the change gives other values to, in the order of their tables."""
        every = (*OF_MARKET, *OF_GROUP, *OF_ROLES, *OF_CLOCK)
        return tuple(key for key in every if getattr(self, key) is not None)

    @property
    def schedule(self) -> dict[str, object]:
        """Keys of the schedule that the change gives to a role; nothing if it gives none."""
        return {key: getattr(self, key) for key in OF_SCHEDULE if getattr(self, key) is not None}

    def holds_in(self, period: int) -> bool:
        """Return whether the change holds in a period."""
        return self.first_period <= period and (self.last_period is None or period <= self.last_period)

    def overlap(self, other: PeriodChange) -> tuple[int, int | None] | None:
        """Return the first and last period in which both hold; none if there is no such period."""
        first = max(self.first_period, other.first_period)
        lasts = [last for last in (self.last_period, other.last_period) if last is not None]
        last = min(lasts, default=None)
        return None if last is not None and last < first else (first, last)

    def concerns(self, role: Role) -> bool:
        """Return whether a change of the role's group is about the role."""
        return self.resource in (None, role.resource)


def _remedy(key: str, own: frozenset[str]) -> str:
    """Return what to do with a key of another thing than the change is about."""
    if own == frozenset(OF_CLOCK):
        return f"say which {'market' if key in OF_MARKET else 'group'} it is of"
    if key in OF_CLOCK:
        return "make a change of its own, without market and group"
    return f"the keys here are {', '.join(sorted(own))}"


def boundaries(changes: Iterable[PeriodChange], periods: int) -> list[tuple[int, int]]:
    """Return the first and last period of each stretch of a run in which the same changes hold, in order."""
    starts = {1}
    for change in changes:
        starts |= {change.first_period, *(() if change.last_period is None else (change.last_period + 1,))}
    ordered = sorted(start for start in starts if start <= periods)
    return list(zip(ordered, [*(start - 1 for start in ordered[1:]), periods], strict=True))


def changed_market(market: Market, changes: Iterable[PeriodChange]) -> Market:
    """Return a market with the changes that are about it."""
    update = {
        OF_MARKET[key]: getattr(change, key)
        for change in changes
        if change.market == market.resource
        for key in change.keys
    }
    return market.model_copy(update=update) if update else market


def changed_clock(clock: Clock, changes: Iterable[PeriodChange]) -> Clock:
    """Return the clock with the changes that are about it."""
    update = {key: getattr(change, key) for change in changes for key in change.keys if key in OF_CLOCK}
    return clock.model_copy(update=update) if update else clock


def changed_keys(group: str, roles: Iterable[Role], changes: Iterable[PeriodChange]) -> dict[str, object]:
    """Return the keys of a group's table that changes give other values to: its roles among them."""
    own = [change for change in changes if change.group == group]
    if not own:
        return {}
    update: dict[str, object] = {
        key: getattr(change, key) for change in own for key in change.keys if key in OF_GROUP
    }
    update["roles"] = tuple(
        changed_role(role, [change for change in own if change.concerns(role)]) for role in roles
    )
    return update


def changed_role(role: Role, changes: Iterable[PeriodChange]) -> Role:
    """Return a role with the changes that are about it: another schedule first, then scaled, then shifted."""
    scale, shift = PERCENT, 0
    for change in changes:
        if given := change.schedule:
            role = role.model_copy(update={**_empty_keys(given), **given})
        scale = scale if change.scale_percent is None else change.scale_percent
        shift = shift if change.shift is None else change.shift
    return role if (scale, shift) == (PERCENT, 0) else _moved_role(role, scale, shift)


def _empty_keys(given: Mapping[str, object]) -> dict[str, object]:
    """Return the keys of the schedule that another kind of schedule takes the place of, as they are without it."""
    if "values" in given:
        return {"first": None, "last": None, "draw": None, "units": 1}
    if "draw" in given:
        return {"values": (), "first": None, "last": None}
    return {"values": (), "draw": None} if given.keys() & {"first", "last"} else {}


def _moved_role(role: Role, scale: int, shift: int) -> Role:
    """Return a role whose values or costs are scaled, then shifted."""

    def move(value: int) -> int:
        scaled = (2 * value * scale + PERCENT) // (2 * PERCENT)
        return min(max(scaled + shift, 0), PRICE_MAX)

    update: dict[str, object] = {"values": tuple(tuple(map(move, units)) for units in role.values)}
    update |= {key: move(end) for key in ("first", "last") if (end := getattr(role, key)) is not None}
    if (draw := role.draw) is not None:
        moved = {key: move(end) for key in ("low", "high", "mean") if (end := getattr(draw, key)) is not None}
        if draw.deviation is not None:
            # Ends that were moved to 0 or to the highest price lie closer together: no draw would come between them.
            width = moved["high"] - moved["low"]
            moved["deviation"] = max(min(draw.deviation * scale // PERCENT, width), 1)
        update["draw"] = draw.model_copy(update=moved)
    return role.model_copy(update=update)
