"""Files of a study beside its record: tables as Parquet, a picture, its numbers as JSON, and a page that loads nothing from elsewhere."""

from __future__ import annotations

import json
from collections.abc import Iterable
from html import escape
from typing import Final, Literal

from econsim.evaluation.bench.period_measures import with_unit
from econsim.evaluation.bench.records import BatchFiles, BatchRecord, not_written
from econsim.evaluation.bench.results import CellResult
from econsim.evaluation.studies.outcome import ConditionDifference, ConditionMean, StudyOutcome
from econsim.evaluation.studies.picture import caption, chart, grid_path, height, omission, study_svg
from econsim.evaluation.studies.table import COLUMNS, GROUPS, MARKETS, write_tables
from econsim.report.document import Document, render_document
from econsim.report.format import NOTHING, count, plural, plus_minus
from econsim.report.markup import Figure, Specs, figure, table

PAGE, PICTURE, NUMBERS, DESIGN = "index.html", "picture.svg", "numbers.json", "design.toml"
"""Names of a study's files, beside those of its tables."""

AXIS_PX: Final = 60
"""Pixels of a chart's axis and its title."""

INTERVALS: Final = (
    "Mean over runs with its 95 % interval by Student's t; n is the number of runs. The periods of a run depend on each other, so they are "
    "averaged first and never counted."
)
"""Explanation of the intervals."""

PAIRS: Final = (
    "Differences are taken run by run on the same seeds: an agent draws the same numbers in both conditions, so what a seed does to both "
    "cancels out. An interval that leaves 0 out is bold."
)
"""Explanation of the differences."""

INTERACTIONS: Final = (
    "A difference of differences (interaction) is a treatment's difference at a point of the grid minus that at its first point, again run by "
    "run: what the grid changes in the effect of the treatment. Without treatments the grid's first axis is in their place."
)
"""Explanation of differences of differences."""

NO_NUMBERS: Final = "No run has a value of a measure that is shown."
"""Explanation of a page without numbers."""

STYLE: Final = """\
.wide .chart { min-height: 200px; }
.facts { max-width: 80ch; }
td b { font-weight: 650; }"""
"""Style rules of a study's page, beside those of all pages."""


def write(files: BatchFiles, record: BatchRecord, results: list[CellResult]) -> StudyOutcome:
    """Write tables, picture, numbers, design and page of a study; return its numbers. Raises SetupError if the disk does not take them."""
    assert record.study is not None
    outcome = StudyOutcome(files.name, record.study, results)
    write_tables(files.name, record.study, results, files.path)
    texts = {NUMBERS: json.dumps(numbers(outcome), indent=2) + "\n", PAGE: render(outcome, record)}
    if outcome.measures:
        texts[PICTURE] = study_svg(outcome)
    if record.study.design:
        texts[DESIGN] = record.study.design
    for name, text in texts.items():
        try:
            (files.path / name).write_text(text, encoding="utf-8")
        except OSError as error:
            raise not_written(files.path / name, error) from error
    return outcome


def numbers(outcome: StudyOutcome) -> dict[str, object]:
    """Return means, differences and differences of differences as plain values."""
    return {
        "study": outcome.batch,
        "failed": [each.run for each in outcome.failed],
        "means": mean_rows(outcome),
        "differences": [_difference_row(each) for each in outcome.differences],
        "interactions": [
            _difference_row(each.difference) | {"reference": each.reference.name}
            for each in outcome.interactions
        ],
    }


def _difference_row(found: ConditionDifference) -> dict[str, object]:
    paired = found.paired
    return {
        "condition": found.condition.name,
        "baseline": found.baseline.name,
        "measure": paired.measure,
        "difference": paired.second - paired.first,
        "half_width": paired.difference.half_width if paired.difference else None,
        "n": paired.seeds,
        "is_clear": paired.is_clear,
    }


def mean_rows(outcome: StudyOutcome) -> list[dict[str, object]]:
    """Return the mean of each measure of each condition, with half its interval, as plain values."""
    return [
        {
            "condition": each.condition.name,
            "treatment": each.condition.treatment,
            **each.condition.values,
            "measure": each.measure,
            "mean": each.mean,
            "half_width": each.interval.half_width if each.interval else None,
            "n": each.n,
        }
        for each in outcome.means
    ]


def table_rows(outcome: StudyOutcome) -> list[dict[str, object]]:
    """Return what the tables show, as plain values: a row for each measure of each condition, every row with all keys.

    The mean of the row is that of `mean_rows`; `difference` is from the condition `baseline`, `interaction` the difference of differences
    from the condition `reference`, each with half its interval and its own `n`. What a condition has not is null.
    """
    differences = {(each.condition.name, each.paired.measure): each for each in outcome.differences}
    interactions = {
        (each.difference.condition.name, each.difference.paired.measure): each
        for each in outcome.interactions
    }
    rows = []
    for row, mean in zip(mean_rows(outcome), outcome.means, strict=True):
        key = (mean.condition.name, mean.measure)
        difference, interaction = differences.get(key), interactions.get(key)
        rows.append(
            row
            | {"baseline": difference.baseline.name if difference else None}
            | _paired_values("difference", difference)
            | {"reference": interaction.reference.name if interaction else None}
            | _paired_values("interaction", interaction.difference if interaction else None)
        )
    return rows


def _paired_values(name: str, found: ConditionDifference | None) -> dict[str, object]:
    if found is None:
        return dict.fromkeys((name, f"{name}_half_width", f"{name}_n", f"{name}_is_clear"))
    row = _difference_row(found)
    return {
        name: row["difference"],
        **{f"{name}_{key}": row[key] for key in ("half_width", "n", "is_clear")},
    }


def shown_mean(each: ConditionMean) -> str:
    """Return a mean with half its interval."""
    return plus_minus(each.mean, each.interval.half_width if each.interval else None)


ShownDifferences = dict[tuple[str, str], tuple[str, bool]]
"""Condition and measure → a difference as a table shows it, and whether its interval leaves 0 out."""


def difference_columns(outcome: StudyOutcome) -> dict[str, ShownDifferences]:
    """Return heading → column of a table of means: the differences from the baseline, then those of differences, if there are any."""
    found = {f"minus {outcome.compared_with}": _difference_texts(outcome.differences)}
    if outcome.interactions:
        found[outcome.interaction] = _difference_texts([each.difference for each in outcome.interactions])
    return found


def _difference_texts(differences: Iterable[ConditionDifference]) -> ShownDifferences:
    found = {}
    for each in differences:
        paired = each.paired
        found[each.condition.name, paired.measure] = (paired.text, paired.is_clear)
    return found


def render(outcome: StudyOutcome, record: BatchRecord) -> str:
    """Return the page of a study as an HTML document."""
    study, specs = outcome.study, Specs()
    pixels = 0 if grid_path(outcome) else height(outcome) + AXIS_PX
    drawn = [
        figure(
            Figure(
                name=f"m{place}",
                title=measure,
                caption=caption(outcome),
                chart=chart(outcome, measure),
                wide=True,
                height_px=pixels,
            ),
            specs,
        )
        for place, measure in enumerate(outcome.measures)
    ]
    seeds = {cell.seed for cell in record.plan.cells}
    facts = f"{plural(len(study.conditions), 'condition')}, {plural(len(seeds), 'seed')} each, {plural(len(record.plan.cells), 'run')}."
    notes = [facts, omission(outcome), _failures(outcome), "" if outcome.measures else NO_NUMBERS]
    explanations = (
        INTERVALS,
        PAIRS,
        INTERACTIONS if outcome.interactions else "",
        outcome.crossing and f"{outcome.crossing}.",
        by_chance(outcome),
    )
    main = (
        f'<div class="grid">{"".join(drawn)}</div>',
        '<section class="part"><h2>Numbers</h2>',
        f'<p class="facts">{escape(" ".join(filter(None, explanations)))}</p>',
        *(measure_table(outcome, measure) for measure in outcome.measures),
        "</section>",
        '<section class="part"><h2>Conditions</h2>',
        _conditions(outcome),
        "</section>",
        '<section class="part"><h2>Columns of the tables</h2>',
        f'<p class="facts">{MARKETS} has a row for each run, period and market, {GROUPS} for each run, period and group.</p>',
        table(("Column", "Meaning"), [*COLUMNS.items()], text=(0, 1)),
        "</section>",
    )
    versions = ", ".join(f"{name} {version}" for name, version in record.versions.items())
    command = f"<code>{escape(record.command)}</code>"
    return render_document(
        Document(
            title=study.title,
            eyebrow="econsim · study",
            heading=study.title,
            lede=escape(" ".join(filter(None, (study.question, study.answer)))),
            notes=f"<p>{escape(' '.join(filter(None, notes)))}</p>",
            main="\n".join(main),
            footer=f"<p>{command} gives these numbers again. {escape(versions)}; {escape(record.started_at)}.</p>",
            specs=specs,
            style=STYLE,
        )
    )


def by_chance(outcome: StudyOutcome) -> str:
    """Return how many differences leave 0 out by chance alone, as a sentence; empty for few differences."""
    every = (*outcome.differences, *(each.difference for each in outcome.interactions))
    number = sum(1 for each in every if each.paired.difference)
    if number < 10:
        return ""
    return f"Of {number} differences about {number / 20:.0f} leave 0 out by chance alone."


def _failures(outcome: StudyOutcome) -> str:
    number = len(outcome.failed)
    return f"{plural(number, 'run')} failed, and no number counts them." if number else ""


def measure_table(outcome: StudyOutcome, measure: str, look: Literal["card", ""] = "card") -> str:
    """Return a measure under each condition, with its differences, as HTML; `card` is the look of a page."""
    columns, rows = difference_columns(outcome), []
    for each in outcome.means:
        if each.measure == measure:
            shown = (
                column.get((each.condition.name, measure), (NOTHING, False)) for column in columns.values()
            )
            cells = (f"<b>{escape(text)}</b>" if is_clear else escape(text) for text, is_clear in shown)
            rows.append((*outcome.labels(each.condition), shown_mean(each), count(each.n), *cells))
    wide = len(outcome.headings)
    head = (*outcome.headings, with_unit(measure), "n", *columns)
    return table(head, rows, raw=range(wide + 2, len(head)), text=range(wide), look=look)


def _conditions(outcome: StudyOutcome) -> str:
    study = outcome.study
    rows = [
        (
            each.name,
            *(NOTHING if each.values[path] is None else str(each.values[path]) for path in study.paths),
        )
        for each in study.conditions
    ]
    return table(("Condition", *study.paths), rows, text=(0,), look="card stacked")
