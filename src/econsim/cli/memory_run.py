"""Runs in memory of `econsim run` and `resume`: run to the end or to Ctrl-C, then keep what makes them again."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from econsim.cli.command_group import run_async
from econsim.cli.interrupts import hold_back_interrupts
from econsim.cli.output import console, echo, line_printer, prints_to_stderr
from econsim.errors import Conflict, ScenarioError

if TYPE_CHECKING:
    from econsim.cli.readable_run import ReadableRun
    from econsim.config import Settings
    from econsim.report.summary import Summary
    from econsim.runs.recorded_run import RecordedRun
    from econsim.runs.run_facts import RunFacts, RunState
    from econsim.runs.run_file import EventSpool
    from econsim.schemas.scenario import Scenario


@dataclass(frozen=True, slots=True)
class MemoryRequest:
    """Run in memory that a command asks for."""

    scenario: Scenario
    """Scenario to run."""
    name: str | None = None
    """Id of the run; none to generate one."""
    recorded: RecordedRun | None = None
    """Recorded run whose calls answer those of this run; none to ask the rules of the scenario."""
    tables: Path | None = None
    """Directory for tables of the run; none for no tables."""
    ephemeral: bool = False
    """True to keep nothing of it."""


def run_in_memory(config: Settings, wanted: MemoryRequest) -> Summary:
    """Run a scenario in memory, keep it, and write its tables; return its summary.

    Raises ScenarioError for a scenario that needs a server, Conflict for a name that another run has. After Ctrl-C the run is kept as it
    stood, and KeyboardInterrupt raised.
    """
    from econsim.adapters.clock import random_name
    from econsim.runs.kept_runs import require_free_name
    from econsim.runs.made_again import follows_from_scenario
    from econsim.runs.overrides import why_not_in_memory
    from econsim.runs.run_file import event_spool

    if reason := why_not_in_memory(wanted.scenario):
        message = f"scenario {wanted.scenario.name!r} {reason}; leave --transport memory out"
        raise ScenarioError(message)
    recorded = wanted.recorded
    scenario = recorded.answer(wanted.scenario) if recorded else wanted.scenario
    name = wanted.name or random_name(scenario.name)
    with ExitStack() as stack:
        place = config.state
        if wanted.ephemeral:
            place = Path(stack.enter_context(TemporaryDirectory(prefix="econsim-run-")))
        else:
            require_free_name(place, name, scenario)
        again = follows_from_scenario(scenario, recorded.recording if recorded else None)
        spool = None if again else stack.enter_context(event_spool())
        driven = _Driven(scenario, name, recorded, spool)
        try:
            driven.run()
        except KeyboardInterrupt:
            if not wanted.ephemeral and driven.keep(place, "stopped"):
                echo(f"run {name} is stopped; `econsim resume {name}` goes on with it", err=True, fg="yellow")
            raise
        summary = driven.recorder.summary()
        path = driven.keep(place, "failed" if summary.failure else "closed")
        if wanted.tables and path:
            run_async(write_tables(wanted.tables, _source_of(path)))
    return summary


class _Driven:
    """A run in memory under way."""

    def __init__(
        self, scenario: Scenario, name: str, recorded: RecordedRun | None, spool: EventSpool | None
    ) -> None:
        from econsim.adapters.clock import SystemClock
        from econsim.runs.recorder import Recorder

        self.recorder = Recorder(None)
        self._scenario = scenario
        self._name = name
        self._recorded = recorded
        self._spool = spool
        self._opened_at = SystemClock().now()
        self._count = 0

    @prints_to_stderr()
    def run(self) -> None:
        """Run to the end; show progress, and how a replay differs from its recording."""
        from econsim.domain.audit.facts import as_record
        from econsim.domain.execution import in_memory
        from econsim.domain.execution.coded_run import is_of_coded_agents
        from econsim.report.progress_bar import ProgressDisplay
        from econsim.runs.recorder import Recorder
        from econsim.runs.run_facts import SALT

        recording = self._recorded.recording if self._recorded else None
        loaded, replay = None, None
        if not is_of_coded_agents(self._scenario):
            from econsim.adapters.policies import load_policies
            from econsim.domain.cognition.recording import ReplayCheck

            loaded, replay = load_policies(self._scenario), ReplayCheck(recording)
        with ProgressDisplay(console(stderr=True)) as progress, hold_back_interrupts() as is_stopped:
            self.recorder = Recorder(progress)
            for addressed in in_memory.run(self._scenario, self._name, SALT, recording, policies=loaded):
                self.recorder.add(addressed)
                if replay:
                    replay.check(addressed)
                self._count += 1
                if self._spool:
                    self._spool.add(as_record(addressed))
                if is_stopped():
                    raise KeyboardInterrupt
            if replay and (result := replay.result()):
                line_printer(progress.console)(result)

    def keep(self, place: Path, state: RunState) -> Path | None:
        """Keep the run as far as it came; return its file, or none if that is not possible, and say why."""
        from econsim.runs.kept_runs import keep
        from econsim.runs.run_facts import SALT, RunFacts

        if not self._count:
            return None
        summary = self.recorder.summary()
        facts = RunFacts(
            run=self._name,
            transport="memory",
            scenario=self._scenario.model_dump(mode="json"),
            salt=SALT,
            opened_at=self._opened_at,
            state=state,
            failure=summary.failure,
            ticks=summary.ticks,
            periods=summary.periods,
            events=self._count,
            canonical_hash=summary.canonical_hash,
        )
        try:
            return keep(place, facts, self._spool)
        except OSError as error:
            echo(f"warning: run {self._name} is not kept: {error}", err=True, fg="yellow")
            return None


def _source_of(path: Path) -> ReadableRun:
    from econsim.cli.readable_run import ReadableRun
    from econsim.runs.kept_runs import KeptRun
    from econsim.runs.run_file import read_facts

    facts = read_facts(path)
    return ReadableRun(facts.run, path, kept=KeptRun(path, facts))


async def write_tables(directory: Path, source: ReadableRun) -> None:
    """Write the tables of a run, and say where they are."""
    from econsim.cli.export import ExportFiles, write_runs

    counts, damage = await write_runs(
        ExportFiles(directory, None, None, None, cloudevents=False), [(source, "")]
    )
    rows = sum(count for count, _ in counts.values())
    echo(f"tables {directory}: {rows:,} rows in {len(counts)} files", err=True)
    for sentence in damage:
        echo(f"warning: {sentence}", err=True, fg="yellow")


def stopped_in_memory(config: Settings, run: str) -> MemoryRequest | None:
    """Return the request that makes a stopped run in memory again and ends it; none for a run of the log.

    Raises Conflict for a run in memory that has ended, or that a recording answered, which is not kept.
    """
    from econsim.runs.kept_runs import kept_runs

    if not kept_runs(config.state):
        return None
    facts = run_async(_facts_of(config, run))
    if facts is None:
        return None
    if facts.state != "stopped":
        message = f"run {facts.run!r} has ended; `econsim report {facts.run}` shows it"
        raise Conflict(message, code="run_is_closed")
    scenario = facts.read_scenario()
    if scenario.recorded:
        message = f"run {facts.run!r} was answered by run {scenario.recorded!r}; run its scenario again with --recorded"
        raise Conflict(message, code="run_is_closed")
    return MemoryRequest(scenario, facts.run)


async def _facts_of(config: Settings, run: str) -> RunFacts | None:
    from econsim.cli.readable_run import readable_run

    async with readable_run(config, run) as source:
        return source.kept.facts if source.kept else None
