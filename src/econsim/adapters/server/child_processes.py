"""Processes that must not outlive who started them: each is noted in the state directory for who comes next.

A starter that is killed ends nothing. So a note says which process it is and whose, by process id and time of start:
a number alone may be a stranger's by then. Who claims the directory next ends those whose starter is gone.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from econsim.identity.private_files import private_directory, write

KILL_S: Final = 10.0
"""Longest an orphan may take to stop before it is killed; what a server acknowledged is on disk by then."""

POLL_INTERVAL_S: Final = 0.02
"""Pause between looks whether it has ended."""

PARENT: Final = "ECONSIM_PARENT"
"""Variable that tells a process who started it and must outlive it."""

_DIE_WITH_PARENT: Final = 1


@dataclass(frozen=True, slots=True)
class ProcessNote:
    """One process, and who started it."""

    pid: int
    """Its process id."""
    born: str
    """When it started, as the system says it."""
    parent: int
    """Process id of who started it."""
    parent_born: str
    """When that one started."""


def note(state: Path, pid: int) -> None:
    """Note that this process started another."""
    directory = private_directory(_notes(state))
    found = ProcessNote(pid, start_time(pid), os.getpid(), start_time(os.getpid()))
    write(directory / f"{pid}.json", json.dumps(asdict(found)))


def forget(state: Path, pid: int) -> None:
    """Take the note of a process that has ended back."""
    (_notes(state) / f"{pid}.json").unlink(missing_ok=True)


def end_orphans(state: Path) -> list[int]:
    """End every noted process whose starter is gone, and wait until it has; return which."""
    orphans = list(_orphans(state))
    for orphan in orphans:
        _send(signal.SIGTERM, orphan)
    end = time.monotonic() + KILL_S
    for orphan in orphans:
        while _lives(orphan.pid, orphan.born) and time.monotonic() < end:
            time.sleep(POLL_INTERVAL_S)
        if _lives(orphan.pid, orphan.born):
            _send(signal.SIGKILL, orphan)
        forget(state, orphan.pid)
    return [orphan.pid for orphan in orphans]


def end_with_parent(parent: int) -> None:
    """Have this process be asked to stop when who started it ends, where the system can, or has ended already."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGTERM, 0, 0, 0)
    if not start_time(parent):
        os.kill(os.getpid(), signal.SIGTERM)


def start_time(pid: int) -> str:
    """Return when a process started, in the system's own words; empty if there is none."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return "" if Path("/proc/self/stat").exists() else _ps_start_time(pid)
    state, *rest = status.rpartition(")")[2].split()
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return "" if state in "ZX" else f"{boot} {rest[18]}"


def _ps_start_time(pid: int) -> str:
    command = ("ps", "-o", "lstart=", "-p", str(pid))
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def _orphans(state: Path) -> Iterator[ProcessNote]:
    """Yield every noted process that lives and whose starter does not; notes of those that ended are taken back."""
    for path, found in _each_note(state):
        if found is None or not _lives(found.pid, found.born):
            path.unlink(missing_ok=True)
        elif not _lives(found.parent, found.parent_born):
            yield found


def _send(number: signal.Signals, orphan: ProcessNote) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(orphan.pid, number)


def _lives(pid: int, since: str) -> bool:
    return bool(since) and start_time(pid) == since


def _notes(state: Path) -> Path:
    return state / "processes"


def _each_note(state: Path) -> Iterator[tuple[Path, ProcessNote | None]]:
    for path in sorted(_notes(state).glob("*.json")):
        found = None
        with contextlib.suppress(OSError, ValueError, TypeError):
            found = ProcessNote(**json.loads(path.read_text()))
        yield path, found
