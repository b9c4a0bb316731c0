"""`econsim run` and `econsim resume`: start the server and services that are missing, and run one scenario to its end."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import typer

from econsim.cli import option_types
from econsim.cli import run_options as options
from econsim.cli.command_group import report_path, run_async, settings_of
from econsim.cli.connect import require_runs
from econsim.cli.json_rows import write_rows
from econsim.cli.memory_run import MemoryRequest, run_in_memory, stopped_in_memory, write_tables
from econsim.cli.output import console, line_printer, prints_to_stderr
from econsim.cli.own_policies import policies_of, policies_of_log
from econsim.cli.providers import require_providers
from econsim.cli.readable_run import ReadableRun
from econsim.cli.recorded import read_recorded, read_recorded_of_log
from econsim.cli.run_argument import RunArgument
from econsim.cli.run_options import Transport
from econsim.cli.setting_options import SetOption, load_with_settings
from econsim.cli.tool_servers import require_tool_servers
from econsim.cli.unused_options import refuse_unused_options
from econsim.errors import ScenarioError
from econsim.schemas.executor import Execution

if TYPE_CHECKING:
    from econsim.app import Server
    from econsim.config import Settings
    from econsim.domain.cognition.recording import Recording
    from econsim.report.summary import Summary
    from econsim.runs.launch.services import LaunchOptions
    from econsim.runs.overrides import ExternalOption
    from econsim.runs.recorder import Recorder
    from econsim.schemas.scenario import Scenario

POLL_INTERVAL_S: Final = 1.0
"""Pause in seconds between two checks whether a tick is silent."""


def run(  # noqa: PLR0913 - each is an option of the command
    context: typer.Context,
    scenario: options.ScenarioArgument = "genesis",
    *,
    name: options.NameOption = None,
    seed: options.SeedOption = None,
    periods: options.PeriodsOption = None,
    hosts: options.HostsOption = None,
    set_: SetOption = None,
    transport: options.TransportOption = Transport.NATS,
    spread: options.SpreadOption = False,
    workers: options.WorkersOption = 1,
    services: options.ServicesOption = None,
    execution: options.ExecutionOption = None,
    ephemeral: options.EphemeralOption = False,
    external: options.ExternalsOption = None,
    real_time: options.RealTimeOption = False,
    report: options.ReportOption = None,
    no_report: options.NoReportOption = False,
    parquet: options.ParquetOption = None,
    recorded: options.RecordedOption = None,
    provider: options.ProviderOption = None,
    live_tools: options.LiveToolsOption = False,
    live_people: options.LivePeopleOption = False,
    as_json: options.FiguresJsonOption = False,
) -> None:
    """Run one scenario and show its results; end with 1 if it failed or an expectation does not hold.

    Starts a private nats-server and all services, unless they run already (`econsim up`).

    Example: [cyan]econsim run genesis[/cyan]

    Example: [cyan]econsim run smith1962 --transport memory --periods 200 --name smith --parquet tables[/cyan]

    Example: [cyan]econsim run my.toml --spread --workers 2 --external ana:30s[/cyan]
    """
    refuse_unused_options(context, options.RUN_UNUSED_OPTIONS)
    from econsim.runs import overrides

    config, found = settings_of(context), load_with_settings(context, scenario, set_)
    what = overrides.apply_overrides(
        found,
        seed=seed,
        periods=periods,
        hosts=hosts,
        externals=_external_names(context, found, external or ()),
        real_time=real_time,
        provider=provider,
        live_tools=live_tools,
        live_people=live_people,
    )
    _require_report_place(context, config, report, is_written=not no_report)
    request = RunRequest(what, name, external or (), recorded, execution, parquet)
    if transport is Transport.MEMORY:
        summary = _in_memory(config, request, ephemeral=ephemeral)
    else:
        launching = _launch_options(services, spread=spread, workers=workers, ephemeral=ephemeral)
        summary = _launch(config, request, launching)
    _show(config, summary, report, is_written=not no_report, as_json=as_json)


def _require_report_place(
    context: typer.Context, config: Settings, report: Path | None, *, is_written: bool
) -> None:
    """Raise BadParameter if the report is written into a state directory that cannot be written."""
    if is_written and report is None:
        option_types.writable_state(config.state, context)


def _launch_options(
    services: bool | None,  # noqa: FBT001 - an option as it was given
    *,
    spread: bool,
    workers: int,
    ephemeral: bool = False,
) -> LaunchOptions:
    """Return what to start, as the options say."""
    from econsim.runs.launch.services import LaunchOptions

    return LaunchOptions(options.requested_services(services), spread, workers, ephemeral)


def _in_memory(config: Settings, request: RunRequest, *, ephemeral: bool) -> Summary:
    """Run a scenario in memory, and keep it unless it is ephemeral; nothing of NATS is loaded for it."""
    assert request.scenario is not None
    answers = read_recorded(config, request.recorded) if request.recorded else None
    return run_in_memory(
        config,
        MemoryRequest(request.scenario, request.name, answers, request.tables, ephemeral=ephemeral),
    )


@prints_to_stderr()
def _launch(config: Settings, request: RunRequest, launching: LaunchOptions) -> Summary:
    """Run a scenario over NATS.

    Raises ScenarioError, before anything starts, if a provider or a tool server is lacking, or if nobody can execute it as asked;
    Conflict if a run in memory has the name.
    """
    from econsim.domain.execution.eligibility import why_not_whole
    from econsim.runs.kept_runs import require_free_name

    assert request.scenario is not None
    if request.execution is Execution.WHOLE and (reason := why_not_whole(request.scenario)):
        message = f"scenario {request.scenario.name!r} {reason}; leave --execution whole out"
        raise ScenarioError(message)
    if request.name:
        require_free_name(config.state, request.name)
    require_providers(config, request.scenario, request.recorded)
    require_tool_servers(config, request.scenario)
    launching = replace(launching, policies_of=partial(policies_of, [request.scenario]))
    return run_async(_over_nats(config, request, launching))


def resume(  # noqa: PLR0913 - each is an option of the command
    context: typer.Context,
    run: RunArgument = "last",
    *,
    spread: options.SpreadOption = False,
    workers: options.WorkersOption = 1,
    services: options.ServicesOption = None,
    report: options.ReportOption = None,
    no_report: options.NoReportOption = False,
    as_json: options.FiguresJsonOption = False,
) -> None:
    """Resume a run that was stopped, or whose command was killed, and show its results.

    In lock-step it ends as if it had never stopped. A run in memory is made again from its beginning: it comes to the tick at which it was
    stopped, and goes on.

    Example: [cyan]econsim resume last[/cyan]
    """
    refuse_unused_options(context, options.RESUME_UNUSED_OPTIONS)
    config = settings_of(context)
    _require_report_place(context, config, report, is_written=not no_report)
    show = partial(_show, config, report=report, is_written=not no_report, as_json=as_json)
    if stopped := stopped_in_memory(config, run):
        if spread or services is not None:
            message = f"--spread and --services do nothing for run {stopped.name}, which is in memory"
            raise typer.BadParameter(message, ctx=context)
        show(run_in_memory(config, stopped))
        return
    require_runs(config)
    launching = _launch_options(services, spread=spread, workers=workers)
    launching = replace(launching, policies_of=partial(policies_of_log, run))
    with prints_to_stderr():
        summary = run_async(_over_nats(config, RunRequest(name=run), launching))
    show(summary)


def _external_names(
    context: typer.Context, scenario: Scenario, externals: Sequence[ExternalOption]
) -> list[str]:
    """Return the names of external agents; raises BadParameter for a name that an agent or group has."""
    from econsim.runs.overrides import check_externals

    names = [each.name for each in externals]
    try:
        check_externals(scenario, names)
    except ScenarioError as error:
        raise typer.BadParameter(str(error), ctx=context, param_hint="'--external'") from None
    return names


@dataclass(frozen=True, slots=True)
class RunRequest:
    """Run that a command asks for."""

    scenario: Scenario | None = None
    """Scenario to run; none to resume a run of the log."""
    name: str | None = None
    """Id of the run; none to generate one."""
    externals: Sequence[ExternalOption] = ()
    """External agents of options `--external`."""
    recorded: str | None = None
    """Recorded run of the log whose calls answer those of this run; none to ask providers."""
    execution: Execution | None = None
    """Execution of a new run; none for the fastest one that scenario and services allow."""
    tables: Path | None = None
    """Directory for tables of the run; none for no tables."""


async def _over_nats(config: Settings, wanted: RunRequest, launching: LaunchOptions) -> Summary:
    import asyncio

    from econsim.adapters.jetstream import dead_letters
    from econsim.cli.run_summary import hash_of_any_order
    from econsim.domain.cognition.recording import ReplayCheck
    from econsim.report.progress_bar import ProgressDisplay
    from econsim.runs.launch.agent_accounts import agents_without_account
    from econsim.runs.launch.service_presence import watch_services
    from econsim.runs.launch.services import launch
    from econsim.runs.recorder import Recorder
    from econsim.runs.remote import run_connection, run_records
    from econsim.runs.retention import retention_end
    from econsim.runs.stored_hash import store_hash

    deadlines = {each.name: each.deadline_ms for each in wanted.externals if each.deadline_ms is not None}
    async with AsyncExitStack() as stack:
        progress = stack.enter_context(ProgressDisplay(console(stderr=True)))
        tell = line_printer(progress.console)
        server = await stack.enter_async_context(launch(launching, config, tell))
        run, scenario, execution, recording = await _requested_run(server, wanted, launching)
        if waiting := agents_without_account(server, scenario):
            progress.console.print(
                f"{', '.join(waiting)} can join once they have credentials, made where the trust root is: "
                f"[cyan]econsim agent create {waiting[0]} --run {run}[/]",
                soft_wrap=True,
            )
        found = await stack.enter_async_context(
            run_connection(server, run, scenario, deadlines, None if launching.ephemeral else tell, execution)
        )
        recorder, replay = Recorder(progress, timed=found.new, stored=True), ReplayCheck(recording)
        for showing in (_show_waiting(recorder), watch_services(server, run, scenario, execution, tell)):
            stack.callback(asyncio.create_task(showing).cancel)
        async for entry in await stack.enter_async_context(aclosing(run_records(found.client, run))):
            recorder.add(entry)
            replay.check(entry)
        if result := replay.result():
            tell(result)
        # Dead letters reach the log a moment later, and the run may have ended by then.
        letters = await dead_letters.count(found.client, run)
        log = ReadableRun(run, run, found.client)
        if wanted.tables:
            await write_tables(wanted.tables, log)
        summary = recorder.summary()
        if not summary.canonical_hash:
            summary = replace(summary, canonical_hash=await hash_of_any_order(log))
    if not launching.ephemeral:
        store_hash(config.state, run, recorder.opening_id, summary.canonical_hash)
        summary = replace(summary, kept_until=retention_end(recorder.opened_at))
    return replace(summary, dead_letters=max(letters, summary.dead_letters))


async def _show_waiting(recorder: Recorder) -> None:
    """Show the agents that a silent tick waits for, until cancelled."""
    from econsim.adapters.poll import Poll

    async for _ in Poll(POLL_INTERVAL_S):
        recorder.show_waiting()


async def _requested_run(
    server: Server, wanted: RunRequest, launching: LaunchOptions
) -> tuple[str, Scenario, Execution, Recording | None]:
    """Return name, scenario and execution of a requested run, and the recording that a new replay answers from.

    Raises NotFound or Conflict for a run that cannot be resumed.
    """
    from econsim.adapters.clock import random_name
    from econsim.adapters.jetstream.run_reader import reader
    from econsim.adapters.nats.connection import connect
    from econsim.cli.run_names import LAST, resolve
    from econsim.identity.roles import OBSERVER
    from econsim.runs.remote import opening_of

    if wanted.scenario and not wanted.recorded:
        name = wanted.name or random_name(wanted.scenario.name)
        return name, wanted.scenario, _execution(server, wanted, launching), None
    client = await connect(server.url, reader(server.creds(OBSERVER)), "econsim-run-reader")
    try:
        if wanted.scenario:
            found = await read_recorded_of_log(client, wanted.recorded or LAST)
            name = wanted.name or random_name(wanted.scenario.name)
            return name, found.answer(wanted.scenario), Execution.SHARED, found.recording
        run = await resolve(client, wanted.name or LAST)
        opening = await opening_of(client, run)
        return run, opening.scenario, opening.execution, None
    finally:
        await client.close()


def _execution(server: Server, wanted: RunRequest, launching: LaunchOptions) -> Execution:
    """Return the execution of a new run: as asked for, else the fastest one."""
    from econsim.runs.remote import execution_of

    assert wanted.scenario is not None
    if wanted.execution is not None:
        return wanted.execution
    return execution_of(server, wanted.scenario, spread=launching.spread)


def _show(
    config: Settings, summary: Summary, report: Path | None, *, as_json: bool, is_written: bool
) -> None:
    """Show the results of a run, and write its report; end with 1 if it failed, or if an expectation does not hold."""
    from econsim.report.terminal import print_report, print_summary

    out = console()
    if as_json:
        from econsim.report.summary_json import summary_row

        write_rows([summary_row(summary)])
    else:
        print_summary(summary, out)
    if is_written:
        from econsim.report.html import write_report

        with report_path(config, summary.run, report, "--report") as path:
            written = write_report(summary, path)
            if not as_json:
                print_report(out, written)
    if summary.failure or summary.warnings or not summary.is_as_expected:
        raise typer.Exit(1)
