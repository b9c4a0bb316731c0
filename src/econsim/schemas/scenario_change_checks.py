"""Checks of a scenario's changes against its tables and against each other; each error names the change and its key."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from difflib import get_close_matches
from typing import Final

from econsim.schemas.money import format_credits
from econsim.schemas.scenario_changes import OF_ROLES, OF_SCHEDULE, PeriodChange
from econsim.schemas.scenario_parts import Market, Role, wrong

SCHEDULE: Final = "values"
"""Key that stands for a whole schedule where changes are compared."""


def check_changes(
    changes: Sequence[PeriodChange], periods: int, roles_of: Mapping[str, Sequence[Role]]
) -> None:
    """Refuse changes of roles that a group does not have, in periods the run does not have, and two of one thing at one time."""
    for place, change in enumerate(changes):
        at = ("changes", place)
        for key in ("last_period", "first_period"):
            if (getattr(change, key) or 0) > periods:
                what = f"the change is for period {getattr(change, key)}, the run has {periods}"
                raise wrong(what, f"its periods are 1 to {periods}", *at, key)
        if change.group is not None:
            _check_roles(change, change.group, roles_of.get(change.group, ()), at)
        for earlier in changes[:place]:
            if (clash := _clash(earlier, change)) and (both := earlier.overlap(change)):
                first, last = both
                what = f"{clash} of {_thing(change)} is changed twice in period{_periods(first, last or periods)}"
                key = next(iter(change.schedule)) if clash == SCHEDULE else clash
                raise wrong(what, "let the changes hold in different periods, or leave one out", *at, key)


def check_held(
    changes: Sequence[PeriodChange],
    period: int,
    markets: Iterable[Market],
    roles_of: Mapping[str, Sequence[Role]],
) -> None:
    """Refuse changes after which a market or a role would be none; `markets` and the groups' roles are those of the period."""
    by_resource = {each.resource: each for each in markets}
    for place, change in enumerate(changes):
        if not change.holds_in(period):
            continue
        if (market := by_resource.get(change.market or "")) is not None:
            _check_market(market, period, ("changes", place), change)
        for role in filter(change.concerns, roles_of.get(change.group or "", ())):
            _check_schedule(role, change, ("changes", place))


def _check_roles(change: PeriodChange, group: str, roles: Sequence[Role], at: tuple[str, int]) -> None:
    """Refuse a change of a role that the group does not have, and one schedule for several roles."""
    concerned = [role for role in roles if change.concerns(role)]
    wanted = [key for key in change.keys if key in OF_ROLES]
    if wanted and not concerned:
        there = [role.resource for role in roles]
        what = f"group {group!r} has no role{'' if change.resource is None else f' on {change.resource!r}'}"
        raise wrong(what, f"its roles are on {there}" if there else "give it one", *at, "resource")
    if change.schedule and len(concerned) > 1:
        what = f"group {group!r} has several roles, and the change gives one schedule"
        raise wrong(what, f"name resource, one of {[role.resource for role in concerned]}", *at, "group")


def _check_market(market: Market, period: int, at: tuple[str, int], change: PeriodChange) -> None:
    """Refuse a market whose price limits and taxes fit no price."""
    floor, ceiling, size = market.price_min, market.price_max, market.tick_size
    limits = f"{format_credits(floor)} to {format_credits(ceiling)}"
    key = next(
        (key for key in ("price_ceiling", "price_floor", "tick_size") if getattr(change, key)), "market"
    )
    if floor > ceiling:
        what = f"in period {period} no price is allowed on {market.resource!r}: the floor is above the ceiling ({limits})"
        raise wrong(what, "let the floor be at most the ceiling", *at, key)
    if floor % size or ceiling % size or floor < size:
        what = f"in period {period} the price limits {limits} of {market.resource!r} are off the grid of {format_credits(size)}"
        raise wrong(what, "use multiples of the market's tick_size", *at, key)
    if change.tax is not None and market.tax >= ceiling:
        what = f"a tax of {format_credits(market.tax)} is as much as the highest price of {market.resource!r}, {format_credits(ceiling)}"
        raise wrong(what, "nobody could pay it; tax less", *at, "tax")


def _check_schedule(role: Role, change: PeriodChange, at: tuple[str, int]) -> None:
    """Refuse a schedule that a role could not have in its own table."""
    given = [key for key in OF_SCHEDULE if getattr(change, key) is not None]
    if given and not role.values and role.draw is None and (role.first is None or role.last is None):
        what = f"{given[0]} is given alone"
        raise wrong(what, "give values, draw, or both first and last", *at, given[0])
    kinds = [bool(role.values), role.draw is not None, role.first is not None]
    if sum(kinds) > 1:
        remedy = "give one of values = [[…], …], draw = { … }, or both first and last"
        what = "the change gives a role two schedules"
        raise wrong(what, remedy, *at, given[0] if given else "group")
    if role.values and role.units != 1:
        what = "units stands beside values"
        raise wrong(what, "write a value for each unit", *at, "units")


def _clash(one: PeriodChange, other: PeriodChange) -> str:
    """Return the key that two changes give to the same thing; empty if there is none."""
    if (one.market, one.group) != (other.market, other.group):
        return ""
    of_same_role = None in (one.resource, other.resource) or one.resource == other.resource
    others = {*_comparable_keys(other)}
    shared: Iterator[str] = (key for key in _comparable_keys(one) if key in others)
    return next((key for key in shared if key not in OF_ROLES or of_same_role), "")


def _comparable_keys(change: PeriodChange) -> list[str]:
    """Return the keys by which changes are compared: a schedule is one thing."""
    return [SCHEDULE if key in OF_SCHEDULE else key for key in change.keys]


def _thing(change: PeriodChange) -> str:
    if change.market is not None:
        return f"market {change.market!r}"
    return "the clock" if change.group is None else f"group {change.group!r}"


def _periods(first: int, last: int) -> str:
    return f" {first}" if first == last else f"s {first} to {last}"


def check_market(resource: str, known: AbstractSet[str], *at: int | str) -> None:
    """Refuse a market that is not declared; `at` is the place that names it."""
    if resource not in known:
        near = get_close_matches(resource, known, n=1)
        remedy = f"did you mean {near[0]!r}?" if near else f"declare it, or use one of {sorted(known)}"
        what = f"{resource!r} is not among the markets"
        raise wrong(what, remedy, *at)


def check_change(
    change: PeriodChange, resources: AbstractSet[str], groups: AbstractSet[str], place: int
) -> None:
    """Refuse a change of a market or a group that is not declared; `place` is its position, from 0."""
    for key in ("market", "resource"):
        if (resource := getattr(change, key)) is not None:
            check_market(resource, resources, "changes", place, key)
    if change.group is not None and change.group not in groups:
        near = get_close_matches(change.group, groups, n=1)
        remedy = f"did you mean {near[0]!r}?" if near else f"use one of {sorted(groups)}"
        what = f"{change.group!r} is no group of this scenario"
        raise wrong(what, remedy, "changes", place, "group")
