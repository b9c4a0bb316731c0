"""Monitors of markets: limit prices, books that are not crossed, equilibrium price, spread. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from econsim import subjects
from econsim.domain.agent.conditions import Conditions
from econsim.domain.agent.optima import Optima
from econsim.domain.expectation.monitor import (
    GAP_DECIMALS,
    Decision,
    Monitor,
    Watch,
    failing,
    holding,
    room_for_one_more,
    vacuous,
)
from econsim.domain.expectation.occurrence import Facts, Fields, Now, Occurrence
from econsim.domain.expectation.pattern import constraint_words, miss, predicate
from econsim.schemas.expectation_economic import EquilibriumPrice, LimitPrices, Spread, Uncrossed
from econsim.schemas.money import format_credits
from econsim.schemas.scenario import Scenario
from econsim.schemas.scenario_words import MechanismName
from econsim.schemas.types import MICROS_PER_CREDIT

PERCENT: Final = 100

_ACCEPTED: Final = Fields("order_id", "price", "quantity", "replaces")
_ENDED: Final = Fields("order_id")
_TRADED: Final = Fields("trade_id", "bid_id", "ask_id", "price", "quantity")


@dataclass(slots=True)
class _WatchedOrder:
    """An order that may trade."""

    limit: int
    """Its price limit, in micro-credits."""
    left: int
    """Units that are still open."""
    facts: Facts
    """Facts in which it was accepted."""
    position: int
    """Its place among them."""


class LimitPricesMonitor(Monitor):
    """Judges `limit_prices`: keeps the limits of open orders."""

    def __init__(self, form: LimitPrices) -> None:
        """Start before the first event."""
        super().__init__()
        self._resource = form.resource
        self._orders: dict[tuple[str, str], _WatchedOrder] = {}
        self._ended: list[tuple[str, str]] = []
        self._tick = 0
        self._trades = 0

    def watches(self) -> Iterator[Watch]:
        """Yield all that changes open orders, and trades."""
        here = self._resource or ""
        yield Watch(subjects.BID_ACCEPTED.type, see_all=self._accept, entity=here)
        yield Watch(subjects.ASK_ACCEPTED.type, see_all=self._accept, entity=here)
        yield Watch(subjects.ORDER_CANCELLED.type, see_all=self._cancel, entity=here)
        yield Watch(subjects.TRADE_EXECUTED.type, see_all=self._trade, entity=here)

    def decision(self, now: Now, *, ended: bool) -> Decision:
        """Return that no trade was outside its orders' limits."""
        del now, ended
        if self.decided or not self._trades:
            return self.decided or vacuous("nothing was traded")
        return holding(f"all {self._trades} trades were within the limits of their orders")

    def _accept(self, facts: Facts) -> None:
        self._turn(facts.tick)
        entity, orders = facts.entity, self._orders
        for position, (order, price, quantity, replaced) in enumerate(facts.values(_ACCEPTED)):
            room_for_one_more(len(orders))
            orders[entity, order] = _WatchedOrder(price, quantity, facts, position)
            # The order before may still trade in this batch: a market publishes orders before trades.
            if replaced:
                self._ended.append((entity, replaced))

    def _cancel(self, facts: Facts) -> None:
        self._turn(facts.tick)
        entity = facts.entity
        self._ended += [(entity, order) for (order,) in facts.values(_ENDED)]

    def _turn(self, tick: int) -> None:
        """Forget the orders that ended in a batch of an earlier tick."""
        if tick > self._tick:
            self._tick = tick
            for order in self._ended:
                self._orders.pop(order, None)
            self._ended.clear()

    def _trade(self, facts: Facts) -> None:
        self._turn(facts.tick)
        entity = facts.entity
        for position, (trade, bid, ask, price, quantity) in enumerate(facts.values(_TRADED)):
            self._trades += 1
            for side, sign, id_ in (("bid", 1, bid), ("ask", -1, ask)):
                order = (entity, id_)
                found = self._orders.get(order)
                if found is None:
                    text = f"trade {trade} is of {side} {id_}, which was never accepted"
                    self.decide(facts.sequence, text, facts.occurrence(position))
                    break
                over = sign * (price - found.limit)
                if over > 0:
                    self._fail(facts.occurrence(position), side, found, over)
                found.left -= quantity
                if found.left <= 0:
                    self._ended.append(order)

    def _fail(self, seen: Occurrence, side: str, order: _WatchedOrder, over: int) -> None:
        price, trade = format_credits(seen.data["price"]), seen.data["trade_id"]
        text = f"trade {trade} was at {price}, the limit of its {side} is {format_credits(order.limit)}"
        missed = f"{format_credits(over)} credits"
        self.decide(seen.sequence, text, order.facts.occurrence(order.position), seen, missed_by=missed)


class UncrossedMonitor(Monitor):
    """Judges `uncrossed`; a call auction's book is crossed until its window ends, so it is looked at only if it is named."""

    def __init__(self, form: Uncrossed, scenario: Scenario | None) -> None:
        """Start before the first event."""
        super().__init__()
        self._resource = form.resource
        self._scenario = scenario
        self._calls = calls(scenario)
        self._checked = 0

    def watches(self) -> Iterator[Watch]:
        """Yield each change of a quote, and the run's opening unless its markets are known."""
        if self._scenario is None:
            yield Watch(subjects.RUN_OPENED.type, self._open)
        yield Watch(subjects.PRICE_UPDATED.type, see_all=self._see, entity=self._resource or "")

    def decision(self, now: Now, *, ended: bool) -> Decision:
        """Return that no book was crossed."""
        del now, ended
        if self.decided or not self._checked:
            return self.decided or vacuous("no book had both a bid and an ask")
        return holding(f"no book was crossed after {self._checked} changes of its quote")

    def _open(self, seen: Occurrence) -> None:
        self._calls = calls(Scenario.model_validate(seen.data["scenario"]))

    def _see(self, facts: Facts) -> None:
        quote = facts.field("quote")
        if quote["bid"] is None or quote["ask"] is None:
            return
        if self._calls and not self._resource and facts.entity in self._calls:
            return
        self._checked += 1
        if quote["bid"] >= quote["ask"]:
            entity = facts.entity
            bid, ask = format_credits(quote["bid"]), format_credits(quote["ask"])
            text = f"the book of {entity} has a bid at {bid} and an ask at {ask} after matching"
            over = format_credits(quote["bid"] - quote["ask"])
            self.decide(
                facts.sequence, text, facts.occurrence(0), missed_by=f"{over} credits", needs_all=False
            )


class SpreadMonitor(Monitor):
    """Judges `spread`."""

    def __init__(self, form: Spread) -> None:
        """Start before the first event."""
        super().__init__()
        self._form, self._test = form, predicate(form.value)
        self._total = self._count = 0
        self._widest: tuple[int, Facts] | None = None

    def watches(self) -> Iterator[Watch]:
        """Yield the end of each batch."""
        yield Watch(subjects.TICK_CLEARED.type, see_all=self._see, entity=self._form.resource or "")

    def decision(self, now: Now, *, ended: bool) -> Decision:
        """Return whether the mean spread is as it must be."""
        del now, ended
        if not self._count:
            return vacuous("no book had both a bid and an ask")
        mean = self._total / self._count / MICROS_PER_CREDIT
        text = f"the mean spread of {self._count} batches is {mean:.4g} credits, {constraint_words(self._form.value)} must hold"
        if self._test(mean):
            return holding(text)
        gap = miss(self._form.value, mean)
        witness = (self._widest[1].occurrence(0),) if self._widest else ()
        return failing(text, "" if gap is None else f"{gap:.4g} credits", witness)

    def _see(self, facts: Facts) -> None:
        quote = facts.field("quote")
        if None not in (quote["bid"], quote["ask"]):
            spread = quote["ask"] - quote["bid"]
            self._total += spread
            self._count += 1
            if self._widest is None or spread > self._widest[0]:
                self._widest = spread, facts


class EquilibriumPriceMonitor(Monitor):
    """Judges `equilibrium_price`, period by period."""

    def __init__(self, form: EquilibriumPrice, scenario: Scenario | None) -> None:
        """Start before the first event."""
        super().__init__()
        self._form = form
        self._optima: Optima | None = None
        self._interval: tuple[float, float] | None = None
        self._intervals: set[tuple[float, float]] = set()
        self._period = 0
        self._money = self._units = self._periods = 0
        self._farthest: tuple[float, Facts, int] | None = None
        if scenario is not None:
            self._use(scenario)

    def watches(self) -> Iterator[Watch]:
        """Yield trades, and the ticks and periods that they are in."""
        yield Watch(subjects.RUN_OPENED.type, self._open)
        here = self._form.resource or ""
        yield Watch(subjects.TICK_CLEARED.type, see_all=self._clear, entity=here)
        yield Watch(subjects.TRADE_EXECUTED.type, see_all=self._trade, entity=here)

    def decision(self, now: Now, *, ended: bool) -> Decision:
        """Return whether the mean price of every period was in the interval."""
        if ended:
            self._end_period(now.sequence)
        if self.decided:
            return self.decided
        if not self._intervals:
            return vacuous("no price brings the values and costs of this market together")
        if not self._periods:
            return vacuous("no period had trades")
        if len(self._intervals) > 1:
            return holding(f"the mean price of {self._periods} periods lay at the equilibrium of each")
        ((low, high),) = self._intervals
        return holding(
            f"the mean price of {self._periods} periods lay between {low:.4g} and {high:.4g} credits"
        )

    def _open(self, seen: Occurrence) -> None:
        self._use(Scenario.model_validate(seen.data["scenario"]))

    def _use(self, scenario: Scenario) -> None:
        """Take the agents' private values, and the interval of the first period from them."""
        market = next(m for m in scenario.markets if self._form.resource in (None, m.resource))
        self._optima = Optima(Conditions(scenario), market.resource)
        self._open_period(1)

    def _open_period(self, period: int) -> None:
        """Compute the interval of a period."""
        found = None if self._optima is None else price_interval(self._optima, period)
        self._interval = None
        if found is None:
            return
        middle = (found[0] + found[1]) / 2
        slack = middle * self._form.tolerance_percent / PERCENT
        self._interval = (found[0] - slack) / MICROS_PER_CREDIT, (found[1] + slack) / MICROS_PER_CREDIT

    def _clear(self, facts: Facts) -> None:
        if facts.field("period_closed"):
            self._end_period(facts.sequence)

    def _trade(self, facts: Facts) -> None:
        if self._interval is None:
            return
        low, high = self._interval
        for position, trade in facts.data():
            self._money += trade["price"] * trade["quantity"]
            self._units += trade["quantity"]
            price = trade["price"] / MICROS_PER_CREDIT
            distance = max(low - price, price - high)
            if self._farthest is None or distance > self._farthest[0]:
                self._farthest = distance, facts, position

    def _end_period(self, sequence: int) -> None:
        """Judge the mean price of the period that ends."""
        self._period += 1
        if self._interval:
            self._intervals.add(self._interval)
        if self._units and self._interval and self._period >= self._form.first_period:
            self._periods += 1
            mean, (low, high) = self._money / self._units / MICROS_PER_CREDIT, self._interval
            missed = round(max(low - mean, mean - high), GAP_DECIMALS)
            if missed > 0:
                text = f"the mean price of period {self._period} is {mean:.4g}, expected are {low:.4g} to {high:.4g} credits"
                witness = (self._farthest[1].occurrence(self._farthest[2]),) if self._farthest else ()
                self.decide(sequence, text, *witness, missed_by=f"{missed:.4g} credits")
        self._money = self._units = 0
        self._farthest = None
        self._open_period(self._period + 1)


def calls(scenario: Scenario | None) -> frozenset[str]:
    """Return the resources that trade in call auctions, in any period."""
    held = [scenario.in_period(first) for first, _ in scenario.stretches] if scenario else []
    markets = [market for each in held for market in each.markets]
    return frozenset(m.resource for m in markets if m.mechanism is MechanismName.CALL_AUCTION)


def price_interval(optima: Optima, period: int) -> tuple[int, int] | None:
    """Return the lowest and highest equilibrium price within the price limits and after the tax; none without one."""
    found = optima.constrained_optimum(period)
    if found.price_low is None or found.price_high is None:
        return None
    return found.price_low, found.price_high
