"""`econsim scenarios`, `new` and `check`: list shipped scenario files, write one, check one. They need no server."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from econsim.cli import option_types
from econsim.cli.json_rows import JsonOption, write_rows
from econsim.cli.output import console, print_warnings, prints_to_stderr, say
from econsim.cli.setting_options import SetOption, with_set_options
from econsim.errors import ScenarioError, SetupError

if TYPE_CHECKING:
    from econsim.schemas.scenario import Scenario

TEMPLATE_NAME: Final = 'name = "my_market"'
"""Line of the template that gets the scenario's name."""


def scenarios(*, as_json: JsonOption = False) -> None:
    """List the scenarios that come with econsim.

    Example: [cyan]econsim scenarios[/cyan], then [cyan]econsim run smith1962[/cyan]
    """
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from econsim.report.tables import print_table
    from econsim.report.terminal import SHORT, WIDE_MIN
    from econsim.runs import scenario_file

    if as_json:
        write_rows(_scenario_row(name, scenario_file.load(name)) for name in scenario_file.names())
        return
    out = console()
    wide = out.width >= WIDE_MIN
    table = Table(box=SIMPLE_HEAD)
    table.add_column("name", style="bold cyan", no_wrap=True)
    table.add_column("what it shows")
    table.add_column("agents", justify="right")
    table.add_column("markets", no_wrap=not wide)
    table.add_column("periods", justify="right")
    for name in scenario_file.names():
        found = scenario_file.load(name)
        agents = sum(group.count for group in found.agents)
        rules = [(m.resource, m.mechanism.value) for m in found.markets]
        markets = "\n".join(
            f"{resource} ({rule.replace('_', ' ') if wide else SHORT[rule]})" for resource, rule in rules
        )
        table.add_row(name, found.title, f"{agents:,}", markets, str(found.clock.periods))
    print_table(out, table)


def _scenario_row(name: str, found: Scenario) -> dict[str, object]:
    return {
        "name": name,
        "title": found.title,
        "agents": sum(group.count for group in found.agents),
        "markets": {market.resource: market.mechanism.value for market in found.markets},
        "periods": found.clock.periods,
        "ticks_per_period": found.clock.ticks_per_period,
        "seed": found.seed,
    }


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
    twice: Annotated[
        bool, typer.Option("--twice", help="Run it twice in memory, and compare the hashes of both runs.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the result and the warnings as one line of JSON.")
    ] = False,
) -> None:
    """Check a scenario file without running it: names the line, the key and the remedy.

    A value that is valid but probably a mistake, like one outside the price limits, is a warning.

    Example: [cyan]econsim check bakery.toml[/cyan]

    Example: [cyan]econsim check genesis --set markets.cpu.price_max=6[/cyan]

    Example: [cyan]econsim check bakery.toml --twice[/cyan] shows whether policies of your own repeat
    """
    from econsim.domain.agent.population import population
    from econsim.report.format import plural
    from econsim.runs.scenario_file import load, scenario_warnings

    with prints_to_stderr():
        scenario = with_set_options(context, file, load(file), set_)
        warnings = scenario_warnings(file, scenario)
        hashes = _two_hashes(scenario) if twice else ()
    if as_json:
        repeats = {"repeats": len({*hashes}) == 1} if twice else {}
        write_rows([_scenario_row(file, scenario) | {"warnings": list(warnings)} | repeats])
        return
    print_warnings(warnings)
    say(
        "[green]{file} is usable[/green]: {agents}, {markets}, {periods} of at most {ticks}",
        file=file,
        agents=plural(len(population(scenario)), "agent"),
        markets=plural(len(scenario.markets), "market"),
        periods=plural(scenario.clock.periods, "period"),
        ticks=plural(scenario.clock.ticks_per_period, "tick"),
    )
    if twice:
        _compare(*hashes)


def _two_hashes(scenario: Scenario) -> tuple[str, str]:
    """Return the hashes of two runs of a scenario; raises ScenarioError if it needs a server."""
    from econsim.runs.overrides import why_not_in_memory

    if reason := why_not_in_memory(scenario):
        message = f"scenario {scenario.name!r} {reason}; leave --twice out"
        raise ScenarioError(message)
    return _hash_in_memory(scenario), _hash_in_memory(scenario)


def _compare(first: str, second: str) -> None:
    """Say whether the hashes of two runs agree; end with 1 if not."""
    if first == second:
        say("[green]two runs are one[/green]: hash {hash}", hash=first)
        return
    say(
        "two runs of one seed differ, {first} and {second}: a policy draws from elsewhere than its draws, or reads a clock",
        style="bold red",
        first=first[:12],
        second=second[:12],
    )
    raise typer.Exit(1)


def _hash_in_memory(scenario: Scenario) -> str:
    from econsim.adapters.policies import load_policies
    from econsim.domain.audit.canonical_log import CanonicalLog
    from econsim.domain.execution import in_memory

    canonical = CanonicalLog()
    for addressed in in_memory.run(scenario, policies=load_policies(scenario)):
        canonical.add(addressed)
    return canonical.hexdigest()
