"""`econsim bench list`, `show` and `compare`: batches as they were recorded, and what every batch shows at its end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from econsim.cli import bench_options as options
from econsim.cli import option_types
from econsim.cli.command_group import settings_of
from econsim.cli.json_rows import JsonOption, write_rows
from econsim.cli.output import console, echo, line_printer, print_warnings, say
from econsim.cli.unused_options import UnusedOption, refuse_unused_options
from econsim.errors import EconsimError, NotFound

if TYPE_CHECKING:
    from econsim.evaluation.bench.records import BatchFiles, BatchRecord
    from econsim.evaluation.bench.results import CellResult

PICTURE: Final = "comparison.svg"
"""Name of the picture of a batch."""


def list_batches(context: typer.Context, *, as_json: JsonOption = False) -> None:
    """List the batches of the state directory: when they were started, how far they came, how many runs passed.

    Example: [cyan]econsim bench list[/cyan]
    """
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from econsim.evaluation.bench.records import BatchFiles, batch_names
    from econsim.report.format import count
    from econsim.report.tables import print_table

    state = settings_of(context).state
    found = [BatchFiles(state, name) for name in batch_names(state)]
    if not found and not as_json:
        say("there are no batches; start one with [cyan]econsim bench run NAME|FILE|DIR[/cyan]")
        return
    broken, read = [], []
    for files in found:
        try:
            record = files.record()
            read.append((record, files.results(record.plan), files))
        except (EconsimError, OSError) as error:
            broken.append((files, str(error)))
    rows = sorted(read, key=lambda each: each[0].started_at)
    if as_json:
        write_rows(_batch_row(record, results, files) for record, results, files in rows)
    table = Table(box=SIMPLE_HEAD)
    for heading in ("batch", "started", "transport", "scenarios"):
        table.add_column(heading, no_wrap=heading != "scenarios")
    for heading in ("runs", "passed"):
        table.add_column(heading, justify="right")
    table.add_column("state", no_wrap=True)
    for record, results, files in rows:
        table.add_row(
            files.name,
            record.started_at[:19],
            record.transport,
            _scenarios(record),
            f"{count(len(results))} of {count(len(record.plan.cells))}",
            count(sum(result.passed for result in results)),
            _state(record, results, is_running=files.is_running),
        )
    if rows and not as_json:
        print_table(console(), table)
    for files, reason in broken:
        print_warnings((f"{reason}; restore the file, or delete {files.path} and run the batch again",))


def _scenarios(record: BatchRecord) -> str:
    """Return what a batch runs: its scenarios, or a study's conditions, which may be many."""
    if record.study:
        return f"study of {len(record.plan.treatments)} conditions"
    return ", ".join(each.name for each in record.plan.treatments)


def _batch_row(record: BatchRecord, results: Sequence[CellResult], files: BatchFiles) -> dict[str, object]:
    from rich.text import Text

    state = Text.from_markup(_state(record, results, is_running=files.is_running)).plain
    return {
        "batch": files.name,
        "started_at": record.started_at,
        "transport": record.transport,
        "scenarios": [each.name for each in record.plan.treatments],
        "runs": len(results),
        "runs_planned": len(record.plan.cells),
        "passed": sum(result.passed for result in results),
        "state": state,
    }


def _state(record: BatchRecord, results: Sequence[CellResult], *, is_running: bool) -> str:
    if is_running:
        return "running"
    return "complete" if len(results) == len(record.plan.cells) else "[yellow]unfinished[/yellow]"


def show(
    context: typer.Context,
    batch: options.BatchArgument,
    *,
    json: options.JsonOption = None,
    junit: options.JunitOption = None,
) -> None:
    """Show a batch: verdicts by expectation, the witness of the first failure of each, means over runs, versions.

    Example: [cyan]econsim bench show smith1962-1a2b3c4d[/cyan]
    """
    from econsim.evaluation.bench.records import BatchFiles

    files = BatchFiles(settings_of(context).state, batch)
    record = files.record()
    results = files.results(record.plan)
    if record.study:
        from econsim.cli.study import show as show_study
        from econsim.evaluation.studies.outcome import StudyOutcome

        why = f"does nothing for a study; its numbers are in {files.path}, and `econsim study FILE --json` prints them"
        unused = [UnusedOption(name, lambda _: True, why) for name in ("json", "junit")]
        refuse_unused_options(context, unused)
        show_study(StudyOutcome(batch, record.study, results))
        if len(results) < len(record.plan.cells):
            say("`econsim bench resume {batch}` runs the rest", batch=batch)
    else:
        _show(record, results, json, junit)


def compare(
    context: typer.Context,
    first: options.BatchArgument,
    second: Annotated[
        str | None,
        typer.Argument(
            help="Batch to compare it with; without it, the scenarios of the first are compared.",
            metavar="BATCH",
            parser=option_types.name,
        ),
    ] = None,
    *,
    image: Annotated[
        Path | None,
        typer.Option(help="Write the picture here, as SVG.", metavar="FILE", parser=option_types.new_file),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Compare two batches, or the scenarios of one: differences on the same seeds, paired, with their 95 % intervals.

    Example: [cyan]econsim bench compare before after --image difference.svg[/cyan]
    """
    from econsim.cli.bench_tables import print_differences
    from econsim.evaluation.bench.picture import comparison_svg
    from econsim.evaluation.bench.statistics import paired_differences

    sides = _sides(settings_of(context).state, first, second)
    labels = list(sides)
    # Two batches come side by side, scenario by scenario; of one, each scenario is compared with the first.
    pairs = (
        zip(labels[::2], labels[1::2], strict=True) if second else ((labels[0], each) for each in labels[1:])
    )
    for left, right in pairs:
        if as_json:
            found = paired_differences(sides[left], sides[right])
            write_rows({"first_name": left, "second_name": right, **asdict(each)} for each in found)
        else:
            print_differences(left, right, sides, console())
    if image:
        _write(image, comparison_svg(" and ".join(labels), sides))


def _sides(state: Path, first: str, second: str | None) -> Mapping[str, Sequence[CellResult]]:
    """Return what is compared, by label; raises NotFound if there is nothing to compare."""
    from econsim.evaluation.bench.records import BatchFiles
    from econsim.evaluation.bench.statistics import by_treatment

    if second == first:
        message = f"batch {first!r} would be compared with itself; name another one: `econsim bench list` lists them"
        raise NotFound(message)
    found = {name: BatchFiles(state, name) for name in filter(None, (first, second))}
    treatments = {}
    for name, files in found.items():
        treatments[name] = by_treatment(files.results(files.record().plan))
    if second is None:
        if len(treatments[first]) < 2:
            message = f"batch {first!r} has one scenario; name a second batch to compare it with"
            raise NotFound(message)
        return treatments[first]
    if all(len(each) == 1 for each in treatments.values()):
        return {name: next(iter(each.values())) for name, each in treatments.items()}
    shared = [name for name in treatments[first] if name in treatments[second]]
    if not shared:
        message = f"batches {first!r} and {second!r} have no scenario in common"
        raise NotFound(message)
    return {
        f"{name} {treatment}": each[treatment] for treatment in shared for name, each in treatments.items()
    }


def finish(
    files: BatchFiles,
    record: BatchRecord,
    results: Sequence[CellResult],
    json: Path | None,
    junit: Path | None,
) -> None:
    """Write the tables and the picture of a batch that was run, and show it; end with 1 unless every run passed."""
    from econsim.evaluation.bench.picture import comparison_svg
    from econsim.evaluation.bench.records import not_written
    from econsim.evaluation.bench.statistics import by_treatment
    from econsim.evaluation.bench.tables import write_tables
    from econsim.identity.private_files import private_files

    with private_files(files.path):
        write_tables(record.plan, results, files.path)
        picture = comparison_svg(f"Batch {files.name}", by_treatment(results))
        try:
            (files.path / PICTURE).write_text(picture, encoding="utf-8")
        except OSError as error:
            raise not_written(files.path / PICTURE, error) from error
    _show(record, results, json, junit)
    if json != options.STANDARD_OUTPUT:
        say("tables and picture [bold]{path}[/bold]", path=files.path)
    if not all(result.passed for result in results):
        raise typer.Exit(1)


def _show(record: BatchRecord, results: Sequence[CellResult], json: Path | None, junit: Path | None) -> None:
    from econsim.cli.bench_tables import print_batch
    from econsim.evaluation.bench.junit import junit_xml

    if json == options.STANDARD_OUTPUT:
        echo(batch_json(record, results), end="")
    else:
        print_batch(record, results, console())
    if json and json != options.STANDARD_OUTPUT:
        _write(json, batch_json(record, results))
    if junit:
        _write(junit, junit_xml(record.plan.batch, results))


def batch_json(record: BatchRecord, results: Sequence[CellResult]) -> str:
    """Return a batch and its results as a JSON document."""
    import json

    from econsim.evaluation.bench.statistics import counts

    tally = [
        {"treatment": each.treatment, "expectation": each.name, "outcomes": dict(each.outcomes)}
        for each in counts(results)
    ]
    document = {
        "batch": record.model_dump(mode="json"),
        "passed": all(result.passed for result in results) and len(results) == len(record.plan.cells),
        "expectations": tally,
        "cells": [result.model_dump(mode="json") | {"passed": result.passed} for result in results],
    }
    return json.dumps(document, indent=2) + "\n"


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    line_printer(console())(f"written {path}")
