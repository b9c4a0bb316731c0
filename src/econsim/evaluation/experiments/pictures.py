"""The picture of each experiment, as an Altair chart without colours of page and text.

`page` adds the colours for the page and for the picture file, so one chart serves both.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import altair as alt

from econsim.domain.measures.measures import confidence_interval
from econsim.evaluation.experiments.catalogue import PRICE, alphas, prices
from econsim.evaluation.experiments.runs import Runs, days, group_days
from econsim.evaluation.experiments.verdicts import Comparison
from econsim.report.charts import BLUE, CORAL, GREY, TEAL
from econsim.report.series import Rows

Drawing = alt.Chart | alt.LayerChart | alt.FacetChart
"""Finished chart."""

Picture = Callable[[tuple[Runs, ...], tuple[Comparison, ...]], Drawing]
"""Function from runs and comparisons to a chart."""

OTHER_EXCHANGE: Final = (18.6, 10.4, 9.0)
"""Alpha of ZIP in an independent exchange with rules of its own, days 1 to 3."""

INK: Final = "#5b6475"
"""Intervals and published values: readable on light and dark."""

EFFICIENCY: Final = "efficiency: share of all possible gains from trade, %"
"""Title of an axis."""

NAMES: Final = {
    "zip": "ZIP, learns",
    "zi_c": "ZI-C, random",
    "good": "ZI-C, random",
    "hasty": "hasty, thinks at every tick",
    "prudent": "prudent, keeps 5 credits",
}
"""Market or group → name of its traders."""


def smith1962(studies: tuple[Runs, ...], comparisons: tuple[Comparison, ...]) -> Drawing:
    """Draw alpha by period."""
    del comparisons
    rows = by_day(studies[0], ("good",), alphas)
    return alt.layer(*_band(rows, _colours({"ZI-C, random": CORAL}), "Smith's alpha, %", zero=True))


def zip_learning(studies: tuple[Runs, ...], comparisons: tuple[Comparison, ...]) -> Drawing:
    """Draw alpha by day of those that learn and those that do not, beside the published points."""
    del comparisons
    rows = by_day(studies[0], ("zip", "zi_c"), alphas)
    other = "ZIP, another exchange"
    points = [{"day": day, "alpha": alpha, "who": other} for day, alpha in enumerate(OTHER_EXCHANGE, 1)]
    colour = _colours({"ZIP, learns": BLUE, "ZI-C, random": CORAL, other: GREY})
    return alt.layer(*_band(rows, colour, "Smith's alpha, %", zero=True), _points(points, colour))


def flat_supply(studies: tuple[Runs, ...], comparisons: tuple[Comparison, ...]) -> Drawing:
    """Draw mean prices by day against the equilibrium."""
    del comparisons
    rows = by_day(studies[0], ("zip", "zi_c"), prices)
    colour = _colours({"ZIP, learns": BLUE, "ZI-C, random": CORAL, "equilibrium": GREY})
    line = alt.Chart(_inline_data([{"price": PRICE, "who": "equilibrium"}]))
    rule = line.mark_rule(strokeDash=[6, 4], strokeWidth=1.8).encode(y="price:Q", color=colour)
    return alt.layer(rule, *_band(rows, colour, "mean price of the day, credits", zero=False))


def gode_sunder_oracle(studies: tuple[Runs, ...], comparisons: tuple[Comparison, ...]) -> Drawing:
    """Draw efficiency against the mean price of each period: prices scatter, efficiency does not."""
    del comparisons
    rows: Rows = [
        {"price": day.mean_price, "efficiency": day.efficiency}
        for run in studies[0]
        for day in days(run, "good")
    ]
    marks = alt.Chart(_inline_data(rows)).mark_circle(color=TEAL, size=38, opacity=0.35)
    drawn: Drawing = marks.encode(
        x=alt.X("price:Q", title="mean price of the period, credits", scale=alt.Scale(zero=False)),
        y=alt.Y("efficiency:Q", title="efficiency, %", scale=alt.Scale(domain=[-100, 100])),
        tooltip=["price:Q", "efficiency:Q"],
    )
    return drawn


def call_vs_cda(studies: tuple[Runs, ...], comparisons: tuple[Comparison, ...]) -> Drawing:
    """Draw the efficiency of each mechanism with its interval and the expected value."""
    del studies
    labels = (
        "random bidders,\none call",
        "random bidders,\ncontinuous auction",
        "truthful bidders,\none call",
    )
    found = (comparisons[0], comparisons[2], comparisons[3])
    return _bars(labels, found, EFFICIENCY)


def first_proposal(studies: tuple[Runs, ...], comparisons: tuple[Comparison, ...]) -> Drawing:
    """Draw how often the first proposal is taken by each chooser, with its interval and the closed form."""
    del studies
    labels = ("standing bid", "model,\nanswered by rules", "offers collected\nin one call")
    return _bars(labels, comparisons[:3], "rounds in which the first proposal is taken, %")


def thinking_is_dear(studies: tuple[Runs, ...], comparisons: tuple[Comparison, ...]) -> Drawing:
    """Draw the cost of thinking by day, of the agents that go on and of those that stop."""
    del comparisons
    rows: Rows = []
    for group in ("hasty", "prudent"):
        costs = [[day.thinking_cost or 0.0 for day in group_days(run, group)] for run in studies[0]]
        rows += _days_of_group(NAMES[group], costs)
    colour = _colours({NAMES["hasty"]: CORAL, NAMES["prudent"]: TEAL})
    return alt.layer(*_band(rows, colour, "paid for thoughts, credits an agent", zero=True))


def tool_market(studies: tuple[Runs, ...], comparisons: tuple[Comparison, ...]) -> Drawing:
    """Draw the net gains by day of agents without tools, with one, and with two."""
    del comparisons
    return _gains_by_day(studies[0], {"plain": GREY, "informed": TEAL, "reckoning": CORAL})


def studio(studies: tuple[Runs, ...], comparisons: tuple[Comparison, ...]) -> Drawing:
    """Draw the net gains by day of agents that work alone, that delegate, and that serve them."""
    del comparisons
    return _gains_by_day(studies[0], {"loner": GREY, "producer": TEAL, "researcher": CORAL})


def _gains_by_day(runs: Runs, colours: dict[str, str]) -> Drawing:
    rows: Rows = []
    for group in colours:
        rows += _days_of_group(group, [[day.net_gain for day in group_days(run, group)] for run in runs])
    return alt.layer(*_band(rows, _colours(colours), "net gain, credits an agent", zero=True))


def _days_of_group(who: str, runs: Sequence[Sequence[float]]) -> Rows:
    """Return a row a day: the mean over runs, with its interval."""
    rows: Rows = []
    for day, found in enumerate(zip(*runs, strict=True), 1):
        interval = confidence_interval(found)
        if interval:
            row = {"day": day, "mean": interval.mean, "low": interval.low, "high": interval.high}
            rows.append(row | {"who": who})
    return rows


def _bars(labels: tuple[str, ...], comparisons: tuple[Comparison, ...], title: str) -> Drawing:
    """Draw a bar a percentage, with its interval and the expected value."""
    rows: Rows = [
        {
            "what": label,
            "share": comparison.measured.mean,
            "low": comparison.measured.low,
            "high": comparison.measured.high,
            "expected": comparison.expected.value,
            "text": f"{comparison.measured.mean:.1f} %",
        }
        for label, comparison in zip(labels, comparisons, strict=True)
    ]
    axis = alt.Axis(
        labelFontSize=13,
        labelExpr="split(datum.label, '\\n')",
        labelBaseline="middle",
        labelOffset=-8,
        domain=False,
        ticks=False,
    )
    scale = alt.Scale(domain=[0, 112], nice=False)
    x = alt.X("share:Q", scale=scale, title=title, axis=alt.Axis(values=list(range(0, 101, 20))))
    low, expected = (alt.X(f"{field}:Q", scale=scale, title=title) for field in ("low", "expected"))
    base = alt.Chart(_inline_data(rows)).encode(y=alt.Y("what:N", title=None, sort=list(labels), axis=axis))
    fill = alt.Color("what:N", scale=alt.Scale(domain=list(labels), range=[CORAL, BLUE, TEAL]), legend=None)
    return alt.layer(
        base.mark_bar(cornerRadiusEnd=4, height=46).encode(x=x, color=fill),
        base.mark_bar(color=INK, height=9).encode(x=low, x2="high:Q"),
        base.mark_point(shape="diamond", size=90, color=INK, fill=INK, opacity=1, yOffset=-33).encode(
            x=expected
        ),
        base.mark_text(align="left", dx=22, fontSize=16, fontWeight=600).encode(
            x=x, text="text:N", color=fill
        ),
    )


def by_day(
    runs: Runs, resources: tuple[str, ...], measured: Callable[[Runs, str, slice], list[float]]
) -> Rows:
    """Return the mean over runs of each day with its 95 % interval."""
    count = max(len(days(run, resources[0])) for run in runs)
    rows: Rows = []
    for resource in resources:
        for day in range(count):
            interval = confidence_interval(measured(runs, resource, slice(day, day + 1)))
            if interval:
                row = {"day": day + 1, "mean": interval.mean, "low": interval.low, "high": interval.high}
                rows.append(row | {"who": NAMES[resource]})
    return rows


def _band(rows: Rows, colour: alt.Color, title: str, *, zero: bool) -> list[Any]:
    """Return a line a trader with the band of its 95 % interval, on an axis from 0 or not."""
    days = sorted({row["day"] for row in rows})
    axis = alt.Axis(format="d", values=days, grid=False, labelOverlap=False)
    x = alt.X(
        "day:Q", title="trading day", axis=axis, scale=alt.Scale(domain=[0.7, days[-1] + 0.3], nice=False)
    )
    base = alt.Chart(_inline_data(rows)).encode(x=x, color=colour)
    scale = alt.Scale(zero=zero, nice=True)
    tooltip = [
        "who:N",
        "day:Q",
        alt.Tooltip("mean:Q", format=".3f"),
        alt.Tooltip("low:Q", format=".3f"),
        alt.Tooltip("high:Q", format=".3f"),
    ]
    return [
        base.mark_area(opacity=0.2).encode(y=alt.Y("low:Q", title=title, scale=scale), y2="high:Q"),
        base.mark_line(strokeWidth=2.6, point=alt.OverlayMarkDef(size=46)).encode(
            y=alt.Y("mean:Q", title=title, scale=scale), tooltip=tooltip
        ),
    ]


def _points(rows: Rows, colour: alt.Color) -> Drawing:
    """Return published points."""
    drawn: Drawing = (
        alt.Chart(_inline_data(rows))
        .mark_point(shape="diamond", size=90, filled=True, opacity=1)
        .encode(x="day:Q", y="alpha:Q", color=colour, tooltip=["who:N", "day:Q", "alpha:Q"])
    )
    return drawn


def _colours(names: dict[str, str]) -> alt.Color:
    scale = alt.Scale(domain=list(names), range=list(names.values()))
    return alt.Color("who:N", scale=scale, legend=alt.Legend(title=None, orient="top", symbolOpacity=1))


def _inline_data(rows: Rows) -> alt.InlineData:
    """Return the rows of a chart as its data."""
    return alt.InlineData(values=rows)


PICTURES: Final[dict[str, tuple[Picture, str]]] = {
    "smith1962": (
        smith1962,
        "Yet their prices stay scattered, since they do not learn. Alpha by trading day; band: 95 % interval over runs.",
    ),
    "gode_sunder_oracle": (
        gode_sunder_oracle,
        "A point a period: prices differ, efficiency is 0 to the last digit.",
    ),
    "flat_supply": (flat_supply, "Mean price by trading day. Band: 95 % interval over runs."),
    "zip_learning": (
        zip_learning,
        "Alpha by trading day. Band: 95 % interval over runs; diamonds: measured elsewhere.",
    ),
    "call_vs_cda": (call_vs_cda, "Bars: measured, dark: the 95 % interval. Diamonds: expected values."),
    "first_proposal": (
        first_proposal,
        "Four sellers arrive in an order drawn anew. Dark: the 95 % interval; diamonds: closed form.",
    ),
    "thinking_is_dear": (
        thinking_is_dear,
        "Hasty agents pay less in the end, because they are priced out. Band: 95 % interval over runs.",
    ),
    "tool_market": (
        tool_market,
        "Worth of units bought less their prices and payments for thoughts and tools. Band: 95 % interval over runs.",
    ),
    "studio": (
        studio,
        "Fees change hands on the first day; what is known then serves on all days. Band: 95 % interval over runs.",
    ),
}
"""Experiment → its picture and caption."""
