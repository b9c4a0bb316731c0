"""Records of batches: a directory each in the state directory, whatever ran the cells.

    <state>/bench/<batch>/    0700
        batch.json            plan, transport, command, versions; written once, before the first cell
        cells.jsonl           a line for each finished cell, in the order they ended
        lock                  held by the process that runs the batch
        cells.parquet verdicts.parquet periods.parquet comparison.svg

A process that is killed leaves a last line that may be torn: it is passed over, and its cell is run again.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from difflib import get_close_matches
from pathlib import Path
from typing import IO, Final

from pydantic import Field, ValidationError

from econsim.errors import Conflict, EconsimError, NotFound, SetupError
from econsim.evaluation.bench.plan import Plan, StudyPlan
from econsim.evaluation.bench.results import CellResult
from econsim.identity.private_files import FILE, open_append, private_directory, write
from econsim.schemas.base import Message

DIRECTORY: Final = "bench"
"""Directory of all batches in the state directory."""

BATCH: Final = "batch.json"
"""Name of the file of a batch's record."""

CELLS: Final = "cells.jsonl"
"""Name of the file of a batch's results."""


class BatchRecord(Message):
    """Plan of a batch, and how it was started."""

    plan: Plan
    """Treatments and cells."""
    transport: str
    """Transport of the runs: memory, nats or workers."""
    command: str
    """Command line that started the batch."""
    started_at: str
    """Time of the start, RFC 3339, UTC."""
    versions: dict[str, str]
    """Program → version."""
    study: StudyPlan | None = None
    """Study whose conditions are the treatments; none for a batch of another kind."""
    agents: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """External agent → program and arguments that the batch starts."""


class BatchFiles:
    """The directory of one batch."""

    def __init__(self, state: Path, name: str) -> None:
        """Name the directory; nothing is read or written."""
        self.path = state / DIRECTORY / name
        """Path of the directory."""
        self.name = name
        """Name of the batch."""

    def create(self, record: BatchRecord) -> None:
        """Write the record of a new batch; raises Conflict if there is a batch of its name, or one is begun at this moment."""
        private_directory(self.path.parent)
        private_directory(self.path)
        # A directory without a record was left by a process that was killed before it wrote one.
        with self.writer():
            if not (self.path / BATCH).exists():
                write(self.path / BATCH, record.model_dump_json())
                return
        does = "show" if self.is_complete else "resume"
        what = {"show": "shows it", "resume": "finishes it"}[does]
        message = f"there is a batch {self.name!r} already; `econsim bench {does} {self.name}` {what}: choose another name"
        raise Conflict(message, code="batch_exists")

    def record(self) -> BatchRecord:
        """Return the record; raises NotFound with the nearest name if there is no such batch, SetupError if it is damaged."""
        path = self.path / BATCH
        try:
            return BatchRecord.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            names = batch_names(self.path.parent.parent)
            near = get_close_matches(self.name, names, n=1)
            remedy = f"did you mean {near[0]!r}?" if near else "`econsim bench list` lists those there are"
            message = f"there is no batch {self.name!r}; {remedy}"
            raise NotFound(message) from None
        except ValidationError as error:
            first = error.errors()[0]
            message = f"{path} is no record of a batch: {'.'.join(map(str, first['loc']))} {first['msg']}"
            raise SetupError(message) from error

    def results(self, plan: Plan) -> list[CellResult]:
        """Return the results so far, by number; the first one of a cell counts. Raises SetupError for a line that is none of the plan."""
        path = self.path / CELLS
        if not path.exists():
            return []
        planned = {cell.number: cell for cell in plan.cells}
        found: dict[int, CellResult] = {}
        lines = path.read_bytes().split(b"\n")
        for number, line in enumerate(lines[:-1], 1):
            try:
                result = CellResult.model_validate_json(line)
            except ValidationError as error:
                message = f"{path}, line {number} is no result of a cell: {error.errors()[0]['msg']}"
                raise SetupError(message) from error
            cell = planned.get(result.number)
            if cell is None or not result.is_of(cell, plan.batch):
                message = f"{path}, line {number} is no result of cell {result.number} as {BATCH} plans it"
                raise SetupError(message)
            found.setdefault(result.number, result)
        return sorted(found.values(), key=lambda each: each.number)

    @property
    def is_complete(self) -> bool:
        """Tell whether every cell has its result; a batch that cannot be read counts as complete."""
        try:
            plan = self.record().plan
            return len(self.results(plan)) == len(plan.cells)
        except (EconsimError, OSError):
            return True

    @contextmanager
    def writer(self) -> Iterator[Writer]:
        """Provide the one writer of results; raises Conflict if another process runs the batch."""
        descriptor = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT, FILE)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                message = f"batch {self.name!r} is being run by another process; wait for it, or end it first"
                raise Conflict(message, code="batch_is_running") from None
            self._drop_torn_line()
            with closing(Writer(self.path / CELLS)) as writer:
                yield writer
        finally:
            os.close(descriptor)

    @property
    def is_running(self) -> bool:
        """Tell whether a process runs the batch now."""
        try:
            descriptor = os.open(self.path / "lock", os.O_RDWR)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return True
        else:
            return False
        finally:
            os.close(descriptor)

    def _drop_torn_line(self) -> None:
        path = self.path / CELLS
        if path.exists():
            whole = path.read_bytes().rpartition(b"\n")
            os.truncate(path, len(whole[0] + whole[1]))


class Writer:
    """Writer of a batch's results."""

    def __init__(self, path: Path) -> None:
        """Append to the file of the results, which is opened for the first one."""
        self._path = path
        self._file: IO[bytes] | None = None

    def add(self, result: CellResult) -> None:
        """Append a result, at once and whole; raises SetupError if the disk does not take it."""
        try:
            self._file = self._file or open_append(self._path)
            self._file.write(result.model_dump_json().encode() + b"\n")
            self._file.flush()
        except OSError as error:
            raise not_written(self._path, error) from error

    def close(self) -> None:
        """Close the file; `add` has told of what the disk did not take."""
        if self._file:
            with suppress(OSError):
                self._file.close()


def not_written(path: Path, error: Exception) -> SetupError:
    """Return the error of a file of a batch's directory that could not be written."""
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    batch = path.parent.name
    return SetupError(f"cannot write {path}: {reason}; make room, then `econsim bench resume {batch}`")


def batch_names(state: Path) -> list[str]:
    """Return the names of all batches, sorted."""
    return sorted(path.parent.name for path in (state / DIRECTORY).glob(f"*/{BATCH}"))
