"""`econsim scenarios`, `new` and `check`: list shipped scenario files, write one, check one. They need no server."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from econsim.cli import option_types
from econsim.cli.output import console, print_warnings, say
from econsim.cli.setting_options import SetOption, with_set_options
from econsim.errors import SetupError

TEMPLATE_NAME: Final = 'name = "my_market"'
"""Line of the template that gets the scenario's name."""


def scenarios() -> None:
    """List the scenarios that come with econsim.

    Example: [cyan]econsim scenarios[/cyan], then [cyan]econsim run smith1962[/cyan]
    """
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from econsim.report.tables import print_table
    from econsim.runs import scenario_file

    table = Table(box=SIMPLE_HEAD)
    table.add_column("name", style="bold cyan", no_wrap=True)
    table.add_column("what it shows")
    table.add_column("agents", justify="right")
    table.add_column("markets")
    table.add_column("periods", justify="right")
    for name in scenario_file.names():
        found = scenario_file.load(name)
        agents = sum(group.count for group in found.agents)
        markets = "\n".join(f"{m.resource} ({m.mechanism.value.replace('_', ' ')})" for m in found.markets)
        table.add_row(name, found.title, f"{agents:,}", markets, str(found.clock.periods))
    print_table(console(), table)


def new(
    name: Annotated[
        str,
        typer.Argument(help="Name of the scenario: a-z 0-9 _ -", metavar="NAME", parser=option_types.name),
    ],
    to: Annotated[
        Path | None,
        typer.Option(
            help="File to write. Default: NAME.toml in this directory",
            metavar="FILE",
            parser=option_types.new_file,
        ),
    ] = None,
    *,
    study: Annotated[bool, typer.Option("--study", help="Write the design of a study instead.")] = False,
) -> None:
    """Write a commented scenario file to start from, or the design of a study.

    Example: [cyan]econsim new bakery[/cyan], then edit it and [cyan]econsim run bakery.toml[/cyan]

    Example: [cyan]econsim new opening_hours --study[/cyan], then edit it and [cyan]econsim study opening_hours.toml[/cyan]
    """
    from econsim.evaluation.studies import design_file
    from econsim.runs.scenario_file import SUFFIX, template

    text = design_file.template() if study else template().replace(TEMPLATE_NAME, f'name = "{name}"', 1)
    path = to or Path(f"{name}{SUFFIX}")
    if path.exists():
        message = f"{path} exists already; choose another NAME, or another place with --to"
        raise SetupError(message)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        message = f"cannot write {path}: {error.strerror}; choose another place with --to"
        raise SetupError(message) from error
    command = "study" if study else "run"
    say(
        "wrote [bold]{path}[/bold]; edit it, then: [cyan]econsim {command} {path}[/cyan]",
        path=path,
        command=command,
    )


def check(
    context: typer.Context,
    file: Annotated[
        str,
        typer.Argument(
            help="A scenario file, or the name of a shipped one.", metavar="FILE", parser=option_types.text
        ),
    ],
    *,
    set_: SetOption = None,
) -> None:
    """Check a scenario file without running it: names the line, the key and the remedy.

    A value that is valid but probably a mistake, like one outside the price limits, is a warning.

    Example: [cyan]econsim check bakery.toml[/cyan]

    Example: [cyan]econsim check genesis --set markets.cpu.price_max=6[/cyan]
    """
    from econsim.domain.agent.population import population
    from econsim.runs.scenario_file import load, scenario_warnings

    scenario = with_set_options(context, load(file), set_)
    print_warnings(scenario_warnings(file, scenario))
    agents, markets, clock = len(population(scenario)), len(scenario.markets), scenario.clock
    say(
        f"[green]{file} is usable[/green]: {agents:,} agents, {markets} market{'s' * (markets != 1)}, "
        f"{clock.periods} periods of at most {clock.ticks_per_period} ticks"
    )
