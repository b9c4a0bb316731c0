"""Child processes that must not outlive their parent: each has a note in the state directory.

A parent that is killed ends no child. So a note names child and parent, by process id and time of start: an id alone
may belong to another process by then. The next owner of the directory ends the children without a parent.
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
"""Seconds an orphan may take to stop before it is killed; acknowledged messages of a server are on disk by then."""

POLL_INTERVAL_S: Final = 0.02
"""Pause between two looks whether a process has ended, in seconds."""

PARENT: Final = "ECONSIM_PARENT"
"""Environment variable with the id of the parent, which a child must not outlive."""

_DIE_WITH_PARENT: Final = 1


@dataclass(frozen=True, slots=True)
class ProcessNote:
    """One child process and its parent."""

    pid: int
    """Process id of the child."""
    born: str
    """Time the child started, in the system's own words."""
    parent: int
    """Process id of the parent."""
    parent_born: str
    """Time the parent started, in the system's own words."""


def note(state: Path, pid: int) -> None:
    """Write a note of a child of this process."""
    directory = private_directory(_notes(state))
    found = ProcessNote(pid, start_time(pid), os.getpid(), start_time(os.getpid()))
    write(directory / f"{pid}.json", json.dumps(asdict(found)))


def forget(state: Path, pid: int) -> None:
    """Remove the note of a process that has ended."""
    (_notes(state) / f"{pid}.json").unlink(missing_ok=True)


def end_orphans(state: Path) -> list[int]:
    """End every noted process without a living parent, and wait until it has ended; return their ids."""
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
    """Have the system ask this process to stop when its parent ends, where it can, or at once if the parent has ended."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGTERM, 0, 0, 0)
    if not start_time(parent):
        os.kill(os.getpid(), signal.SIGTERM)


def start_time(pid: int) -> str:
    """Return the time a process started, in the system's own words; empty if there is no such process."""
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
    """Yield every noted process that outlived its parent; remove the notes of those that ended."""
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
