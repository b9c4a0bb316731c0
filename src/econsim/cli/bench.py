"""`econsim bench`: runs judged by the expectations of their scenario; `run` and `resume`, and the group of all commands."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

import typer

from econsim.cli import bench_audit, bench_read, bench_server, option_types, study
from econsim.cli import bench_options as options
from econsim.cli.batch_run import execute
from econsim.cli.bench_options import BenchTransport
from econsim.cli.command_group import command_line, settings_of
from econsim.cli.output import print_warnings, prints_to_stderr
from econsim.cli.run_options import PeriodsOption
from econsim.cli.unused_options import refuse_unused_options
from econsim.errors import Conflict, EconsimError

if TYPE_CHECKING:
    from econsim.config import Settings
    from econsim.evaluation.bench.plan import Treatment
    from econsim.evaluation.bench.records import BatchRecord
    from econsim.schemas.scenario import Scenario

Found = TypeVar("Found")

bench: Final = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="rich",
    help="Judge runs by the expectations of their scenario: batches over seeds, repeats, machines; records, comparisons.",
)


@bench.command()
def run(  # noqa: PLR0913 - each is an option of the command
    context: typer.Context,
    scenarios: options.ScenariosArgument,
    *,
    name: options.NameOption = None,
    repeat: options.RepeatOption = 1,
    seeds: options.SeedsOption = None,
    periods: PeriodsOption = None,
    jobs: options.JobsOption = None,
    transport: options.TransportOption = BenchTransport.NATS,
    agents: options.AgentsOption = None,
    hash_all: options.HashOption = False,
    json: options.JsonOption = None,
    junit: options.JunitOption = None,
) -> None:
    """Run scenarios with every seed, judge each run by the scenario's expectations, and keep a record.

    Ends with 0 if every expectation holds in every run, with 1 if one fails, is vacuous (its trigger never happened) or cannot be
    decided, with 2 for bad input, before anything starts.

    Example: [cyan]econsim bench run smith1962 --transport memory --seeds 1..20[/cyan]

    Example: [cyan]econsim bench run genesis --repeat 3 --junit verdicts.xml[/cyan]

    Example: [cyan]econsim bench run my.toml --agent ana='python bot.py'[/cyan]
    """
    refuse_unused_options(context, options.RUN_UNUSED_OPTIONS)
    config = settings_of(context)
    option_types.writable_state(config.state, context)
    started = dict(agents or ())
    treatments = _check_input(context, lambda: _treatments(config, scenarios, periods, transport, started))
    record = _record(context, treatments, name, seeds or (), repeat, transport, started, hash_all=hash_all)
    from econsim.evaluation.bench.records import BatchFiles

    files = BatchFiles(config.state, record.plan.batch)
    try:
        files.create(record)
    except Conflict as error:
        raise typer.BadParameter(str(error), ctx=context, param_hint="'--name'") from None
    found = execute(config, files, record, jobs, resumed=False)
    bench_read.finish(files, record, found, json, junit)


@bench.command()
def resume(
    context: typer.Context,
    batch: options.BatchArgument,
    *,
    jobs: options.JobsOption = None,
    json: options.JsonOption = None,
    junit: options.JunitOption = None,
) -> None:
    """Resume a batch or study that was stopped or killed: run the cells that have no result yet.

    Example: [cyan]econsim bench resume smith1962-1a2b3c4d[/cyan]
    """
    config = settings_of(context)
    from econsim.evaluation.bench.records import BatchFiles

    files = BatchFiles(config.state, batch)
    record = files.record()
    found = execute(config, files, record, jobs, resumed=True)
    if record.study:
        study.finish(files, record, found)
    else:
        bench_read.finish(files, record, found, json, junit)


for _command in (
    bench_read.list_batches,
    bench_read.show,
    bench_read.compare,
    bench_server.watch,
    bench_server.worker,
    bench_server.gc,
    bench_audit.audit,
):
    bench.command("list" if _command is bench_read.list_batches else None)(_command)


def _check_input(context: typer.Context, look: Callable[[], Found]) -> Found:
    """Return what a look at the input finds; any error of econsim in it is one of the command line."""
    try:
        return look()
    except EconsimError as error:
        raise typer.BadParameter(str(error), ctx=context) from None


@prints_to_stderr()
def _treatments(
    config: Settings,
    scenarios: Sequence[str],
    periods: int | None,
    transport: BenchTransport,
    agents: dict[str, tuple[str, ...]],
) -> list[Treatment]:
    """Return the treatments of the arguments; raises EconsimError for what cannot be run, or judged."""
    from econsim.cli.providers import require_providers
    from econsim.cli.tool_servers import require_tool_servers
    from econsim.errors import ScenarioError
    from econsim.evaluation.bench.batch import check_agents, check_in_memory, treatment_of
    from econsim.evaluation.bench.plan import scenario_of
    from econsim.runs import scenario_file

    found: dict[str, Treatment] = {}
    for source in (each for given in scenarios for each in _sources(given)):
        treatment = treatment_of(source, periods)
        scenario: Scenario = scenario_of(treatment.scenario)
        if treatment.name in found:
            message = f"two of the scenarios are called {treatment.name!r}; give one of them another name"
            raise ScenarioError(message)
        found[treatment.name] = treatment
        if transport is BenchTransport.NATS:
            require_providers(config, scenario, None)
            require_tool_servers(config, scenario)
            check_agents(scenario, agents)
        else:
            check_in_memory(scenario)
        print_warnings(scenario_file.scenario_warnings(source))
    return list(found.values())


def _sources(given: str) -> list[str]:
    """Return the scenario files of a directory, else what was given; raises ScenarioError for a directory without any."""
    from econsim.errors import ScenarioError
    from econsim.runs.scenario_file import SUFFIX, names

    if given in names() or "\0" in given or not given or not Path(given).is_dir():
        return [given]
    files = sorted(str(path) for path in Path(given).glob(f"*{SUFFIX}"))
    if not files:
        message = f"there is no scenario in the directory {given!r}; its files end in {SUFFIX}"
        raise ScenarioError(message)
    return files


def _record(  # noqa: PLR0913, PLR0917 - a batch is made of them
    context: typer.Context,
    treatments: Sequence[Treatment],
    name: str | None,
    seeds: Sequence[int],
    repeats: int,
    transport: BenchTransport,
    agents: dict[str, tuple[str, ...]],
    *,
    hash_all: bool,
) -> BatchRecord:
    from econsim.adapters.clock import SystemClock, random_name
    from econsim.evaluation.bench.batch import batch_name, versions
    from econsim.evaluation.bench.plan import BATCH_LENGTH_MAX, CELLS_MAX, make_plan
    from econsim.evaluation.bench.records import BatchRecord

    number = len(treatments) * max(len(seeds), 1) * repeats
    if number > CELLS_MAX:
        message = f"{number:,} runs are too many; a batch has at most {CELLS_MAX:,}"
        raise typer.BadParameter(message, ctx=context, param_hint="'--seeds'")
    try:
        batch = batch_name(name or random_name(treatments[0].name[: BATCH_LENGTH_MAX - 9]))
    except EconsimError as error:
        raise typer.BadParameter(str(error), ctx=context, param_hint="'--name'") from None
    return BatchRecord(
        plan=make_plan(batch, treatments, seeds, repeats, hash_all=hash_all),
        transport=transport.value,
        command=command_line(context),
        started_at=SystemClock().now(),
        versions=versions(),
        agents=agents,
    )
