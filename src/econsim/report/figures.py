"""The figures of a run: which there are, their names, titles and captions. The page shows them, `econsim figure` writes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from econsim.report import market_charts, run_charts
from econsim.report.charts import LINES_MAX
from econsim.report.format import decimal, plural, policy_name
from econsim.report.markup import Figure
from econsim.report.run_charts import DotRow, rows_height
from econsim.report.series import POINTS_MAX, equilibrium_shares, quote_rows
from econsim.report.summary import MarketSummary, Summary
from econsim.report.verdict_table import verdict_figure
from econsim.schemas.orders import Side
from econsim.schemas.scenario import Group
from econsim.schemas.types import MICROS_PER_CREDIT

ROWS_MAX: Final = 40
"""Rows of dots in a figure: more fit no screen."""

ONE_RUN: Final = "The periods of one run follow from each other, so there is no interval."
"""Reason why a figure of one run shows no interval."""


def figures(summary: Summary) -> list[Figure]:
    """Return all figures of a run, in the order of its page."""
    return [
        *verdict_figure(summary.judged),
        *overview(summary),
        *(drawn for market in summary.markets for drawn in of_market(market, summary)),
        *of_thinking(summary),
        *of_agents(summary),
    ]


def overview(summary: Summary) -> list[Figure]:
    """Return the figures that set the markets of a run side by side."""
    judged = [market for market in summary.markets if market.efficiency is not None]
    if not judged:
        return []
    shown = judged[:ROWS_MAX]
    rows = [DotRow(market.resource, efficiencies(market), market.efficiency) for market in shown]
    shares = [(market.resource, *surplus_shares(market)) for market in shown]
    drawn = [
        Figure(
            "efficiency",
            "Efficiency",
            f"A dot is a period, the tick their mean. {ONE_RUN}{_remainder(judged, ROWS_MAX, 'market')}",
            run_charts.efficiency_strip(rows),
            height_px=rows_height(len(rows)),
        ),
        Figure(
            "surplus",
            "Who got the surplus",
            "Of the most possible, circle: buyers, square: sellers. Hollow: with all units of Q0 traded at P0.",
            run_charts.surplus_dots(shares),
            height_px=rows_height(len(rows)),
        ),
    ]
    if summary.periods == 1:
        return drawn
    lines = judged[:LINES_MAX]
    more = _remainder(judged, LINES_MAX, "market")
    efficient = {m.resource: [p.efficiency for p in m.periods] for m in lines}
    lowest = min([0.0, *(value for values in efficient.values() for value in values if value is not None)])
    chart = run_charts.lines_by_period(efficient, "efficiency", ".0%", ends=(lowest, 1.0))
    caption = f"Surplus realised over the most possible.{more}"
    drawn.append(Figure("efficiency_by_period", "Efficiency by period", caption, chart))
    if summary.constrained_efficiency is not None:
        held = {m.resource: [p.constrained_efficiency for p in m.periods] for m in lines}
        lowest = min([0.0, *(value for values in held.values() for value in values if value is not None)])
        chart = run_charts.lines_by_period(held, "efficiency of what is left", ".0%", ends=(lowest, 1.0))
        caption = f"Surplus realised over the most that price limits and taxes leave.{more}"
        drawn.append(Figure("constrained_efficiency_by_period", "Efficiency of what is left", caption, chart))
    alphas = {m.resource: [p.alpha for p in m.periods] for m in lines}
    chart = run_charts.lines_by_period(alphas, "Smith's alpha, %", ".1~f")
    caption = f"How far prices stray from P0, in percent of it; it falls where traders learn.{more}"
    return [*drawn, Figure("alpha_by_period", "Smith's alpha by period", caption, chart)]


def of_market(market: MarketSummary, summary: Summary) -> list[Figure]:
    """Return the figures of one market."""
    name = market.resource
    drawn = [
        Figure(
            f"{name}_prices",
            f"Price path of {name}",
            _price_caption(market),
            market_charts.price_path(market, summary),
            wide=True,
        ),
        Figure(
            f"{name}_schedule",
            f"Supply and demand for {name}",
            "Private values and costs of a period's units; a dot is a trade, at its place in its period."
            + (
                " Of the first period, and trades of periods with its equilibrium."
                if _changes(market)
                else ""
            ),
            market_charts.supply_and_demand(market, summary),
        ),
    ]
    if market.efficiency is not None:
        drawn += [
            Figure(
                f"{name}_shares",
                f"Surplus of buyers and sellers of {name}",
                f"Values less prices paid, and prices got less costs{_before_tax(market)}."
                + (" Dashed: at the equilibrium price P0." if equilibrium_shares(market) else ""),
                market_charts.surplus_by_side(market),
            ),
            Figure(
                f"{name}_surplus",
                f"Surplus of {name} within a period",
                "How much of the possible gains from trade was realised by each tick"
                + ("; band: from the lowest to the highest period." if len(market.periods) > 1 else "."),
                market_charts.surplus_in_period(market, summary),
            ),
        ]
    if market.trades:
        chart = market_charts.volume_by_tick(market, summary)
        drawn.append(Figure(f"{name}_volume", f"Volume of {name}", "Units traded over the run.", chart))
    return drawn


def of_thinking(summary: Summary) -> list[Figure]:
    """Return the figures about payments for calls of models; none for a run without calls."""
    if not summary.thinking:
        return []
    shown = summary.thinking[:LINES_MAX]
    more = _remainder(summary.thinking, LINES_MAX, "group")
    costs = {group.group: [period.cost for period in group.periods] for group in shown}
    out = {group.group: [period.priced_out for period in group.periods] for group in shown}
    return [
        Figure(
            "thinking_cost",
            "Cost of thinking",
            f"Credits that an agent of each group paid for calls in a period, on average.{more}",
            run_charts.lines_by_period(costs, "credits an agent", ".2~f"),
        ),
        Figure(
            "priced_out",
            "Priced out",
            f"Share of a group's agents that could not afford their newest call.{more}",
            run_charts.lines_by_period(out, "share of agents", ".0%", ends=(0.0, 1.0)),
        ),
    ]


def of_agents(summary: Summary) -> list[Figure]:
    """Return the figures of what agents earned and own."""
    groups = summary.scenario.agents[:ROWS_MAX]
    rows = [earnings(group, summary) for group in groups]
    more = _remainder(summary.scenario.agents, ROWS_MAX, "group")
    return [
        Figure(
            "profits",
            "Profit by group and policy",
            "A dot is an agent: money owned less money owed at the end, beyond what was dealt. Box: the middle half of the "
            f"group; tick and number: its median. Blue circles buy, vermilion squares sell.{more}",
            run_charts.earnings_strip(rows),
            wide=True,
            height_px=rows_height(len(rows)),
        ),
        Figure(
            "lorenz",
            "Lorenz curve of wealth",
            f"Share of all wealth held by the poorest; Gini {decimal(summary.gini, 3)}.",
            run_charts.lorenz([holder.wealth for holder in summary.holders]),
        ),
    ]


def efficiencies(market: MarketSummary) -> list[float]:
    """Return the efficiency of each period that has one, a fraction."""
    return [period.efficiency for period in market.periods if period.efficiency is not None]


def surplus_shares(market: MarketSummary) -> tuple[tuple[float, float], tuple[float, float] | None]:
    """Return the share of the most surplus possible that buyers and sellers had, and would have at P0."""
    possible = market.surplus_max / MICROS_PER_CREDIT
    sides = [
        sum(getattr(period.shares, side) for period in market.periods) / MICROS_PER_CREDIT / possible
        for side in ("buyers", "sellers")
    ]
    possible /= len(market.periods)
    at_p0 = equilibrium_shares(market)
    return (sides[0], sides[1]), None if at_p0 is None else (at_p0[0] / possible, at_p0[1] / possible)


def earnings(group: Group, summary: Summary) -> DotRow:
    """Return what each agent of a group earned, credits, with the median."""
    earned = sorted(
        holder.profit / MICROS_PER_CREDIT for holder in summary.holders if holder.group == group.name
    )
    sides = {role.side for role in group.roles}
    kind = "" if len(sides) != 1 else "buyers" if Side.BID in sides else "sellers"
    middle = (earned[(len(earned) - 1) // 2] + earned[len(earned) // 2]) / 2 if earned else None
    return DotRow(f"{group.name} · {policy_name(group)}", earned, middle, kind)


def _price_caption(market: MarketSummary) -> str:
    told = (
        "A dot is a trade"
        if len(market.trades) <= POINTS_MAX
        else f"Mean price and its range of {len(market.trades)} trades"
    )
    quotes = "; lines are the best bid and ask at the end of each tick" if quote_rows(market) else ""
    held = " within price limits and after tax" if any(day.is_constrained for day in market.periods) else ""
    each = " of each period" if market.lasting_equilibrium is None else ""
    return f"{told}{quotes}; dashed: the equilibrium price P0{each}{held}, grey: all prices at which demand meets supply."


def _changes(market: MarketSummary) -> bool:
    """Tell whether the equilibrium, or what price limits and taxes leave of it, differs from period to period."""
    return market.varies or market.lasting_equilibrium is None


def _before_tax(market: MarketSummary) -> str:
    return ", before tax" if any(day.tax for day in market.periods) else ""


def _remainder(found: Sequence[object], most: int, what: str) -> str:
    """Return a sentence about rows that are not shown; empty if all are."""
    return f" The first {most} of {plural(len(found), what)}." if len(found) > most else ""
