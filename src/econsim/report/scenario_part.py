"""The parameters of a run's scenario, and the definitions of its measures, as parts of the page."""

from __future__ import annotations

import json
from html import escape
from typing import Final

from econsim.report.definitions import OF_AGENTS, OF_MARKETS, OF_THINKING
from econsim.report.format import NOTHING, count, money, plural
from econsim.report.markup import section, table
from econsim.report.summary import Summary
from econsim.schemas.orders import Side
from econsim.schemas.scenario import Group, MechanismName, Role, Scenario, Until
from econsim.schemas.scenario_changes import PeriodChange
from econsim.schemas.scenario_parts import Market

LISTS_SHOWN_MAX: Final = 2
"""Lists of values of a role that are shown; the whole scenario stands below."""

WHOLE_BYTES_MAX: Final = 2**17
"""Bytes of a scenario that the page holds whole, 128 KiB: as much as a third of its charts."""


_ENDS: Final = {
    Until.TICKS: "{}",
    Until.EXHAUSTED: "at most {}, each until nobody could gain from a trade any more",
}
"""Condition that ends a period → its length in words."""


def scenario_part(scenario: Scenario) -> str:
    """Return the clock, the markets, the groups and the whole scenario, so that a printed page says what was run."""
    clock = scenario.clock
    facts = (
        f"{plural(clock.periods, 'period')} of {_ENDS[clock.until].format(plural(clock.ticks_per_period, 'tick'))}, "
        f"{clock.mode.value.replace('_', '-')}, seed {scenario.seed}; prices in credits."
    )
    markets = table(
        ("Market", "Mechanism", "Tick size", "Lowest price", "Highest price", "Tax", "Clears"),
        [_market(market) for market in scenario.markets],
        text=(1,),
        look="card stacked",
    )
    groups = table(
        ("Group", "Policy", "Agents", "Credits each", "Active", "Roles"),
        [_group(group) for group in scenario.agents],
        text=(1, 5),
        look="card stacked",
    )
    changes = table(("Periods", "Of", "Holds instead"), list(map(_change, scenario.changes)), text=(0, 1, 2))
    parts = (markets, groups, changes if scenario.changes else "", _whole(scenario))
    return section("Scenario", *parts, facts=escape(facts))


def definitions_part(summary: Summary) -> str:
    """Return what the measures of the page mean, and where each comes from."""
    listed = [*OF_MARKETS, *OF_AGENTS, *(OF_THINKING if summary.thinking else ())]
    told = (
        f"<dt>{escape(each.name)}</dt><dd>{escape(each.meaning)}. <span>{escape(each.source)}</span></dd>"
        for each in listed
    )
    return section("Measures", f'<dl class="card">{"".join(told)}</dl>')


def _market(market: Market) -> list[str]:
    is_call = market.mechanism is MechanismName.CALL_AUCTION
    return [
        market.resource,
        market.mechanism.value.replace("_", " "),
        *map(money, (market.tick_size, market.price_min, market.price_max)),
        f"{money(market.tax)} by {'buyers' if market.tax_side is Side.BID else 'sellers'}"
        if market.tax
        else NOTHING,
        f"every {count(market.window_ticks)} ticks" if is_call else "at every order",
    ]


def _group(group: Group) -> list[str]:
    return [
        group.name,
        str(getattr(group.policy, "value", group.policy)),
        count(group.count),
        money(group.credits),
        f"{group.activity_percent} %",
        "; ".join(map(_role, group.roles)) or NOTHING,
    ]


def _role(role: Role) -> str:
    does = "buys" if role.side is Side.BID else "sells"
    if role.values:
        lists = [", ".join(map(money, values)) for values in role.values[:LISTS_SHOWN_MAX]]
        more = " …" if len(role.values) > LISTS_SHOWN_MAX else ""
        return f"{does} {role.resource}: {' / '.join(lists)}{more}"
    units = "1 unit" if role.units == 1 else f"{count(role.units)} units"
    if role.draw:
        drawn = f"{role.draw.distribution.value}, drawn once a {role.draw.redraw.value}"
        return f"{does} {role.resource}: {units}, {money(role.draw.low)} to {money(role.draw.high)}, {drawn}"
    return f"{does} {role.resource}: {units}, {money(role.first)} to {money(role.last)}"


def _change(change: PeriodChange) -> tuple[str, str, str]:
    """Return the periods of a change, what it is about, and the keys that it gives other values to."""
    last = "the end" if change.last_period is None else str(change.last_period)
    about = change.market or " ".join(filter(None, (change.group, change.resource))) or "clock"
    given = change.model_dump(mode="json")
    keys = "; ".join(f"{key} = {json.dumps(given[key]).replace(chr(34), '')}" for key in change.keys)
    return f"{change.first_period} to {last}", about, keys


def _whole(scenario: Scenario) -> str:
    text = json.dumps(scenario.model_dump(mode="json", exclude_defaults=True), indent=2, ensure_ascii=False)
    if len(text) > WHOLE_BYTES_MAX:
        return ""
    return (
        '<details class="card"><summary>The whole scenario, as the log has it: amounts in millionths of a credit</summary>'
        f"<pre>{escape(text)}</pre></details>"
    )
