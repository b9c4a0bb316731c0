"""The picture of a comparison: for each measure the runs of every treatment as dots, with mean and interval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from econsim.evaluation.bench.period_measures import with_unit
from econsim.evaluation.bench.results import CellResult
from econsim.evaluation.bench.statistics import by_seed, mean_over_runs, measures_of
from econsim.report.charts import BLUE, CORAL, GREY, TEAL
from econsim.report.picture_file import svg

MEASURES_MAX: Final = 8
"""Measures in one picture: more do not fit a page."""

ROW_HEIGHT: Final = 30
"""Pixels of a treatment in a measure's panel."""

WIDTH: Final = 560
"""Pixels of a panel."""

INK: Final = "#5b6475"
"""Intervals: readable on light and dark."""


def comparison_svg(title: str, results: Mapping[str, Sequence[CellResult]]) -> str:
    """Return the picture of treatments or batches, by label, as SVG."""
    return svg(comparison_spec(title, results))


def comparison_spec(title: str, results: Mapping[str, Sequence[CellResult]]) -> dict[str, Any]:
    """Return the picture as a Vega-Lite specification: a panel for each measure."""
    measures = measures_of(result for each in results.values() for result in each)[:MEASURES_MAX]
    subtitle = "A dot is a run; thick: the mean over runs, thin: its 95 % interval."
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "title": {"text": title, "subtitle": subtitle},
        "vconcat": [
            comparison_panel(measure, results, title=with_unit(measure))
            | {"width": WIDTH, "height": ROW_HEIGHT * max(len(results), 1)}
            for measure in measures
        ],
        "spacing": 18,
    }


def comparison_panel(
    measure: str, results: Mapping[str, Sequence[CellResult]], *colours: str, title: str = ""
) -> dict[str, Any]:
    """Return the chart of one measure, without its size: a row for each label, in these colours or those of all pictures."""
    labels = list(results)
    y = {"field": "who", "type": "nominal", "title": None, "sort": labels, "axis": {"labelLimit": 220}}
    colour = {
        "field": "who",
        "type": "nominal",
        "legend": None,
        "scale": {"domain": labels, "range": [*(colours or (TEAL, CORAL, BLUE, GREY))]},
    }
    dots = [
        {"who": who, "value": value}
        for who, found in results.items()
        for value in by_seed(found, measure).values()
    ]
    means = [
        {"who": who, "mean": interval.mean, "low": interval.low, "high": interval.high}
        for who, found in results.items()
        if (interval := mean_over_runs(found, measure))
    ]

    def x(field: str) -> dict[str, Any]:
        return {"field": field, "type": "quantitative", "title": title or measure, "scale": {"zero": False}}

    return {
        "layer": [
            {
                "data": {"values": dots},
                "mark": {"type": "circle", "opacity": 0.35, "size": 34},
                "encoding": {"x": x("value"), "y": y, "color": colour},
            },
            {
                "data": {"values": means},
                "mark": {"type": "rule", "strokeWidth": 2, "color": INK},
                "encoding": {"x": x("low"), "x2": {"field": "high"}, "y": y},
            },
            {
                "data": {"values": means},
                "mark": {"type": "tick", "thickness": 4, "size": 18},
                "encoding": {"x": x("mean"), "y": y, "color": colour},
            },
        ],
    }
