"""`econsim experiment`: reproduce published results, judge their numbers, write a picture and a page."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from econsim.cli import option_types
from econsim.cli.command_group import command_line, settings_of
from econsim.cli.json_rows import JsonOption, write_rows
from econsim.cli.output import console
from econsim.cli.unused_options import UnusedOption, refuse_unused_options

if TYPE_CHECKING:
    from econsim.evaluation.experiments.catalogue import Experiment
    from econsim.evaluation.experiments.page import ExperimentResult
    from econsim.evaluation.experiments.verdicts import Comparison


def _experiments() -> list[str]:
    from econsim.evaluation.experiments.catalogue import EXPERIMENTS

    return [each.name for each in EXPERIMENTS]


EXPERIMENT_UNUSED_OPTIONS: Final = tuple(
    UnusedOption(
        option, lambda given: given["name"] is None, "does nothing without the NAME of an experiment"
    )
    for option in ("quick", "processes", "image")
)
"""Rules for options of `experiment` that would have no effect."""


def experiment(  # noqa: PLR0913 - each is an option of the command
    context: typer.Context,
    name: Annotated[
        str | None,
        typer.Argument(
            help="Name of an experiment; without it, all are listed.",
            metavar="NAME",
            parser=option_types.OneOf("experiment", _experiments),
        ),
    ] = None,
    *,
    quick: Annotated[bool, typer.Option("--quick", help="A tenth of the runs: wider intervals.")] = False,
    processes: Annotated[
        int | None,
        typer.Option(
            help="Processes in parallel. Default: one a core.",
            metavar="N",
            parser=option_types.Whole(1, option_types.PROCESSES_MAX),
        ),
    ] = None,
    image: Annotated[
        Path | None,
        typer.Option(
            help="Write the picture here too, as SVG.", metavar="FILE", parser=option_types.new_file
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Reproduce a published result and judge every number by its interval; ends with 1 if one differs.

    Takes from seconds to some minutes of all cores, and a tenth of that with --quick.

    Example: [cyan]econsim experiment[/cyan], then [cyan]econsim experiment call_vs_cda[/cyan]
    """
    refuse_unused_options(context, EXPERIMENT_UNUSED_OPTIONS)
    if name is None:
        _list(as_json=as_json)
        return
    from econsim.evaluation.experiments import catalogue
    from econsim.evaluation.experiments.page import PAGE, PICTURE, write
    from econsim.identity.private_files import private_files

    wanted = catalogue.find(name)
    outcome = _run_experiment(wanted.quick() if quick else wanted, processes, command_line(context))
    # A directory of its own, so that quick results never replace full ones.
    directory = settings_of(context).state / "experiments" / (f"{name}-quick" if quick else name)
    with private_files(directory):
        write(outcome, directory)
    if image:
        image.parent.mkdir(parents=True, exist_ok=True)
        image.write_bytes((directory / PICTURE).read_bytes())
    if as_json:
        write_rows(map(_finding_row, outcome.comparisons))
    else:
        _show(outcome)
        places = f"page [bold]{directory / PAGE}[/bold]\npicture [bold]{image or directory / PICTURE}[/bold]"
        console().print(places)
    if not outcome.holds:
        raise typer.Exit(1)


def _finding_row(finding: Comparison) -> dict[str, object]:
    from econsim.evaluation.experiments.page import format_expected

    return {
        "measure": finding.measure,
        "expected": format_expected(finding),
        "mean": finding.measured.mean,
        "half_width": finding.measured.half_width,
        "n": finding.measured.n,
        "verdict": finding.verdict,
        "source": finding.expected.source,
    }


def _list(*, as_json: bool) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from econsim.evaluation.experiments.catalogue import EXPERIMENTS
    from econsim.report.tables import print_table

    if as_json:
        write_rows(
            {"name": found.name, "question": found.design.question, "runs": found.runs}
            for found in EXPERIMENTS
        )
        return
    table = Table(box=SIMPLE_HEAD)
    table.add_column("name", style="bold cyan", no_wrap=True)
    table.add_column("question")
    table.add_column("runs")
    for found in EXPERIMENTS:
        table.add_row(found.name, found.design.question, "\n".join(found.runs))
    print_table(console(), table)


def _run_experiment(wanted: Experiment, processes: int | None, command: str) -> ExperimentResult:
    """Run an experiment under a progress bar, or with a line a minute where standard error is no terminal."""
    from econsim.cli.cell_progress import cell_progress
    from econsim.evaluation.experiments.page import ExperimentResult
    from econsim.evaluation.experiments.runs import sample

    with cell_progress(wanted.name, wanted.design.conditions * len(wanted.design.seeds)) as advance:
        studies = sample(wanted.design, processes, partial(advance, passed=True))
    return ExperimentResult(wanted, studies, wanted.compare(studies), command)


def _show(outcome: ExperimentResult) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from econsim.evaluation.experiments.page import format_expected
    from econsim.evaluation.experiments.verdicts import Rule
    from econsim.report.format import count, plus_minus
    from econsim.report.tables import print_table

    table = Table(box=SIMPLE_HEAD, title=outcome.experiment.design.title, title_justify="left")
    for heading in ("measure", "expected", "measured", "n", "verdict", "source"):
        table.add_column(heading, justify="right" if heading == "n" else "left")
    for finding in outcome.comparisons:
        style = (
            "bold red" if not finding.holds else "dim" if finding.expected.rule is Rule.BESIDE else "green"
        )
        table.add_row(
            finding.measure,
            format_expected(finding),
            plus_minus(finding.measured.mean, finding.measured.half_width),
            count(finding.measured.n),
            f"[{style}]{finding.verdict}[/{style}]",
            finding.expected.source,
        )
    print_table(console(), table)
