"""A run as a notebook shows it: its figures as a table and as pictures, without a script or anything loaded from elsewhere."""

from __future__ import annotations

from html import escape
from typing import Any, Final

from econsim.errors import NotFound, quoted_value
from econsim.report import charts
from econsim.report.format import count, decimal, money, percent, percentage
from econsim.report.markup import Figure, table
from econsim.report.summary import Summary

MARKETS_SHOWN: Final = 6
"""Markets whose price path a notebook shows: more than a screen of pictures is no summary."""

WIDTH_PX: Final = 620
"""Width of a picture: the column of a notebook."""

HEIGHT_PX: Final = 240
"""Height of a picture."""


class Picture:
    """A figure of a run, which a notebook shows as SVG."""

    def __init__(self, drawn: Figure) -> None:
        """Take a figure of the report."""
        self.name: Final = drawn.name
        """Name of the figure: of a market's prices, its resource with `_prices`."""
        self.title: Final = drawn.title
        """Title of the figure."""
        self.spec: Final[dict[str, Any]] = {
            "width": WIDTH_PX,
            "height": drawn.height_px or HEIGHT_PX,
            "title": drawn.title,
            **drawn.chart,
        }
        """Specification in Vega-Lite, for Altair and other programs that read it."""

    def svg(self) -> str:
        """Return the figure as SVG."""
        # Here, because what draws loads for longer than a small run takes.
        from econsim.report.picture_file import svg

        return svg(self.spec)

    def _repr_svg_(self) -> str:
        """Return the figure as a notebook shows it."""
        return self.svg()

    def __repr__(self) -> str:
        """Return name and title of the figure."""
        return f"<figure {self.name}: {self.title}>"


def figures(summary: Summary) -> list[Figure]:
    """Return the figures of a run, in the order of its report."""
    drawn = [
        figure
        for market in summary.markets
        for figure in (
            Figure(
                f"{market.resource}_prices",
                f"Price path of {market.resource}",
                "",
                charts.price_path(market, summary),
            ),
            Figure(
                f"{market.resource}_schedule",
                f"Supply and demand for {market.resource}",
                "",
                charts.supply_and_demand(market),
            ),
            Figure(
                f"{market.resource}_surplus",
                f"Surplus of {market.resource} within a period",
                "",
                charts.surplus_in_period(market, summary),
            ),
            Figure(
                f"{market.resource}_efficiency",
                f"Efficiency of {market.resource} by period",
                "",
                charts.efficiency_by_period(market),
            ),
            Figure(
                f"{market.resource}_volume",
                f"Volume of {market.resource}",
                "",
                charts.volume_by_tick(market, summary),
            ),
        )
    ]
    return [*drawn, Figure("profits", "Profits", "", charts.profits(summary.holders))]


def picture(summary: Summary, name: str) -> Picture:
    """Return a figure of a run by its name; raises NotFound for another name."""
    known = {drawn.name: drawn for drawn in figures(summary)}
    if name not in known:
        message = f"this run has no figure {quoted_value(name)}; its figures are {', '.join(known)}"
        raise NotFound(message)
    return Picture(known[name])


def result_html(summary: Summary) -> str:
    """Return a run as HTML: a row for each market, what its scenario expects, and the price paths."""
    scenario = summary.scenario
    rows = [
        (
            market.resource,
            market.mechanism.replace("_", " "),
            percent(market.efficiency),
            percentage(market.alpha),
            count(market.volume),
            decimal(market.mean_price, 3),
            money(market.equilibrium.price),
        )
        for market in summary.markets
    ]
    head = ("market", "rule", "efficiency", "alpha", "units", "mean price", "P0")
    pictures = [
        Picture(drawn).svg()
        for drawn in figures(summary)
        if drawn.name in {f"{market.resource}_prices" for market in summary.markets[:MARKETS_SHOWN]}
    ]
    judged = len(summary.verdicts) + len(summary.judged)
    held = sum(each.holds for each in summary.verdicts) + sum(each.outcome.is_pass for each in summary.judged)
    expected = f"{held} of {judged} expectations hold; " if judged else ""
    return (
        f"<h4>{escape(scenario.title or scenario.name)}</h4>"
        f"<p>run {escape(summary.run)}, seed {scenario.seed}, {summary.periods} periods; {expected}"
        f"hash <code>{summary.canonical_hash[:12]}</code></p>"
        f"{table(head, rows, card=False)}{''.join(f'<div>{each}</div>' for each in pictures)}"
    )
