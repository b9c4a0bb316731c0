"""Economic figures of one open run, folded from its log, and their metrics. Pure.

Keeps sums and not trades, so that a scrape costs the same after an hour as after a second. A measure without a meaning yet (no
trade, no possible surplus) has no sample.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final

from econsim import subjects
from econsim.domain.agent.conditions import Conditions
from econsim.domain.agent.optima import Optima
from econsim.domain.audit.facts import Json, Record
from econsim.domain.clock.surplus import Surplus
from econsim.domain.measures.measures import efficiency, gini
from econsim.domain.metrics.family import COUNTER, GAUGE, Families, Family
from econsim.schemas.ledger import CREDITS, DEBT, MONEY, TREASURY, Position, clearing_holder
from econsim.schemas.scenario import Market, Scenario
from econsim.schemas.subject import OWNERS
from econsim.schemas.types import MICROS_PER_CREDIT

FOLLOWED: Final = (
    subjects.TICKED,
    subjects.TICK_CLEARED,
    subjects.TRADE_EXECUTED,
    subjects.LLM_INVOKED,
    subjects.TOOL_COMPLETED,
    subjects.TOOL_FAILED,
    subjects.LETTER_BURIED,
)
"""Events that change these figures."""

Balances = Mapping[str, Mapping[str, Position]]
"""Holder → asset → position."""

_COUNTERS: Final = {
    "econsim_orders": "Actions that a book has processed.",
    "econsim_trades": "Trades of a market.",
    "econsim_units_traded": "Units that were traded.",
    "econsim_model_calls": "Calls of language models that a provider was asked for, by outcome.",
    "econsim_model_tokens": "Tokens of prompts (input) and answers (output).",
    "econsim_thinking_cost_credits": "Credits paid for calls of models.",
    "econsim_tool_calls": "Calls of outside tools, by outcome.",
    "econsim_tool_cost_credits": "Credits paid for calls of tools.",
    "econsim_dead_letters": "Messages of the run that no handler could finish.",
}
_GAUGES: Final = {
    "econsim_run_tick": "Newest tick of the run.",
    "econsim_run_period": "Trading day of the run.",
    "econsim_run_agents": "Agents of the run.",
    "econsim_price_credits": "Price of the last trade.",
    "econsim_equilibrium_price_credits": "Equilibrium price, from the agents' private values.",
    "econsim_spread_credits": "Lowest ask less highest bid, when both were last there.",
    "econsim_efficiency": "Surplus realised so far over the most possible in the periods begun, a fraction.",
    "econsim_gini": "Gini coefficient of the agents' credits: 0 is equal, towards 1 is all to one.",
    "econsim_credits_in_circulation": "Credits that the agents own.",
    "econsim_debt_credits": "Credits that the agents owe.",
    "econsim_ledger_imbalance": "Sum of an asset over all holders, in credits or units, which must be 0.",
}


class _MarketFigures:
    """Figures of one market."""

    def __init__(self, market: Market, conditions: Conditions) -> None:
        self.optima = Optima(conditions, market.resource)
        self.orders = self.trades = self.volume = self.surplus = 0
        self.quote: Json = {}
        self.spread: int | None = None
        self._traded = Surplus(market.resource, conditions)
        self._period = 0

    def clear(self, data: Json) -> None:
        """Add a batch of the book."""
        self.orders += data["orders"]
        self.trades += data["trades"]
        self.volume += data["volume"]
        self.quote = quote = data["quote"]
        if quote.get("bid") is not None and quote.get("ask") is not None:
            self.spread = quote["ask"] - quote["bid"]

    def trade(self, items: Iterable[Json], period: int) -> None:
        """Add trades of a period; a new one starts with new units."""
        if period != self._period:
            self._period = period
            self._traded.begin_period(period)
        for item in items:
            self.surplus += self._traded.trade(item["buyer"], item["seller"], item["quantity"])


class RunFigures:
    """Figures of one run, which grow with each event."""

    def __init__(self, run: str, scenario: Scenario) -> None:
        """Start when the run opens."""
        self.run = run
        """Id of the run."""
        conditions = Conditions(scenario)
        self.ended_s: float | None = None
        """Time of its end on the clock of who follows it, seconds; none while it is open."""
        self.agents = tuple(agent.id for agent in conditions.agents(1))
        """Ids of its agents."""
        clearing = [clearing_holder(market.resource) for market in scenario.markets]
        self.holders = (*self.agents, TREASURY, *OWNERS, *clearing, *conditions.fiscal_holders)
        """Names of all that may have an account: a service that is paid has one under its own name."""
        self._markets = {m.resource: _MarketFigures(m, conditions) for m in scenario.markets}
        self._tick, self._period = 0, 1
        self._calls: Counter[tuple[str, str]] = Counter()
        self._tokens: Counter[tuple[str, str]] = Counter()
        self._thinking: Counter[str] = Counter()
        self._tools: Counter[tuple[str, str]] = Counter()
        self._tool_cost: Counter[str] = Counter()
        self._letters = 0

    def add(self, entry: Record) -> None:
        """Add an event of the run; one that changes no figure is ignored."""
        match entry.type:
            case subjects.TICKED.type:
                self._tick, self._period = entry.tick, entry.data["period"]
            case subjects.TICK_CLEARED.type if entry.entity in self._markets:
                self._markets[entry.entity].clear(entry.data)
            case subjects.TRADE_EXECUTED.type if entry.entity in self._markets:
                self._markets[entry.entity].trade(entry.data["items"], self._period)
            case subjects.LLM_INVOKED.type:
                for outcome in entry.data["items"]:
                    self._think(outcome)
            case subjects.TOOL_COMPLETED.type | subjects.TOOL_FAILED.type:
                failed = entry.type == subjects.TOOL_FAILED.type
                self._tools[entry.entity, "failed" if failed else "ok"] += 1
                self._tool_cost[entry.entity] += entry.data["price"]
            case subjects.LETTER_BURIED.type:
                self._letters += 1

    def families(self, balances: Balances) -> Iterable[Family]:
        """Return the metrics of the run; `balances` are those of all holders, or none if they cannot be read now."""
        found = Families()
        found.declare(COUNTER, _COUNTERS)
        found.declare(GAUGE, _GAUGES)
        found["econsim_run_tick"].add(self._tick, run=self.run)
        found["econsim_run_period"].add(self._period, run=self.run)
        found["econsim_run_agents"].add(len(self.agents), run=self.run)
        found["econsim_dead_letters"].add(self._letters, run=self.run)
        for resource, market in self._markets.items():
            self._add_market(found, resource, market)
        self._add_calls(found)
        if balances:
            self._add_money(found, balances)
        return found.with_samples()

    def _think(self, outcome: Json) -> None:
        model = outcome["model"]
        self._calls[model, "failed" if outcome["failure"] else "ok"] += 1
        for kind in ("input", "output"):
            self._tokens[model, kind] += outcome["usage"][f"{kind}_tokens"]
        self._thinking[model] += outcome["price"]

    def _add_market(self, found: Families, resource: str, market: _MarketFigures) -> None:
        where = {"run": self.run, "resource": resource}
        found["econsim_orders"].add(market.orders, **where)
        found["econsim_trades"].add(market.trades, **where)
        found["econsim_units_traded"].add(market.volume, **where)
        quote, best = market.quote, market.optima.constrained_optimum(self._period)
        found["econsim_price_credits"].add(_credits(quote.get("last")), **where)
        found["econsim_equilibrium_price_credits"].add(_credits(best.price), **where)
        found["econsim_spread_credits"].add(_credits(market.spread), **where)
        found["econsim_efficiency"].add(
            efficiency(market.surplus, market.optima.possible(self._period)), **where
        )

    def _add_calls(self, found: Families) -> None:
        for (model, outcome), count in self._calls.items():
            found["econsim_model_calls"].add(count, run=self.run, model=model, outcome=outcome)
        for (model, kind), count in self._tokens.items():
            found["econsim_model_tokens"].add(count, run=self.run, model=model, kind=kind)
        for model, paid in self._thinking.items():
            found["econsim_thinking_cost_credits"].add(_credits(paid), run=self.run, model=model)
        for (server, outcome), count in self._tools.items():
            found["econsim_tool_calls"].add(count, run=self.run, server=server, outcome=outcome)
        for server, paid in self._tool_cost.items():
            found["econsim_tool_cost_credits"].add(_credits(paid), run=self.run, server=server)

    def _add_money(self, found: Families, balances: Balances) -> None:
        totals: Counter[str] = Counter()
        for positions in balances.values():
            for asset, position in positions.items():
                totals[asset] += position.posted
        owned = [balances.get(agent, {}) for agent in self.agents]
        amounts = {
            asset: [positions[asset].posted for positions in owned if asset in positions]
            for asset in (CREDITS, DEBT)
        }
        found["econsim_gini"].add(gini(amounts[CREDITS]), run=self.run)
        found["econsim_credits_in_circulation"].add(_credits(sum(amounts[CREDITS])), run=self.run)
        found["econsim_debt_credits"].add(_credits(sum(amounts[DEBT])), run=self.run)
        if TREASURY in balances:
            for asset, total in totals.items():
                amount = _credits(total) if asset in MONEY else total
                found["econsim_ledger_imbalance"].add(amount, run=self.run, asset=asset)


def _credits(micros: float | None) -> float | None:
    return None if micros is None else micros / MICROS_PER_CREDIT
