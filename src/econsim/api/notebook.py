"""A run as a notebook shows it: its figures as a table and as pictures, without a script or anything loaded from elsewhere."""

from __future__ import annotations

from html import escape
from typing import Any, Final

from econsim.errors import NotFound, quoted_value
from econsim.report.figures import figures
from econsim.report.format import count, decimal, money, percent, percentage, plural
from econsim.report.html import origin
from econsim.report.markup import Figure, table
from econsim.report.summary import Summary

MARKETS_SHOWN: Final = 6
"""Markets whose price path a notebook shows: more than a screen of pictures is no summary."""

WIDTH_MM: Final = 170
"""Width of a picture: the column of a notebook."""


class Picture:
    """A figure of a run, which a notebook shows as SVG; the same as in its report and as `econsim figure` writes."""

    def __init__(self, drawn: Figure, origin: str) -> None:
        """Take a figure of the report, and the line that says which run it is of."""
        self._drawn = drawn
        self._origin = origin
        self.name: Final = drawn.name
        """Name of the figure: of a market's prices, its resource with `_prices`."""
        self.title: Final = drawn.title
        """Title of the figure."""

    @property
    def spec(self) -> dict[str, Any]:
        """Return the specification in Vega-Lite, for Altair and other programs that read it."""
        # Here, because what draws loads for longer than a small run takes.
        from econsim.report.figure_file import PictureLook, picture

        return picture(self._drawn, self._origin, PictureLook(width_mm=WIDTH_MM))

    def svg(self) -> str:
        """Return the figure as SVG."""
        import vl_convert

        return vl_convert.vegalite_to_svg(self.spec)

    def _repr_svg_(self) -> str:
        """Return the figure as a notebook shows it."""
        return self.svg()

    def __repr__(self) -> str:
        """Return name and title of the figure."""
        return f"<figure {self.name}: {self.title}>"


def picture(summary: Summary, name: str) -> Picture:
    """Return a figure of a run by its name; raises NotFound for another name."""
    known = {drawn.name: drawn for drawn in figures(summary)}
    if name not in known:
        message = f"this run has no figure {quoted_value(name)}; its figures are {', '.join(known)}"
        raise NotFound(message)
    return Picture(known[name], origin(summary))


def result_html(summary: Summary) -> str:
    """Return a run as HTML: why its figures may mislead, a row for each market, what its scenario expects, and the price paths."""
    scenario = summary.scenario
    rows = [
        (
            market.resource,
            market.mechanism.replace("_", " "),
            percent(market.efficiency),
            percentage(market.alpha),
            count(market.volume),
            decimal(market.mean_price, 3),
            "varies" if market.varies else money(market.equilibrium.price),
        )
        for market in summary.markets
    ]
    head = ("market", "rule", "efficiency", "alpha", "units", "mean price", "P0")
    pictures = [
        Picture(drawn, origin(summary)).svg()
        for drawn in figures(summary)
        if drawn.name in {f"{market.resource}_prices" for market in summary.markets[:MARKETS_SHOWN]}
    ]
    judged = len(summary.verdicts) + len(summary.judged)
    held = sum(each.holds for each in summary.verdicts) + sum(each.outcome.is_pass for each in summary.judged)
    expected = f"{held} of {judged} expectations hold; " if judged else ""
    return (
        f"<h4>{escape(scenario.title or scenario.name)}</h4>"
        f"{''.join(f'<p><strong>{escape(each)}</strong></p>' for each in summary.warnings)}"
        f"<p>run {escape(summary.run)}, seed {scenario.seed}, {plural(summary.periods, 'period')}; {expected}"
        f"hash <code>{summary.canonical_hash[:12]}</code></p>"
        f"{table(head, rows, look='')}{''.join(f'<div>{each}</div>' for each in pictures)}"
    )
