"""The pictures of a study: a chart for each measure, over the grid if it varies a number, else with a dot for each run.

Charts hold no colours of page or text, so that one serves light, dark and paper. Treatments differ in colour, shape and dash, and the
colours are told apart by colour-blind readers (Okabe and Ito).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from econsim.evaluation.bench.period_measures import with_unit
from econsim.evaluation.bench.picture import comparison_panel
from econsim.evaluation.bench.plan import StudyCondition
from econsim.evaluation.studies.outcome import StudyOutcome, shown_value
from econsim.report.charts import Spec
from econsim.report.picture_file import svg

COLOURS: Final = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#8A6D00", "#5B6475")
"""Colours of series, on white and on black."""

SHAPES: Final = ("circle", "square", "triangle-up", "diamond", "cross", "triangle-down")
"""Shapes of series."""

DASHES: Final = ([1, 0], [6, 3], [2, 2], [8, 3, 2, 3], [4, 4], [1, 3])
"""Dashes of series."""

SERIES_MAX: Final = len(COLOURS)
"""Series in one chart: more colours are not told apart."""

CONDITIONS_MAX: Final = 40
"""Conditions in one chart of dots: more do not fit a page."""

MEASURES_MAX: Final = 8
"""Measures in the picture file; the page has a chart for each."""

WIDTH: Final = 600
"""Pixels of the picture file's charts."""

HEIGHT: Final = 220
"""Pixels of a chart over a grid."""

GRID_FORMAT: Final = ",.12~r"
"""Form of a grid's values at its axis: all their digits, where the default rounds 1.75 beside 1.5 and 4 to 1.8."""

LEGEND_CHARACTERS: Final = 16
"""Characters of the longest name of which two stand beside each other on a phone."""

DODGE: Final = 0.008
"""Distance between the marks of two series at one point, of the axis: intervals that lie on each other are not seen."""


def caption(outcome: StudyOutcome) -> str:
    """Return what the marks of the charts are."""
    if grid_path(outcome):
        return "A mark is the mean over runs with its 95 % interval; n is the number of runs."
    return "A dot is a run; thick: the mean over runs, thin: its 95 % interval."


def omission(outcome: StudyOutcome) -> str:
    """Return what the charts do not show, as a sentence; empty if they show all."""
    if grid_path(outcome):
        more = len(_series(outcome)) - SERIES_MAX
        return f"Series in the tables alone: {more}." if more > 0 else ""
    more = len(outcome.study.conditions) - CONDITIONS_MAX
    return f"Conditions in the tables alone: {more}." if more > 0 else ""


def study_svg(outcome: StudyOutcome) -> str:
    """Return the picture file of a study."""
    shown = outcome.measures[:MEASURES_MAX]
    panels = [chart(outcome, measure) | {"width": WIDTH, "height": height(outcome)} for measure in shown]
    subtitle = [caption(outcome), *filter(None, [omission(outcome)])]
    title = {"text": outcome.study.title, "subtitle": subtitle}
    return svg({"title": title, "vconcat": panels, "spacing": 26})


def height(outcome: StudyOutcome) -> int:
    """Return the pixels of a chart."""
    if grid_path(outcome):
        return HEIGHT
    return 30 * max(1, min(len(outcome.study.conditions), CONDITIONS_MAX))


def grid_path(outcome: StudyOutcome) -> str:
    """Return the first path of the grid whose values are all numbers: the charts' horizontal axis; empty without one.

    Of paths that vary together, one that has another value at each point.
    """
    study = outcome.study
    points = len({tuple(each.values[path] for path in study.together) for each in study.conditions})
    for path in study.grid:
        values = [each.values[path] for each in study.conditions]
        if path in study.together and len(set(values)) < points:
            continue
        if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
            return path
    return ""


def chart(outcome: StudyOutcome, measure: str) -> Spec:
    """Return the chart of a measure."""
    path = grid_path(outcome)
    if path:
        return _over_grid(outcome, measure, path)
    shown = [each.name for each in outcome.study.conditions][:CONDITIONS_MAX]
    runs = {name: outcome.runs.get(name, ()) for name in shown}
    return comparison_panel(measure, runs, COLOURS[0], title=with_unit(measure))


def _over_grid(outcome: StudyOutcome, measure: str, path: str) -> Spec:
    series = _series(outcome)[:SERIES_MAX]
    rows: list[dict[str, Any]] = []
    for each in outcome.means:
        who = _who(each.condition, outcome, path)
        if each.measure == measure and who in series:
            low, high = (each.interval.low, each.interval.high) if each.interval else (each.mean, each.mean)
            at = each.condition.values[path]
            rows.append({"at": at, "who": who, "mean": each.mean, "low": low, "high": high, "n": each.n})
    values = sorted({float(row["at"]) for row in rows})
    width = DODGE * (values[-1] - values[0]) if values else 0.0
    for row in rows:
        row["x"] = float(row["at"]) + width * (series.index(row["who"]) - (len(series) - 1) / 2)
    x = {
        "field": "x",
        "type": "quantitative",
        "title": path,
        "scale": {"zero": False, "nice": False, "padding": 18},
        "axis": {"values": values, "grid": False, "format": GRID_FORMAT},
    }

    def channel(range_: object, legend: object) -> dict[str, Any]:
        scale = {"domain": series, "range": range_}
        return {"field": "who", "type": "nominal", "scale": scale, "legend": legend}

    def y(field: str) -> dict[str, Any]:
        return {"field": field, "type": "quantitative", "title": with_unit(measure), "scale": {"zero": False}}

    # Without a width of 0, symbols get an outline with the dashes of their line.
    legend = _legend(series) if len(series) > 1 else None
    colour = channel(COLOURS[: len(series)], legend)
    tooltip = [{"field": field, "type": "nominal"} for field in ("who", "at", "mean", "low", "high", "n")]
    return {
        "data": {"values": rows},
        "encoding": {"x": x, "color": colour},
        "layer": [
            {
                "mark": {"type": "line", "strokeWidth": 1.6},
                "encoding": {"y": y("mean"), "strokeDash": channel(DASHES[: len(series)], None)},
            },
            {
                "mark": {"type": "rule", "strokeWidth": 1.8},
                "encoding": {"y": y("low"), "y2": {"field": "high"}},
            },
            {
                "mark": {"type": "point", "filled": True, "size": 70, "opacity": 1},
                "encoding": {
                    "y": y("mean"),
                    "shape": channel(SHAPES[: len(series)], legend),
                    "tooltip": tooltip,
                },
            },
        ],
    }


def _legend(series: Sequence[str]) -> dict[str, Any]:
    """Return a legend that shows the names of series whole, also on a phone: long ones below each other."""
    columns = 1 if max(map(len, series)) > LEGEND_CHARACTERS else 2
    return {"title": None, "orient": "top", "symbolStrokeWidth": 0, "labelLimit": 0, "columns": columns}


def _series(outcome: StudyOutcome) -> list[str]:
    path = grid_path(outcome)
    return [*dict.fromkeys(_who(each, outcome, path) for each in outcome.study.conditions)]


def _who(condition: StudyCondition, outcome: StudyOutcome, path: str) -> str:
    """Return the series of a condition: its treatment, and its values of the grid but that of the axis."""
    several = outcome.has_treatments
    along = {path, *(outcome.study.together if path in outcome.study.together else ())}
    rest = [
        f"{name} = {shown_value(condition.values[each])}"
        for each, name in zip(outcome.columns, outcome.column_names, strict=True)
        if each not in along
    ]
    return ", ".join(([condition.treatment] if several or not rest else []) + rest)
