"""What an experiment leaves behind: a picture as SVG and PNG, its numbers as JSON, and a page of its own.

Owns the files' looks. The page loads nothing from elsewhere, as the report of a run.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any, Final

import vl_convert

from econsim.evaluation.experiments.catalogue import Experiment
from econsim.evaluation.experiments.pictures import PICTURES
from econsim.evaluation.experiments.sampling import Runs
from econsim.evaluation.experiments.verdicts import RULES, Comparison, Rule
from econsim.report.charts import Drawing
from econsim.report.document import Document, render_document
from econsim.report.format import NOTHING, count
from econsim.report.markup import Figure, Specs, figure, table

WIDTH, HEIGHT, PNG_SCALE = 720, 300, 2.0
"""Pixels of the picture's plot, and how much larger the PNG is."""

PAGE, PICTURE, PICTURE_PNG, NUMBERS = "index.html", "picture.svg", "picture.png", "findings.json"
"""Files an experiment leaves."""

FONT: Final = "Helvetica Neue, Helvetica, Arial, sans-serif"
"""Of the picture file; the page uses its reader's."""

STYLE: Final = """\
.wide .chart { height: 380px; }
.rules { padding-left: 18px; color: var(--muted); font-size: 14px; }"""
"""Style rules of an experiment's page, beside those of all pages."""

LOOK: Final[dict[str, Any]] = {
    # A ground of its own, so that the picture reads on a dark page too.
    "background": "#ffffff",
    "padding": 22,
    "font": FONT,
    "view": {"stroke": None},
    "title": {
        "anchor": "start",
        "fontSize": 19,
        "fontWeight": 600,
        "color": "#171a21",
        "offset": 14,
        "subtitleFontSize": 13,
        "subtitleColor": "#626a79",
        "subtitlePadding": 6,
    },
    "axis": {
        "labelColor": "#4a5160",
        "titleColor": "#4a5160",
        "gridColor": "#eceef2",
        "domainColor": "#cfd4dd",
        "tickColor": "#cfd4dd",
        "labelFontSize": 12,
        "titleFontSize": 13,
        "titleFontWeight": 400,
        "titlePadding": 10,
    },
    "legend": {"labelFontSize": 13, "labelColor": "#171a21", "symbolStrokeWidth": 3, "symbolSize": 110},
}
"""Vega-Lite configuration of the picture file."""


@dataclass(frozen=True, slots=True)
class ExperimentResult:
    """An experiment that was run."""

    experiment: Experiment
    """Which."""
    studies: tuple[Runs, ...]
    """Its runs."""
    findings: tuple[Comparison, ...]
    """Its numbers, judged."""
    command: str
    """The command line that made it."""

    @property
    def holds(self) -> bool:
        """Tell whether every number is as its rule asks."""
        return all(finding.holds for finding in self.findings)


def write(outcome: ExperimentResult, directory: Path) -> Path:
    """Write page, pictures and numbers; return where the page lies."""
    directory.mkdir(parents=True, exist_ok=True)
    chart = PICTURES[outcome.experiment.name][0](outcome.studies, outcome.findings)
    spec = picture_spec(outcome.experiment, chart)
    (directory / PICTURE).write_text(vl_convert.vegalite_to_svg(spec), encoding="utf-8")
    (directory / PICTURE_PNG).write_bytes(vl_convert.vegalite_to_png(spec, scale=PNG_SCALE))
    (directory / NUMBERS).write_text(json.dumps(rows(outcome), indent=2) + "\n", encoding="utf-8")
    page = directory / PAGE
    page.write_text(render(outcome, chart), encoding="utf-8")
    return page


def picture_spec(experiment: Experiment, chart: Drawing) -> dict[str, Any]:
    """Return the specification of the picture file: the chart with title, size and colours."""
    spec: dict[str, Any] = chart.to_dict()
    caption = PICTURES[experiment.name][1]
    title = {"text": experiment.title, "subtitle": caption}
    return spec | {"width": WIDTH, "height": HEIGHT, "title": title, "config": LOOK}


def rows(outcome: ExperimentResult) -> list[dict[str, object]]:
    """Return the findings as plain values."""
    return [
        {
            "measure": finding.measure,
            "rule": finding.expected.rule.value,
            "expected": finding.expected.value,
            "expected_half_width": finding.expected.half_width,
            "measured": finding.measured.mean,
            "measured_half_width": finding.measured.half_width,
            "n": finding.measured.n,
            "holds": finding.holds,
            "source": finding.expected.source,
        }
        for finding in outcome.findings
    ]


def plus_minus(value: float, half_width: float) -> str:
    """Write a number with its half-width, to the digits the half-width gives."""
    if not half_width:
        return f"{value:g}"
    digits = 4 if half_width < 0.02 else 3 if half_width < 0.2 else 2
    return f"{value:.{digits}f} ± {half_width:.{digits}f}"


def format_expected(finding: Comparison) -> str:
    """Write what was expected, with a sign where only a direction was."""
    sign = {Rule.ABOVE: "> ", Rule.BELOW: "< ", Rule.EXACTLY: "= ", Rule.BESIDE: "elsewhere "}.get(
        finding.expected.rule, ""
    )
    half_width = finding.expected.half_width
    return f"{sign}{finding.expected.value:g}" + (f" ± {half_width:g}" if half_width else "")


def render(outcome: ExperimentResult, chart: Drawing) -> str:
    """Return the page of an experiment as an HTML document."""
    experiment, specs = outcome.experiment, Specs()
    drawn = figure(Figure("main", experiment.question, PICTURES[experiment.name][1], chart, wide=True), specs)
    head = ("Measure", "Expected", "Measured", "n", "Verdict", "Source")
    listed = [
        (
            f.measure,
            format_expected(f),
            plus_minus(f.measured.mean, f.measured.half_width),
            count(f.measured.n),
            _badge(f),
            f.expected.source,
        )
        for f in outcome.findings
    ]
    rules = sorted({finding.expected.rule for finding in outcome.findings})
    listed_rules = "".join(f"<li><b>{rule}</b>: {escape(RULES[rule])}.</li>" for rule in rules)
    studies = "; ".join(f"{s.runs} runs of {s.periods} periods of {s.scenario}" for s in experiment.studies)
    main = (
        f'<div class="grid">{drawn}</div>',
        '<section class="part"><h2>Numbers</h2>',
        '<p class="facts">Mean over runs with its 95 % interval (Student\'s t).</p>',
        table(head, listed, raw=(4,), text=(0, 5)),
        f'<ul class="rules">{listed_rules}</ul>',
        "</section>",
    )
    command = f"<code>{escape(outcome.command)}</code>"
    return render_document(
        Document(
            title=experiment.title,
            eyebrow="econsim · experiment",
            heading=experiment.title,
            lede=escape(experiment.answer),
            notes="",
            main="\n".join(main),
            footer=f"<p>{escape(studies)}. Seeds 1, 2 and so on: {command} gives these numbers again.</p>",
            specs=specs,
            style=STYLE,
        )
    )


def _badge(finding: Comparison) -> str:
    if finding.expected.rule is Rule.BESIDE:
        return NOTHING
    look = "verdict" if finding.holds else "verdict fails"
    return f'<span class="{look}">{escape(finding.verdict)}</span>'
