"""`econsim adversary`: every attack that is possible with an agent's credentials, against a system of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

import typer

from econsim.cli import option_types
from econsim.cli.command_group import run_async, settings_of
from econsim.cli.json_rows import JsonOption, write_rows
from econsim.cli.output import console, echo, say
from econsim.cli.unused_options import UnusedOption, refuse_unused_options

if TYPE_CHECKING:
    from rich.table import Table

    from econsim.checks.attacks.runner import AttackReport, AttackResult

STYLES: Final = {"held": "green", "BROKEN": "bold red", "skipped": "yellow"}
"""Outcome → how it is shown."""


def _attacks() -> list[str]:
    from econsim.checks.attacks.catalogue import select_attacks

    return [attack.name for attack in select_attacks([])]


ADVERSARY_UNUSED_OPTIONS: Final = (
    UnusedOption("markdown", lambda given: not given["listed"], "does nothing without --list"),
    UnusedOption(
        "only", lambda given: given["markdown"], "does nothing with --markdown, which has all attacks"
    ),
)
"""Rules for options of `adversary` that would have no effect."""


def adversary(
    context: typer.Context,
    *,
    listed: Annotated[bool, typer.Option("--list", help="List the attacks, and try none.")] = False,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="With --list: as a page of documentation.")
    ] = False,
    only: Annotated[
        list[str] | None,
        typer.Option(
            "--only",
            help="Only this attack; may be given several times.",
            metavar="NAME",
            parser=option_types.OneOf("attack", _attacks),
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Attack a system of its own under load as an agent could, and judge each attack by its effect on the victims.

    Ends with 1 if an attack did harm, or if a victim noticed it.

    Example: [cyan]econsim adversary --only mint_money --only reply_to_queue[/cyan]
    """
    refuse_unused_options(context, ADVERSARY_UNUSED_OPTIONS)
    from econsim.checks.attacks.catalogue import page, select_attacks

    attacks = select_attacks(only or [])
    if listed:
        if markdown:
            echo(page(), end="")
        else:
            if as_json:
                write_rows({"attack": each.name, "tries": each.tries} for each in attacks)
                return
            for attack in attacks:
                say("[bold]{name}[/bold]  {tries}", name=attack.name, tries=attack.tries)
        return
    from econsim.checks.attacks.runner import run_attacks

    report = run_async(run_attacks(settings_of(context), attacks, lambda text: say(text, "dim")))
    if as_json:
        write_rows(map(_result_row, report.results))
    else:
        _show(report)
    if not report.held:
        raise typer.Exit(1)


def _result_row(result: AttackResult) -> dict[str, object]:
    return {
        "attack": result.attack.name,
        "tries": result.attack.tries,
        "outcome": result.verdict.outcome.value,
        "fails_because": result.attack.fails_because,
        "evidence": result.verdict.evidence,
    }


def _show(report: AttackReport) -> None:
    from rich.text import Text

    from econsim.checks.attacks.verdict import AttackOutcome
    from econsim.report.tables import print_table

    print_table(console(), table(report))
    for check in report.invariants:
        console().print(Text(str(check), "green" if check.holds else "bold red"), soft_wrap=True)
    counts = ", ".join(f"{len(report.with_outcome(outcome))} {outcome.value}" for outcome in AttackOutcome)
    say(f"{len(report.results)} attacks: {counts}", "bold green" if report.held else "bold red")


def table(report: AttackReport) -> Table:
    """Return the results of the attacks as a table, one row for each."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    made = Table(box=SIMPLE_HEAD)
    made.add_column("attack", no_wrap=True)
    for heading in ("tries", "outcome", "fails because", "evidence"):
        made.add_column(heading)
    for result in report.results:
        attack, outcome = result.attack, result.verdict.outcome.value
        # Evidence quotes messages of the server and the attacker: it is text, not markup.
        cells = (
            attack.tries,
            Text(outcome, STYLES[outcome]),
            attack.fails_because,
            Text(result.verdict.evidence),
        )
        made.add_row(attack.name, *cells)
    return made
