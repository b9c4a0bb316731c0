"""Files of an experiment: a picture as SVG and PNG, its numbers as JSON, and a page of its own.

Owns the look of these files. The page loads nothing from elsewhere, as the report of a run.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any, Final

from econsim.evaluation.experiments.catalogue import Experiment
from econsim.evaluation.experiments.pictures import PICTURES, Drawing
from econsim.evaluation.experiments.runs import Runs
from econsim.evaluation.experiments.verdicts import RULES, Comparison, Rule
from econsim.report.document import Document, render_document
from econsim.report.format import NOTHING, count, plus_minus
from econsim.report.markup import Figure, Specs, figure, table
from econsim.report.picture_file import png, svg

WIDTH, HEIGHT = 720, 300
"""Pixels of the picture's plot."""

PAGE, PICTURE, PICTURE_PNG, NUMBERS = "index.html", "picture.svg", "picture.png", "findings.json"
"""Names of an experiment's files."""

STYLE: Final = """\
.wide .chart { height: 380px; }
.rules { padding-left: 18px; color: var(--muted); font-size: 14px; }"""
"""Style rules of an experiment's page, beside those of all pages."""


@dataclass(frozen=True, slots=True)
class ExperimentResult:
    """Experiment with its runs and comparisons."""

    experiment: Experiment
    """Experiment that was run."""
    studies: tuple[Runs, ...]
    """Runs of each study."""
    comparisons: tuple[Comparison, ...]
    """Measured numbers beside published ones."""
    command: str
    """Command line that ran the experiment."""

    @property
    def holds(self) -> bool:
        """Tell whether every number meets its rule."""
        return all(comparison.holds for comparison in self.comparisons)


def write(result: ExperimentResult, directory: Path) -> Path:
    """Write page, pictures and numbers; return the path of the page."""
    directory.mkdir(parents=True, exist_ok=True)
    chart = PICTURES[result.experiment.name][0](result.studies, result.comparisons)
    spec = picture_spec(result.experiment, chart)
    (directory / PICTURE).write_text(svg(spec), encoding="utf-8")
    (directory / PICTURE_PNG).write_bytes(png(spec))
    (directory / NUMBERS).write_text(json.dumps(rows(result), indent=2) + "\n", encoding="utf-8")
    page = directory / PAGE
    page.write_text(render(result, chart), encoding="utf-8")
    return page


def picture_spec(experiment: Experiment, chart: Drawing) -> dict[str, Any]:
    """Return the specification of the picture file: the chart with title, size and colours."""
    spec: dict[str, Any] = chart.to_dict()
    caption = PICTURES[experiment.name][1]
    title = {"text": experiment.design.title, "subtitle": caption}
    return spec | {"width": WIDTH, "height": HEIGHT, "title": title}


def rows(result: ExperimentResult) -> list[dict[str, object]]:
    """Return the comparisons as plain values."""
    return [
        {
            "measure": comparison.measure,
            "rule": comparison.expected.rule.value,
            "expected": comparison.expected.value,
            "expected_half_width": comparison.expected.half_width,
            "measured": comparison.measured.mean,
            "measured_half_width": comparison.measured.half_width,
            "n": comparison.measured.n,
            "holds": comparison.holds,
            "source": comparison.expected.source,
        }
        for comparison in result.comparisons
    ]


def format_expected(comparison: Comparison) -> str:
    """Return the expected number, with a sign where only a direction is expected."""
    sign = {Rule.ABOVE: "> ", Rule.BELOW: "< ", Rule.EXACTLY: "= ", Rule.BESIDE: "elsewhere "}.get(
        comparison.expected.rule, ""
    )
    half_width = comparison.expected.half_width
    return f"{sign}{comparison.expected.value:g}" + (f" ± {half_width:g}" if half_width else "")


def render(result: ExperimentResult, chart: Drawing) -> str:
    """Return the page of an experiment as an HTML document."""
    experiment, specs = result.experiment, Specs()
    drawn = figure(
        Figure("main", experiment.design.question, PICTURES[experiment.name][1], chart.to_dict(), wide=True),
        specs,
    )
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
        for f in result.comparisons
    ]
    rules = sorted({comparison.expected.rule for comparison in result.comparisons})
    listed_rules = "".join(f"<li><b>{rule}</b>: {escape(RULES[rule])}.</li>" for rule in rules)
    studies = "; ".join(experiment.runs)
    design = experiment.design
    main = (
        f'<div class="grid">{drawn}</div>',
        '<section class="part"><h2>Numbers</h2>',
        '<p class="facts">Mean over runs with its 95 % interval (Student\'s t).</p>',
        table(head, listed, raw=(4,), text=(0, 5)),
        f'<ul class="rules">{listed_rules}</ul>',
        "</section>",
    )
    command = f"<code>{escape(result.command)}</code>"
    return render_document(
        Document(
            title=design.title,
            eyebrow="econsim · experiment",
            heading=design.title,
            lede=escape(design.answer),
            notes="",
            main="\n".join(main),
            footer=f"<p>{escape(studies)}. Seeds 1, 2 and so on: {command} gives these numbers again.</p>",
            specs=specs,
            style=STYLE,
        )
    )


def _badge(comparison: Comparison) -> str:
    if comparison.expected.rule is Rule.BESIDE:
        return NOTHING
    look = "verdict" if comparison.holds else "verdict fails"
    return f'<span class="{look}">{escape(comparison.verdict)}</span>'
