"""A study from Python: `econsim.study` runs a design and returns its numbers and its table, as `econsim study` does."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from html import escape
from pathlib import Path
from typing import Any

from econsim.api import arguments
from econsim.api.tables import Table, table_of_file
from econsim.config import settings as settings_of_environment
from econsim.errors import Conflict, SetupError
from econsim.evaluation.bench.batch import run_in_memory
from econsim.evaluation.bench.records import BatchFiles, BatchRecord
from econsim.evaluation.bench.results import CellResult
from econsim.evaluation.studies.outcome import StudyOutcome
from econsim.evaluation.studies.page import INTERVALS, NO_NUMBERS, PAGE, measure_table, numbers, write
from econsim.evaluation.studies.record import study_record
from econsim.evaluation.studies.table import GROUPS, MARKETS
from econsim.identity.private_files import private_files
from econsim.report.format import plural


def study(  # noqa: PLR0913 - one for each option of `econsim study`
    design: str | Path | Mapping[str, Any],
    settings: Mapping[str, object] | None = None,
    *,
    seeds: str | Sequence[int] | None = None,
    jobs: int | None = 1,
    name: str | None = None,
    state: str | Path | None = None,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> StudyResult:
    """Run a study to its end and return its result.

    `design` is a TOML file, the name of a shipped design, or the same as a dictionary: `{"scenario": "smith1962", "seeds": "1..20",
    "grid": {"agents.buyer.count": [5, 10]}}`. `settings` are of all its treatments; `seeds` replace the design's. It runs in memory, in
    `jobs` processes (none: one a core), and keeps its record and files in the state directory, where `econsim bench list` shows it. A study
    of a `name` that was stopped goes on where it was. `progress` is called with the runs done and their number.

    Raises ScenarioError, before anything runs, for a design that cannot be run and for what is no name, Conflict if the name is that of
    another study, InvalidMessage for other wrong arguments, and SetupError if the state directory cannot be written.
    """
    wanted, processes = arguments.seeds(seeds), arguments.jobs(jobs)
    source = design if isinstance(design, Mapping) else str(design)
    record = study_record(
        source, name, wanted, arguments.settings(settings), command=f"econsim.study({source!r})"
    )
    files = BatchFiles(settings_of_environment(state=state).state, record.plan.batch)
    record = _begin(files, record)
    total = len(record.plan.cells)
    with files.writer() as writer:
        done = {result.number for result in files.results(record.plan)}

        def take(result: CellResult) -> None:
            writer.add(result)
            done.add(result.number)
            progress(len(done), total)

        run_in_memory(
            record.plan, [each for each in record.plan.cells if each.number not in done], processes, take
        )
        results = files.results(record.plan)
    with private_files(files.path):
        return StudyResult(write(files, record, results), files.path)


class StudyResult:
    """The numbers of a study, and its files."""

    def __init__(self, outcome: StudyOutcome, path: Path) -> None:
        """Take the numbers and the directory; `study` makes results."""
        self.name = outcome.batch
        """Name of the study."""
        self.path = path
        """Directory of its files: tables, picture, page, record."""
        self.page = path / PAGE
        """Page of the study."""
        self.failed = tuple(each.run for each in outcome.failed)
        """Ids of the runs that failed: they ended early, or agents were set aside; they are in no number."""
        self._outcome = outcome
        self._numbers = numbers(outcome)

    @property
    def means(self) -> list[dict[str, Any]]:
        """Mean over runs of every measure under every condition, with half its 95 % interval and n, the number of runs."""
        return self._rows("means")

    @property
    def differences(self) -> list[dict[str, Any]]:
        """Difference of every measure from the first treatment, run by run on the same seeds, with half its 95 % interval."""
        return self._rows("differences")

    @property
    def interactions(self) -> list[dict[str, Any]]:
        """Difference of a treatment from the first one, minus the same at the first point of the grid, with half its 95 % interval.

        It is taken run by run on the same seeds: what the grid changes in the effect of a treatment.
        """
        return self._rows("interactions")

    @cached_property
    def table(self) -> Table:
        """A row for each run, period and market, treatments and settings as columns."""
        return table_of_file(self.path / MARKETS, "study")

    @cached_property
    def groups(self) -> Table:
        """A row for each run, period and group of agents."""
        return table_of_file(self.path / GROUPS, "groups")

    def __repr__(self) -> str:
        """Return the study in a line."""
        runs = {(each["condition"], each["n"]) for each in self.means}
        return f"<study {self.name}: {plural(len(runs), 'condition')}, {self.path}>"

    def _repr_html_(self) -> str:
        """Return the numbers as a notebook shows them."""
        outcome = self._outcome
        shown = outcome.first_measures
        more = len(outcome.measures) - len(shown)
        rest = f" Measures more in means and on the page: {more}." if more else ""
        return (
            f"<h4>{escape(self.name)}</h4><p>{escape(INTERVALS) if shown else escape(NO_NUMBERS)}{rest}</p>"
            f"{''.join(measure_table(outcome, each, look='') for each in shown)}"
        )

    def _rows(self, kind: str) -> list[dict[str, Any]]:
        found = self._numbers[kind]
        assert isinstance(found, list)
        return found


def _begin(files: BatchFiles, record: BatchRecord) -> BatchRecord:
    """Write the record of a new study, or return that of the same study which was begun before; raises Conflict for another one."""
    try:
        files.create(record)
    except OSError as error:
        message = (
            f"cannot write to {files.path}: {error.strerror}; choose another state directory with state=…"
        )
        raise SetupError(message) from error
    except Conflict:
        before = files.record()
        if (before.plan, before.study) != (record.plan, record.study):
            raise
        return before
    return record
