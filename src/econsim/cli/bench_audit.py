"""`econsim bench audit`: name the expectations of a scenario that nothing which goes wrong in a run would break."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from econsim.cli import option_types
from econsim.cli.command_group import settings_of
from econsim.cli.json_rows import JsonOption, write_rows
from econsim.cli.output import console, prints_to_stderr, say
from econsim.cli.run_options import PeriodsOption
from econsim.errors import EconsimError

if TYPE_CHECKING:
    from econsim.domain.expectation.audit import Audited


def audit(
    context: typer.Context,
    scenario: Annotated[
        str,
        typer.Argument(
            help="Name of a shipped scenario, or a TOML file.", metavar="NAME|FILE", parser=option_types.text
        ),
    ],
    *,
    periods: PeriodsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run a scenario in memory and judge mutants of its log: an expectation that no mutant breaks proves nothing.

    Mutants drop, repeat, swap and alter events. Ends with 1 if an expectation holds whatever is done to the log.

    Example: [cyan]econsim bench audit gode_sunder_oracle --periods 1[/cyan]
    """
    from econsim.adapters.policies import load_policies
    from econsim.domain.audit.facts import as_record
    from econsim.domain.execution import in_memory
    from econsim.domain.expectation.audit import audit as audited
    from econsim.evaluation.bench.batch import check_in_memory, treatment_of
    from econsim.evaluation.bench.plan import scenario_of
    from econsim.report.judging import ReportMeasures

    settings_of(context)
    with prints_to_stderr():
        try:
            wanted = scenario_of(treatment_of(scenario, periods).scenario)
            check_in_memory(wanted)
        except EconsimError as error:
            raise typer.BadParameter(str(error), ctx=context) from None
        events = in_memory.run(wanted, policies=load_policies(wanted))
        records = [as_record(addressed) for addressed in events]
    found = audited(wanted.expectations, records, wanted, ReportMeasures)
    unbreakable = [each.verdict.name for each in found if not each.is_breakable]
    if as_json:
        write_rows(map(_row, found))
        if unbreakable:
            raise typer.Exit(1)
        return
    _show(found)
    if unbreakable:
        what = "it proves" if len(unbreakable) == 1 else "they prove"
        say(
            "no mutant breaks {names}: {what} nothing",
            style="bold red",
            names=", ".join(unbreakable),
            what=what,
        )
        raise typer.Exit(1)
    say("every expectation can be broken", style="green")


def _row(each: Audited) -> dict[str, object]:
    return {
        "expectation": each.verdict.name,
        "verdict": each.verdict.outcome.value,
        "mutants": each.tried,
        "broken_by": {kind.value: name for kind, name in each.broken_by.items()},
    }


def _show(found: tuple[Audited, ...]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.markup import escape
    from rich.table import Table

    from econsim.domain.expectation.mutants import Mutation
    from econsim.report.format import NOTHING, count
    from econsim.report.tables import print_table

    table = Table(box=SIMPLE_HEAD)
    table.add_column("expectation")
    table.add_column("verdict", no_wrap=True)
    table.add_column("mutants", justify="right")
    for kind in Mutation:
        table.add_column(f"{kind.value} breaks it")
    for each in found:
        broken = [escape(each.broken_by.get(kind, NOTHING)) for kind in Mutation]
        table.add_row(escape(each.verdict.name), each.verdict.outcome.value, count(each.tried), *broken)
    print_table(console(), table)
