"""Warnings about a scenario that is valid but probably a mistake; a warning does not stop the run. Pure.

Errors are found by the schema and `population`. Each warning names the key that a person would change.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from econsim.domain.agent.population import chooses_quantities
from econsim.domain.market.order_checks import terms_refusal
from econsim.domain.scenario.bound_warnings import bound_warnings
from econsim.domain.scenario.change_warnings import change_warnings
from econsim.domain.scenario.feasibility_warnings import feasibility_warnings
from econsim.domain.scenario.scenario_warning import Key, ScenarioWarning
from econsim.schemas.expectation import GROUP_MEASURES, Measure, MeasureExpectation
from econsim.schemas.money import format_credits
from econsim.schemas.orders import Side, Verb
from econsim.schemas.scenario import (
    THINKING,
    Group,
    Market,
    MechanismName,
    Mode,
    PolicyName,
    PolicyPath,
    Role,
    Scenario,
    ScriptedAction,
)
from econsim.schemas.scenario_cognition import CODED
from econsim.schemas.types import MICROS_PER_CREDIT

PRICED: Final = frozenset(CODED) - {PolicyName.ZI_U}
"""Policies whose bids come from the value of a unit."""

PERCENT_MAX: Final = 100
"""Percent: no market realises more than the most surplus possible, and no seller sells more than all units."""


def warnings(scenario: Scenario) -> Iterator[ScenarioWarning]:
    """Yield the warnings about a scenario, in the order of the file."""
    yield from _clock(scenario)
    markets = {market.resource: market for market in scenario.markets}
    reach = {market.resource: _ReachablePrices(scenario, market) for market in scenario.markets}
    for place, market in enumerate(scenario.markets):
        yield from _market(("markets", place), market, scenario)
        yield from reach[market.resource].warnings(("markets", place, "resource"))
    for place, group in enumerate(scenario.agents):
        yield from _group(("agents", place), group, markets, reach)
        if group.policy in THINKING:
            from econsim.domain.scenario.thinking_warnings import thinking_warnings

            yield from thinking_warnings(("agents", place), group, scenario)
    yield from _scripts(scenario, markets)
    yield from feasibility_warnings(scenario)
    for place, expected in enumerate(scenario.expectations):
        if isinstance(expected, MeasureExpectation) and expected.measure not in GROUP_MEASURES:
            yield from _expectation_of_periods(("expectations", place), expected, scenario)
    yield from bound_warnings(scenario)
    yield from change_warnings(scenario, warnings)


def _clock(scenario: Scenario) -> Iterator[ScenarioWarning]:
    clock, real_time = scenario.clock, scenario.clock.mode is Mode.REAL_TIME
    unused = "deadline_ms" if real_time else "tick_ms"
    if (
        unused in clock.model_fields_set
        and getattr(clock, unused) != type(clock).model_fields[unused].default
    ):
        other = "lock_step" if real_time else "real_time"
        yield ScenarioWarning(
            ("clock", unused), f"{unused} has no effect", f'it is for mode = "{other}"; leave it out'
        )


def _market(key: Key, market: Market, scenario: Scenario) -> Iterator[ScenarioWarning]:
    """Warn of windows that do not fit, and of settings of another mechanism."""
    ticks, window = scenario.clock.ticks_per_period, market.window_ticks
    if market.mechanism is MechanismName.CALL_AUCTION:
        if window > ticks:
            what = f"window_ticks {window} is longer than a period of {ticks} ticks: each period has one shorter window"
            yield ScenarioWarning((*key, "window_ticks"), what, f"use at most {ticks}")
        elif ticks % window:
            what = f"window_ticks {window} does not fit a period of {ticks} ticks: its last window is shorter"
            remedy = "use a divisor of ticks_per_period"
            yield ScenarioWarning((*key, "window_ticks"), what, remedy)
        return
    for name in ("window_ticks", "rationing"):
        if getattr(market, name) != type(market).model_fields[name].default:
            remedy = 'it is for mechanism = "call_auction"; leave it out'
            yield ScenarioWarning((*key, name), f"{name} has no effect on a {market.mechanism.value}", remedy)


class _ReachablePrices:
    """The prices that a market's buyers can pay and its sellers can take."""

    def __init__(self, scenario: Scenario, market: Market) -> None:
        self.market = market
        self._is_token_market = (
            scenario.cognition is not None and scenario.cognition.resource == market.resource
        )
        self.bids: list[int] = []
        self.asks: list[int] = []
        self.units = dict.fromkeys(Side, 0)
        self.has_unknown_limits = False
        """True if agents trade here with limits that the scenario does not give."""
        for group in scenario.agents:
            self._add(group)

    @property
    def bid(self) -> int | None:
        """The highest price a buyer can pay, micro-credits; none without a buyer that can bid at all."""
        return max(
            (min(bid, self.market.price_max) for bid in self.bids if bid >= self.market.price_min),
            default=None,
        )

    @property
    def ask(self) -> int | None:
        """The lowest price a seller can take, micro-credits; none without a seller that can ask at all."""
        return min(
            (max(ask, self.market.price_min) for ask in self.asks if ask <= self.market.price_max),
            default=None,
        )

    @property
    def trades(self) -> bool:
        """Return whether a trade is possible."""
        return self.has_unknown_limits or (
            self.bid is not None and self.ask is not None and self.ask <= self.bid
        )

    def warnings(self, key: Key) -> Iterator[ScenarioWarning]:
        """Yield a warning if no trade is possible."""
        if self.trades:
            return
        name, bid, ask = self.market.resource, self.bid, self.ask
        if (all_bids := bid is None and self.bids) or (ask is None and self.asks):
            whose, given = ("values", self.bids) if all_bids else ("costs", self.asks)
            limits = f"{format_credits(self.market.price_min)} to {format_credits(self.market.price_max)}"
            span = f"{format_credits(min(given))} to {format_credits(max(given))}"
            what = f"no trade is possible on {name!r}: all {whose} there, {span}, are outside its price limits {limits}"
            yield ScenarioWarning(key, what, "change them, or the limits")
            return
        if bid is None or ask is None:
            missing = " or ".join(verb for verb, price in (("buys", bid), ("sells", ask)) if price is None)
            what = f"no trade is possible on {name!r}: nobody {missing} there within its price limits"
            yield ScenarioWarning(key, what, "add a group with a role there")
            return
        what = (
            f"no trade is possible on {name!r}: the highest value is {format_credits(bid)}, "
            f"the lowest cost {format_credits(ask)}"
        )
        yield ScenarioWarning(key, what, "let a value lie above a cost")

    def _add(self, group: Group) -> None:
        scripted = any(step.resource == self.market.resource for step in group.script)
        # What agents pay for units to think with is no value of a role.
        thinking = group.policy in THINKING and self._is_token_market
        # A policy of one's own may trade without a role, and at a loss.
        own = group.policy is PolicyName.EXTERNAL or isinstance(group.policy, PolicyPath)
        unknown = scripted or thinking or own
        self.has_unknown_limits = self.has_unknown_limits or unknown
        for role in group.roles:
            if role.resource != self.market.resource or group.policy is PolicyName.SCRIPTED:
                continue
            if not group.present:
                continue
            self.units[role.side] += role.units_of(group.count)
            limits = (self.market.price_min, self.market.price_max)
            tax = self.market.tax_of(role.side) * (-1 if role.side is Side.BID else 1)
            prices = limits if group.policy is PolicyName.ZI_U else [end + tax for end in _ends(role)]
            (self.bids if role.side is Side.BID else self.asks).extend(prices)


def _ends(role: Role) -> Iterable[int]:
    """Return a role's values, or the ends of those that lie between."""
    if role.values:
        return [value for units in role.values for value in units]
    ends = (role.draw.low, role.draw.high) if role.draw else (role.first, role.last)
    return [value for value in ends if value is not None]


def _does_something(group: Group) -> bool:
    """Return whether agents of a group trade, or work for others."""
    return bool(group.roles) or (group.thinking is not None and "accept_task" in group.thinking.tools)


def _group(
    key: Key, group: Group, markets: dict[str, Market], reach: dict[str, _ReachablePrices]
) -> Iterator[ScenarioWarning]:
    if group.policy is PolicyName.SCRIPTED and not group.script:
        yield ScenarioWarning((*key, "policy"), f"group {group.name!r} does nothing", "give it a script")
    elif not (chooses_quantities(group.policy) or _does_something(group)):
        yield ScenarioWarning((*key, "policy"), f"group {group.name!r} does nothing", "give it roles")
    for place, role in enumerate(group.roles):
        where = (*key, "roles", place)
        yield from _values(where, role, markets[role.resource])
        if role.side is Side.BID:
            yield from _budget((*key, "credits"), group, role, reach[role.resource])


def _values(key: Key, role: Role, market: Market) -> Iterator[ScenarioWarning]:
    """Warn of values off the grid and outside the price limits, for each of a role's keys."""
    for name, value in _given_values(role):
        noun = "value" if role.side is Side.BID else "cost"
        text = f"{noun} {format_credits(value)}"
        if value % market.tick_size:
            what = f"{text} is off the grid of {format_credits(market.tick_size)}: agents quote the next price within it"
            yield ScenarioWarning((*key, *name), what, "use multiples of the market's tick_size")
        if not market.price_min <= value <= market.price_max:
            limits = f"{format_credits(market.price_min)} to {format_credits(market.price_max)}"
            yield ScenarioWarning(
                (*key, *name), f"{text} is outside the price limits {limits}", "change it, or the limits"
            )


def _given_values(role: Role) -> Iterator[tuple[Key, int]]:
    """Yield the values of a role as the scenario gives them, each once, with their keys."""
    seen: set[int] = set()
    for agent, units in enumerate(role.values):
        for unit, value in enumerate(units):
            if value not in seen:
                seen.add(value)
                yield ("values", agent, unit), value
    for name, end in (("first", role.first), ("last", role.last)):
        if end is not None:
            yield (name,), end
    if role.draw is not None:
        yield ("draw", "low"), role.draw.low
        yield ("draw", "high"), role.draw.high


def _budget(key: Key, group: Group, role: Role, reach: _ReachablePrices) -> Iterator[ScenarioWarning]:
    """Warn of buyers that cannot pay for one unit: at the lowest cost, or at their own value if they quote no other."""
    market = reach.market
    least = market.price_min if reach.has_unknown_limits or reach.ask is None else reach.ask
    if group.policy is PolicyName.TRUTHFUL:
        affordable = [value for value in _ends(role) if value >= least]
        least = max(least, min((min(value, market.price_max) for value in affordable), default=least))
    least = (least + market.reserved_tax) * market.lot_size
    if group.credits < least:
        what = (
            f"agents of group {group.name!r} have {format_credits(group.credits)} credits each and need at least "
            f"{format_credits(least)} for a unit of {market.resource!r}"
        )
        yield ScenarioWarning(key, what, "deal them more")
    elif group.policy in PRICED and group.credits < (worth := _worth(role, market)):
        what = (
            f"agents of group {group.name!r} have {format_credits(group.credits)} credits each and cannot bid "
            f"{format_credits(worth)}, what a unit of {market.resource!r} is worth to them: efficiency counts that as lost"
        )
        yield ScenarioWarning(key, what, "deal them more")


def _worth(role: Role, market: Market) -> int:
    """Return the most that a buyer of a role bids for a unit, micro-credits."""
    given = [units[0] for units in role.values] or list(_ends(role))
    return max(min(value, market.price_max) for value in given) * market.lot_size


def _scripts(scenario: Scenario, markets: dict[str, Market]) -> Iterator[ScenarioWarning]:
    """Warn of scripted actions that never happen or that their market will refuse."""
    ticks = sum(
        (last - first + 1) * scenario.in_period(first).clock.ticks_per_period
        for first, last in scenario.stretches
    )
    placed: set[tuple[str, str]] = set()
    for place, group in enumerate(scenario.agents):
        if group.script and group.count > 1:
            what = f"{group.count} agents follow one script: only the first one's orders are not refused as repeats"
            yield ScenarioWarning(
                ("agents", place, "count"), what, "give each a group and order ids of its own"
            )
        for row, step in enumerate(group.script):
            key: Key = ("agents", place, "script", row)
            order = (step.resource, step.new_order_id or step.order_id)
            if not 1 <= step.tick <= ticks:
                what = f"tick {step.tick} never comes: the run has at most ticks 1 to {ticks}"
                yield ScenarioWarning((*key, "tick"), what, "choose one of those")
            if step.verb is not Verb.CANCEL and order in placed:
                what = f"order id {order[1]!r} is used twice on {step.resource!r}: the second order will be refused"
                yield ScenarioWarning((*key, "order_id"), what, "give each order an id of its own")
            if step.verb is not Verb.CANCEL:
                placed.add(order)
                yield from _step(key, step, markets[step.resource])


def _step(key: Key, step: ScriptedAction, market: Market) -> Iterator[ScenarioWarning]:
    if code := terms_refusal(market, step.price, step.quantity):
        name = "quantity" if code.startswith("quantity") else "price"
        what = f"order {step.order_id!r} of {step.quantity} at {format_credits(step.price)} will be refused: {code}"
        yield ScenarioWarning(
            (*key, name), what, f"see tick_size, lot_size and price limits of {market.resource!r}"
        )


def _expectation_of_periods(
    key: Key, expected: MeasureExpectation, scenario: Scenario
) -> Iterator[ScenarioWarning]:
    """Warn of an expectation that can be met under no conditions of its periods."""
    resource = expected.resource or scenario.markets[0].resource
    found: list[list[ScenarioWarning]] = []
    for first, last in scenario.stretches:
        if first <= (expected.last_period or last) and expected.first_period <= last:
            held = scenario.in_period(first)
            market = next(market for market in held.markets if market.resource == resource)
            found.append(list(_expectation(key, expected, _ReachablePrices(held, market))))
    if all(found):
        yield from found[0]


def _expectation(
    key: Key, expected: MeasureExpectation, reach: _ReachablePrices
) -> Iterator[ScenarioWarning]:
    """Warn of an expectation that no run can meet."""
    measure, market = expected.measure, reach.market
    low, high = expected.value - expected.tolerance, expected.value + expected.tolerance
    if not reach.trades and (measure is not Measure.TRADES_PER_PERIOD or low > 0):
        what = f"expectation of {measure.value} on {market.resource!r}, where no trade is possible"
        yield ScenarioWarning((*key, "measure"), what, "it cannot be met")
        return
    least, most = _bounds(measure, reach)
    if high < least or (most is not None and low > most):
        what = f"expectation of {measure.value} {expected.value:g} ± {expected.tolerance:g} can never hold"
        yield ScenarioWarning((*key, "value"), what, f"there it is {_bounds_text(least, most)}")


def _bounds(measure: Measure, reach: _ReachablePrices) -> tuple[float, float | None]:
    """Return the least and the most that a measure can be on a market; None without a bound."""
    match measure:
        case Measure.EFFICIENCY | Measure.CONSTRAINED_EFFICIENCY:
            return float("-inf"), PERCENT_MAX
        case Measure.TAX_REVENUE:
            return float("-inf"), None
        case Measure.FIRST_ARRIVAL:
            return 0, PERCENT_MAX
        case Measure.MEAN_PRICE:
            return reach.market.price_min / MICROS_PER_CREDIT, reach.market.price_max / MICROS_PER_CREDIT
        case Measure.TRADES_PER_PERIOD if not reach.has_unknown_limits:
            return 0, min(reach.units.values())
    return 0, None


def _bounds_text(least: float, most: float | None) -> str:
    if most is None:
        return f"at least {least:g}"
    return f"at most {most:g}" if least < 0 else f"{least:g} to {most:g}"
