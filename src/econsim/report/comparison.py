"""Several runs on one page: what differs in their scenarios, their measures with differences, and figures on the same axes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Final

from econsim.domain.measures.measures import mean
from econsim.report import run_charts
from econsim.report.charts import LINES_MAX, axis
from econsim.report.document import Document, render_document
from econsim.report.figures import ROWS_MAX, earnings, efficiencies, surplus_shares
from econsim.report.format import NOTHING, count, decimal, plural
from econsim.report.markup import Figure, Specs, grid, section, table
from econsim.report.run_charts import DotRow, rows_height
from econsim.report.summary import MarketSummary, Summary
from econsim.schemas.types import MICROS_PER_CREDIT

RUNS_MAX: Final = LINES_MAX
"""Runs of a page: as many as there are lines that can be told apart."""

PARAMETERS_MAX: Final = 60
"""Parameters that differ and are listed: runs that differ in more are of other scenarios."""

UNCOMPARED: Final = frozenset({"title", "description", "expectations", "unjudged", "recorded"})
"""Fields of a scenario that change nothing of a run."""

ONE_EACH: Final = "Each run is one observation, so a difference of two runs has no interval; compare many seeds with econsim bench compare."
"""Caution that belongs to every number on the page."""

Named = Mapping[str, Summary]
"""Label of a run → its summary, in the order they were asked for."""


def write_comparison(summaries: Sequence[Summary], path: Path) -> Path:
    """Write the page of two runs or more, at most RUNS_MAX, with the directories it needs; return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(render_comparison(summaries), encoding="utf-8")
    return path


def render_comparison(summaries: Sequence[Summary]) -> str:
    """Return the page of several runs as an HTML document."""
    specs: Specs = {}
    runs = _runs_by_label(summaries)
    resources = dict.fromkeys(market.resource for each in summaries for market in each.markets)
    main = (
        section("Runs", _runs(runs)),
        section("What differs in their scenarios", _parameters(runs)),
        section("Measures", _measures(runs), facts=escape(ONE_EACH)),
        *(section(escape(each), grid(_of_market(each, runs), specs)) for each in resources),
        section("Agents", grid([_earnings(runs)], specs)),
    )
    names = ", ".join(runs)
    return render_document(
        Document(
            title=f"Comparison of {names}",
            eyebrow="econsim · comparison of runs",
            heading=f"Comparison of {plural(len(runs), 'run')}",
            lede="Figures of all runs stand on the same axes.",
            notes="",
            main="\n".join(main),
            footer=f"<p>Runs {escape(names)}.</p>",
            specs=specs,
            origin=" · ".join(_origin(name, each) for name, each in runs.items()),
        )
    )


def parameters(summary: Summary) -> dict[str, str]:
    """Return the parameters of a run's scenario by dotted path; lists of groups and markets by their names."""
    values = summary.scenario.model_dump(mode="json", exclude=set(UNCOMPARED))
    return dict(_flat("", values))


def _runs_by_label(summaries: Sequence[Summary]) -> Named:
    """Return the runs by label: their names, with a number after one that several have."""
    seen: Counter[str] = Counter()
    often = Counter(each.run for each in summaries)
    found = {}
    for each in summaries:
        seen[each.run] += 1
        found[f"{each.run} {seen[each.run]}" if often[each.run] > 1 else each.run] = each
    return found


def _origin(name: str, summary: Summary) -> str:
    return ", ".join([name, *summary.marks])


def _runs(runs: Named) -> str:
    rows = [
        (
            name,
            each.scenario.name,
            str(each.scenario.seed),
            f"{count(each.periods)} of {count(each.scenario.clock.periods)}",
            count(each.trades),
            "; ".join(each.marks) or NOTHING,
            each.canonical_hash[:12] or NOTHING,
        )
        for name, each in runs.items()
    ]
    return table(
        ("Run", "Scenario", "Seed", "Periods", "Trades", "Marks", "Hash"),
        rows,
        text=(1, 5),
        look="card stacked",
    )


def _flat(path: str, value: object) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _flat(f"{path}.{key}" if path else str(key), inner)
    elif isinstance(value, list) and value and all(isinstance(each, dict) for each in value):
        for place, inner in enumerate(value):
            name = inner.get("name") or inner.get("resource") or place
            yield from _flat(f"{path}.{name}", inner)
    else:
        yield path, str(value)


def _parameters(runs: Named) -> str:
    known = [parameters(each) for each in runs.values()]
    paths = dict.fromkeys(path for each in known for path in each)
    rows = [
        [path, *(each.get(path, NOTHING) for each in known)]
        for path in paths
        if len({each.get(path, NOTHING) for each in known}) > 1
    ]
    if not rows:
        return "<p>Nothing: the same scenario and seed.</p>"
    more = f"<p>And {count(len(rows) - PARAMETERS_MAX)} more.</p>" if len(rows) > PARAMETERS_MAX else ""
    return table(("Parameter; amounts in millionths of a credit", *runs), rows[:PARAMETERS_MAX]) + more


def _measures(runs: Named) -> str:
    rows = []
    for resource in dict.fromkeys(market.resource for each in runs.values() for market in each.markets):
        found = [_numbers(_market(each, resource)) for each in runs.values()]
        for name, digits in _DIGITS.items():
            values = [each.get(name) for each in found]
            rows.append([f"{resource}: {name}", *_with_differences(values, digits)])
    ginis = [each.gini for each in runs.values()]
    rows.append(["Gini of wealth", *_with_differences(ginis, 3)])
    first, *others = runs
    head = ["Measure", first, *(text for name in others for text in (name, "difference"))]
    return table(head, rows)


def _with_differences(values: Sequence[float | None], digits: int) -> list[str]:
    """Return the first value, and each other one with its difference from the first."""
    first, *others = values
    cells = [decimal(first, digits)]
    for value in others:
        change = NOTHING if first is None or value is None else f"{value - first:+.{digits}f}"
        cells += [decimal(value, digits), change]
    return cells


_DIGITS: Final = {
    "efficiency, %": 2,
    "Smith's alpha, %": 2,
    "mean price": 4,
    "units a period": 2,
    "surplus of buyers a period": 3,
    "surplus of sellers a period": 3,
}
"""Measure of a market → its decimals."""


def _numbers(market: MarketSummary | None) -> dict[str, float | None]:
    if market is None:
        return {}
    periods = len(market.periods)
    shares = [
        (mean([getattr(period.shares, side) for period in market.periods]) or 0.0) / MICROS_PER_CREDIT
        for side in ("buyers", "sellers")
    ]
    efficiency = market.efficiency
    values = (
        None if efficiency is None else 100 * efficiency,
        market.alpha,
        market.mean_price,
        market.volume / periods if periods else None,
        *shares,
    )
    return dict(zip(_DIGITS, values, strict=True))


def _market(summary: Summary, resource: str) -> MarketSummary | None:
    return next((market for market in summary.markets if market.resource == resource), None)


def _of_market(resource: str, runs: Named) -> list[Figure]:
    found = {name: market for name, each in runs.items() if (market := _market(each, resource))}
    judged = {name: market for name, market in found.items() if market.efficiency is not None}
    drawn = []
    if judged:
        rows = [DotRow(name, efficiencies(each), each.efficiency) for name, each in judged.items()]
        shares = [(name, *surplus_shares(each)) for name, each in judged.items()]
        drawn += [
            Figure(
                f"{resource}_efficiency",
                f"Efficiency of {resource}",
                "A dot is a period, the tick their mean.",
                run_charts.efficiency_strip(rows),
                height_px=rows_height(len(rows)),
            ),
            Figure(
                f"{resource}_shares",
                f"Who got the surplus of {resource}",
                "Mean over periods, circle: buyers, square: sellers. Hollow: with all units of Q0 traded at P0.",
                run_charts.surplus_dots(shares),
                height_px=rows_height(len(rows)),
            ),
            _lines(f"{resource}_alpha", f"Smith's alpha of {resource}", judged, "alpha", "Smith's alpha, %"),
        ]
    drawn.append(
        _lines(f"{resource}_prices", f"Mean price of {resource}", found, "mean_price", "price, credits")
    )
    return drawn


def _lines(name: str, title: str, markets: Mapping[str, MarketSummary], measure: str, unit: str) -> Figure:
    lines = {run: [getattr(period, measure) for period in market.periods] for run, market in markets.items()}
    ends = axis([value for each in lines.values() for value in each], from_zero=measure == "alpha")
    chart = run_charts.lines_by_period(lines, unit, ".4~f", ends=ends)
    return Figure(name, title, "A line is a run, by period.", chart)


def _earnings(runs: Named) -> Figure:
    groups = dict.fromkeys(group.name for each in runs.values() for group in each.scenario.agents)
    rows = [
        row._replace(name=f"{row.name} · {name}")
        for group in groups
        for name, each in runs.items()
        for row in [earnings(found, each) for found in each.scenario.agents if found.name == group]
    ]
    more = f" The first {ROWS_MAX} of {count(len(rows))} rows." if len(rows) > ROWS_MAX else ""
    return Figure(
        "profits",
        "Profit by group, policy and run",
        f"A dot is an agent; box: the middle half of the group; tick and number: its median.{more}",
        run_charts.earnings_strip(rows[:ROWS_MAX]),
        wide=True,
        height_px=rows_height(len(rows[:ROWS_MAX])),
    )
