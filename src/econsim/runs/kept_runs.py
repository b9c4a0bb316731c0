"""Runs in memory that a state directory keeps, each in a file of its own beside its report: `runs/RUN/run.jsonl.gz`.

They stay until somebody deletes them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from shutil import rmtree
from typing import TYPE_CHECKING, Final

from econsim.errors import Conflict, NotFound, SetupError
from econsim.identity.private_files import private_directory
from econsim.runs.run_facts import RunFacts
from econsim.runs.run_file import SUFFIX, EventSpool, read_facts, write_without_events
from econsim.runs.stored_hash import has_stored_hash

if TYPE_CHECKING:
    from econsim.schemas.scenario import Scenario

NAME: Final = f"run{SUFFIX}"
"""Name of the file in the run's directory."""


@dataclass(frozen=True, slots=True)
class KeptRun:
    """A run that is kept."""

    path: Path
    """File of the run."""
    facts: RunFacts
    """Facts about it, from its file."""

    @property
    def size(self) -> int:
        """Return the bytes of all that is kept of the run: its file, its report."""
        return sum(each.stat().st_size for each in self.path.parent.rglob("*") if each.is_file())


def keep(state: Path, facts: RunFacts, events: EventSpool | None) -> Path:
    """Keep a run, with its events if they cannot be made again; return its file. An earlier run of the name is replaced."""
    path = path_of(state, facts.run)
    private_directory(path.parent)
    if events:
        events.write(path, facts)
    else:
        write_without_events(path, facts)
    return path


def path_of(state: Path, run: str) -> Path:
    """Return the place of a run's file."""
    return state / "runs" / run / NAME


def kept_run(state: Path, run: str) -> KeptRun | None:
    """Return a kept run; none if none has the name. Raises SetupError if its file is damaged."""
    path = path_of(state, run)
    return _read(path) if path.is_file() else None


def _read(path: Path) -> KeptRun:
    try:
        return KeptRun(path, read_facts(path))
    except SetupError as error:
        message = f"{error}; `econsim runs delete {path.parent.name}` deletes it"
        raise SetupError(message) from error


def kept_runs(state: Path, damage: list[str] | None = None) -> list[KeptRun]:
    """Return all kept runs, oldest first; `damage` gets a sentence for each file that cannot be read."""
    return sorted(_all(state, damage), key=lambda kept: kept.facts.opened_at)


def _all(state: Path, damage: list[str] | None) -> Iterator[KeptRun]:
    for path in (state / "runs").glob(f"*/{NAME}"):
        try:
            yield _read(path)
        except SetupError as error:
            if damage is not None:
                damage.append(str(error))


def old_runs(state: Path, now: str, *, older_than_days: int | None, newest: int | None) -> list[KeptRun]:
    """Return the kept runs opened more than so many days before an RFC 3339 time and not among the newest, oldest first.

    Each condition counts if it is given. A stopped run stays, because it can be resumed.
    """
    found = kept_runs(state)
    if newest is not None:
        found = found[: max(len(found) - newest, 0)]
    if older_than_days is not None:
        end = datetime.fromisoformat(now[:19]) - timedelta(days=older_than_days)
        found = [kept for kept in found if datetime.fromisoformat(kept.facts.opened_at[:19]) < end]
    return [kept for kept in found if kept.facts.state != "stopped"]


def delete(state: Path, run: str) -> bool:
    """Delete all that is kept of a run, its report too, also if its file is damaged; idempotent.

    True if a run of the log has the name, too: its hash stays, and the report, which may be its own.
    """
    path = path_of(state, run)
    is_shared = has_stored_hash(state, run)
    with suppress(FileNotFoundError):
        if is_shared:
            path.unlink()
        else:
            rmtree(path.parent)
    return is_shared


def require_kept(state: Path, run: str) -> None:
    """Raise NotFound if no run that is kept has the name."""
    if path_of(state, run).is_file():
        return
    message = f"no run in memory named {run!r} is kept; `econsim runs` lists all runs"
    raise NotFound(message, code="run_does_not_exist")


def require_free_name(state: Path, run: str, scenario: Scenario | None = None) -> None:
    """Raise Conflict if a name belongs to another run that the state directory keeps; the same run may be made again.

    Without a scenario no run in memory may have the name.
    """
    kept = kept_run(state, run)
    if kept and (scenario is None or kept.facts.read_scenario() != scenario):
        message = f"{run!r} is the name of another run in memory; choose another --name, or `econsim runs delete {run}`"
        raise Conflict(message, code="run_exists_with_different_scenario")
    if scenario and has_stored_hash(state, run):
        message = f"{run!r} is the name of a run of the log; choose another --name"
        raise Conflict(message, code="run_exists_with_different_scenario")
