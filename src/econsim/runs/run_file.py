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
from itertools import islice
from pathlib import Path
from shutil import copyfileobj
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from econsim import __version__, subjects
from econsim.domain.audit.envelope import Envelope
from econsim.domain.audit.facts import Record, as_record, record
from econsim.domain.execution import in_memory
from econsim.errors import EconsimError, SetupError
from econsim.identity.private_files import FILE
from econsim.report.event_lines import event_line
from econsim.runs.run_hash import RunHash
from econsim.schemas.clock import RunStopped
from econsim.schemas.scenario import PolicyName, Scenario
from econsim.schemas.types import Name

if TYPE_CHECKING:
    from econsim.domain.cognition.recording import Recording

SUFFIX: Final = ".jsonl.gz"
"""End of the name of such a file."""

LINE_MAX: Final = 2**28
"""Characters of one line at most: an event has 8 MiB on the wire, and a file of another kind must not fill the memory."""

LEVEL: Final = 6
"""Level of the compression."""

SALT: Final = "memory"
"""Salt of runs in memory: their ids are no secret, because nobody from outside takes part."""

RunState = Literal["open", "stopped", "closed", "failed"]
"""State of a run."""

_SUBJECT: Final = '{"subject":"'


class RunFacts(BaseModel):
    """Facts about a run: the first line of its file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    econsim: str = __version__
    """Version that made the run, or its archive."""
    form: Literal[1] = 1
    """Form of the file."""
    run: Name
    """Id of the run."""
    transport: Literal["memory", "nats"]
    """Transport of the run's messages."""
    scenario: dict[str, Any]
    """Scenario of the run."""
    salt: str
    """Salt of the run, of which its ids are made."""
    opened_at: str
    """Time at which it was opened, RFC 3339, UTC."""
    state: RunState
    """State of the run."""
    failure: str = ""
    """Reason why it ended early; empty if it did not."""
    ticks: int
    """Ticks so far."""
    periods: int
    """Trading days so far."""
    events: int
    """Number of events."""
    canonical_hash: str
    """Canonical hash of the events."""
    digest: str = ""
    """SHA-256 of the lines of the events; empty if they are made again."""

    @property
    def made_again(self) -> bool:
        """True if the file has no events, because they follow from the rest."""
        return not self.digest

    def read_scenario(self) -> Scenario:
        """Return the scenario of the run; raises SetupError if this version of econsim cannot read it."""
        try:
            return Scenario.model_validate(self.scenario)
        except ValidationError as error:
            message = (
                f"econsim {__version__} cannot read the scenario of run {self.run!r}, which econsim {self.econsim} wrote; "
                "read it with that version"
            )
            raise SetupError(message) from error


def follows_from_scenario(scenario: Scenario, recording: Recording | None) -> bool:
    """Tell whether the events of a run in memory can be made again: not if a recording or a program of somebody decides."""
    coded = all(isinstance(group.policy, PolicyName) for group in scenario.agents)
    return recording is None and coded


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
    yield from _events_made_again(facts, damage)


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


def _events_made_again(facts: RunFacts, damage: list[str]) -> Iterator[Record]:
    scenario, found = facts.read_scenario(), RunHash()
    for addressed in islice(in_memory.run(scenario, facts.run, facts.salt), facts.events):
        found.add(addressed)
        yield as_record(addressed)
    if found.hexdigest() != facts.canonical_hash:
        damage.append(
            f"econsim {__version__} makes other events of run {facts.run!r} than econsim {facts.econsim} did: "
            f"its hash was {facts.canonical_hash[:12]}…, it is {found.hexdigest()[:12]}…; read it with that version"
        )
    if facts.state == "stopped":
        yield stop_record(facts)


def stop_record(facts: RunFacts) -> Record:
    """Return the event of a stop, as the clock service says it; a driver in memory is stopped from outside."""
    envelope = Envelope(facts.run, facts.salt, facts.ticks, in_memory.NOW)
    stopped = RunStopped(ticks=facts.ticks, periods=facts.periods)
    return as_record(envelope.event(subjects.RUN_STOPPED, "clock", stopped))


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
        message = f"{path} is no run of econsim; `econsim runs archive RUN` writes one"
        raise SetupError(message) from error
