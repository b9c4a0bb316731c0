"""A run in one file: a line of JSON about the run, then a line for each event, compressed by gzip.

A run in memory follows from its scenario, seed and salt, so its file needs no events: they are made again when somebody reads them, and
their canonical hash is compared (decision 0057). An archive has them all, and they are checked by their digest.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from shutil import copyfileobj
from tempfile import TemporaryFile
from typing import IO, Final

from pydantic import ValidationError

from econsim import subjects
from econsim.domain.audit.facts import Record, record
from econsim.errors import EconsimError, SetupError
from econsim.identity.private_files import FILE
from econsim.report.event_lines import event_line
from econsim.runs.run_facts import RunFacts

SUFFIX: Final = ".jsonl.gz"
"""End of the name of such a file."""

LINE_MAX: Final = 2**28
"""Characters of one line at most: an event has 8 MiB on the wire, and a file of another kind must not fill the memory."""

LEVEL: Final = 6
"""Level of the compression."""

_SUBJECT: Final = '{"subject":"'


@contextmanager
def event_spool() -> Iterator[EventSpool]:
    """Provide a place for the events of a run, until its file is written; it is gone after the context."""
    with (
        TemporaryFile() as raw,
        gzip.GzipFile(fileobj=raw, mode="wb", compresslevel=LEVEL, mtime=0) as packed,
    ):
        yield EventSpool(raw, packed)


class EventSpool:
    """Events of a run on their way into its file."""

    def __init__(self, raw: IO[bytes], packed: gzip.GzipFile) -> None:
        """Write to a compressed temporary file."""
        self.count = 0
        """Number of events so far."""
        self._raw = raw
        self._packed = packed
        self._digest = sha256()

    def add(self, entry: Record) -> None:
        """Add the next event."""
        line = event_line(entry).encode()
        self._digest.update(line)
        self._packed.write(line)
        self.count += 1

    def write(self, path: Path, facts: RunFacts) -> RunFacts:
        """Write the run's file, whole or not at all; return what it says about the run. No event can be added any more."""
        self._packed.close()
        told = facts.model_copy(update={"events": self.count, "digest": self._digest.hexdigest()})
        _write(path, told, self._raw)
        return told


def write_without_events(path: Path, facts: RunFacts) -> None:
    """Write the file of a run whose events can be made again, whole or not at all."""
    _write(path, facts, None)


def _write(path: Path, facts: RunFacts, events: IO[bytes] | None) -> None:
    """Write both parts, which are compressed each on its own: so the first line can say what is known at the end only."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    try:
        with part.open("wb") as out:
            part.chmod(FILE)
            out.write(gzip.compress(f"{facts.model_dump_json()}\n".encode(), LEVEL, mtime=0))
            if events:
                events.seek(0)
                copyfileobj(events, out)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def read_facts(path: Path) -> RunFacts:
    """Return what a file says about its run; raises SetupError for a file of another kind."""
    with _lines(path) as lines:
        return _facts(path, lines)


def read_events(path: Path, damage: list[str]) -> Iterator[Record]:
    """Yield the events of a run's file in log order, and the stop of one that was stopped in memory.

    `damage` gets a sentence if the file is not what was written. Raises SetupError for a file of another kind.
    """
    with _lines(path) as lines:
        facts = _facts(path, lines)
        if not facts.made_again:
            yield from _stored_events(path, facts, lines, damage)
            return
    from econsim.runs.made_again import events_made_again  # noqa: PLC0415 - few readers of the log need the driver

    yield from events_made_again(facts, damage)


def _stored_events(path: Path, facts: RunFacts, lines: IO[bytes], damage: list[str]) -> Iterator[Record]:
    digest, count = sha256(), 0
    try:
        while line := lines.readline(LINE_MAX):
            digest.update(line)
            entry = _record(line.decode())
            _require_run(entry, facts.run)
            count += 1
            yield entry
    except (OSError, EOFError, zlib.error, ValueError, KeyError, EconsimError) as error:
        damage.append(f"{path}: event {count + 1:,} of {facts.events:,} cannot be read: {error}")
        return
    if digest.hexdigest() != facts.digest:
        damage.append(
            f"{path}: its {count:,} events are not the {facts.events:,} that were written: their digest differs"
        )


def _require_run(entry: Record, run: str) -> None:
    """Raise ValueError for the opening of another run: files of a run are named by it."""
    if entry.type == subjects.RUN_OPENED.type and entry.correlation_id != run:
        message = f"it opens run {entry.correlation_id!r}, not {run!r}"
        raise ValueError(message)


def _record(line: str) -> Record:
    """Return the event of a line; its subject stands before the other fields."""
    if not line.startswith(_SUBJECT):
        message = "its line does not begin with a subject"
        raise ValueError(message)
    subject, _, rest = line[len(_SUBJECT) :].rstrip("\n").partition('",')
    return record(subject, f"{{{rest}")


@contextmanager
def _lines(path: Path) -> Iterator[IO[bytes]]:
    try:
        with gzip.open(path, "rb") as lines:
            yield lines  # type: ignore[misc]  # a file of bytes, whose type has another name
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror or error}"
        raise SetupError(message) from error


def _facts(path: Path, lines: IO[bytes]) -> RunFacts:
    try:
        return RunFacts.model_validate_json(lines.readline(LINE_MAX))
    except (ValidationError, EOFError, zlib.error, OSError) as error:
        if isinstance(error, OSError) and error.strerror:
            raise
        message = f"{path} is no run of econsim, or damaged; `econsim runs archive RUN` writes one"
        raise SetupError(message) from error
