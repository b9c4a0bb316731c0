"""Tables of a batch in the terminal: expectations and their verdicts, witnesses of failures, means over runs, differences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from shlex import quote
from typing import Final

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from econsim.evaluation.bench.period_measures import with_unit
from econsim.evaluation.bench.plan import Plan
from econsim.evaluation.bench.records import BatchRecord
from econsim.evaluation.bench.results import HOLDS, OUTCOMES, CellResult
from econsim.evaluation.bench.statistics import (
    ExpectationCount,
    by_seed,
    by_treatment,
    counts,
    differing_hashes,
    mean_over_runs,
    measures_of,
    paired_differences,
)
from econsim.report.format import NOTHING, count, plus_minus, visible
from econsim.report.tables import print_table

STYLES: Final = {HOLDS: "green", "fails": "bold red", "vacuous": "yellow", "undecidable": "magenta"}
"""Outcome → its colour."""

FAILURES_SHOWN_MAX: Final = 5
"""Runs that failed that are named, of a treatment."""


def print_batch(record: BatchRecord, results: Sequence[CellResult], out: Console) -> None:
    """Print a batch: a table of expectations, the first failure of each, and the means over runs."""
    plan = record.plan
    done, whole = len(results), len(plan.cells)
    out.print()
    out.print(f"[bold]{plan.batch}[/bold]  [dim]{record.transport}, {record.started_at[:19]}[/dim]")
    found = counts(results)
    print_table(out, _expectations(found, plan.repeats))
    for each in found:
        if each.first:
            _print_first(each, out)
    if record.transport == "memory" and (failed := [each.first[0] for each in found if each.first]):
        out.print(
            f"[dim]runs in memory are not kept: this makes one again, for `why`[/dim]\n  {_again(plan, failed[0])}\n",
            soft_wrap=True,
        )
    for treatment, runs in by_treatment(results).items():
        _print_failures(treatment, runs, out)
        table = _means(treatment, runs)
        if table.row_count:
            print_table(out, table)
    for treatment, seed in differing_hashes(results):
        out.print(
            f"[bold red]not reproducible[/bold red]  repeats of {treatment} with seed {seed} differ",
            soft_wrap=True,
        )
    passed = sum(result.passed for result in results)
    note = f"{count(passed)} of {count(done)} runs passed"
    if done < whole:
        note += f"; {count(whole - done)} are not done: `econsim bench resume {plan.batch}`"
    out.print(note, style="green" if passed == whole else "bold red", soft_wrap=True)
    for treatment, digest in _hashes(results):
        out.print(f"[dim]hash of {treatment}[/dim]  {digest}", soft_wrap=True)


def _again(plan: Plan, result: CellResult) -> str:
    """Return the command that makes a run in memory again, with the same ids."""
    treatment = next(each for each in plan.treatments if each.name == result.treatment)
    periods = treatment.overrides.get("periods")
    options = "" if periods is None else f" --periods {periods}"
    file = quote(treatment.source) if treatment.source else "FILE"
    return f"econsim run {file} --seed {result.seed}{options} --name {result.run} --transport memory"


def _expectations(found: Sequence[ExpectationCount], repeats: int) -> Table:
    table = Table(box=SIMPLE_HEAD)
    several = len({each.treatment for each in found}) > 1
    if several:
        table.add_column("scenario")
    table.add_column("expectation")
    shown = [
        name for name in OUTCOMES if name in (HOLDS, "fails") or any(each.outcomes[name] for each in found)
    ]
    for outcome in shown:
        table.add_column(outcome, justify="right")
    if repeats > 1:
        table.add_column(f"pass^{repeats}", justify="right")
    for each in found:
        cells = [_number(each.outcomes[outcome], STYLES[outcome]) for outcome in shown]
        share = each.pass_all(repeats)
        last = [] if repeats < 2 else [NOTHING if share is None else f"{100 * share:.0f} %"]
        table.add_row(*([each.treatment] if several else []), escape(visible(each.name)), *cells, *last)
    return table


def _number(number: int, style: str) -> str:
    return f"[{style}]{count(number)}[/{style}]" if number else "[dim]0[/dim]"


def _print_first(each: ExpectationCount, out: Console) -> None:
    """Print the witness of the first run in which an expectation does not hold."""
    assert each.first is not None
    result, verdict = each.first
    repeat = f", repeat {result.repeat}" if result.repeat > 1 else ""
    head, *rest = verdict.lines or (f"{verdict.outcome}  {verdict.name}", verdict.message)
    out.print(
        f"{escape(visible(head))}  [dim]run {result.run}, seed {result.seed}{repeat}[/dim]", soft_wrap=True
    )
    for line in rest:
        out.print(visible(line), markup=False, soft_wrap=True)
    out.print()


def _print_failures(treatment: str, runs: Sequence[CellResult], out: Console) -> None:
    failed = [result for result in runs if result.failure]
    for result in failed[:FAILURES_SHOWN_MAX]:
        text = f"failed  {treatment}, seed {result.seed}: {visible(result.failure)}"
        out.print(text, style="red", markup=False, soft_wrap=True)
    if len(failed) > FAILURES_SHOWN_MAX:
        out.print(f"and {count(len(failed) - FAILURES_SHOWN_MAX)} runs more failed", style="red")


def _means(treatment: str, runs: Sequence[CellResult]) -> Table:
    seeds = len({result.seed for result in runs})
    table = Table(box=SIMPLE_HEAD, title=f"{treatment}, {_seeds(seeds)}", title_justify="left")
    table.add_column("measure")
    table.add_column("mean over runs", justify="right")
    for measure in measures_of(runs):
        found = mean_over_runs(runs, measure)
        values = [*by_seed(runs, measure).values()]
        table.add_row(
            with_unit(measure), plus_minus(*((found.mean, found.half_width) if found else (values[0], None)))
        )
    return table


def _seeds(number: int) -> str:
    return "1 seed" if number == 1 else f"{count(number)} seeds"


def _hashes(results: Sequence[CellResult]) -> list[tuple[str, str]]:
    """Return the hash of each treatment's first run, as far as it was taken."""
    first = {name: runs[0] for name, runs in by_treatment(results).items()}
    return [(f"{name}, seed {result.seed}", result.hash) for name, result in first.items() if result.hash]


def print_differences(
    first: str, second: str, sides: Mapping[str, Sequence[CellResult]], out: Console
) -> None:
    """Print the paired differences of two batches or treatments, and which measures have none, with the reason."""
    found = paired_differences(sides[first], sides[second])
    seeds = max((each.seeds for each in found), default=0)
    title = f"{second} minus {first}, on {_seeds(seeds)} that both have"
    table = Table(box=SIMPLE_HEAD, title=title, title_justify="left")
    table.add_column("measure")
    for heading in (first, second, "difference"):
        table.add_column(heading, justify="right")
    for each in found:
        shown = f"[{'bold' if each.is_clear else 'dim'}]{each.text}[/]"
        table.add_row(
            with_unit(each.measure), plus_minus(each.first, None), plus_minus(each.second, None), shown
        )
    print_table(out, table)
    out.print(
        "mean ± half the 95 % interval of the differences seed by seed; bold: the interval leaves 0 out",
        style="dim",
    )
    has = {label: measures_of(sides[label]) for label in (first, second)}
    for label, other in ((first, second), (second, first)):
        _print_omitted(f"only {label} has", [each for each in has[label] if each not in has[other]], out)
    compared = {each.measure for each in found}
    unpaired = [each for each in has[first] if each in has[second] and each not in compared]
    _print_omitted("no seed has, in both,", unpaired, out)


def _print_omitted(why: str, measures: Sequence[str], out: Console) -> None:
    if measures:
        out.print(
            f"not compared, because {why}: {', '.join(measures)}",
            style="yellow",
            markup=False,
            soft_wrap=True,
        )
