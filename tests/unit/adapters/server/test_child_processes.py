"""Processes that outlive who started them, and who comes next."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from econsim.adapters.server.child_processes import ProcessNote, end_orphans, forget, note, start_time


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    """Run a process that ends when it is told to."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process
        process.kill()


def noted(state: Path, process: subprocess.Popen[bytes], **changes: str) -> Path:
    """Note a process as this one's, with these changes; return where the note lies."""
    note(state, process.pid)
    path = state / "processes" / f"{process.pid}.json"
    path.write_text(json.dumps(asdict(replace(ProcessNote(**json.loads(path.read_text())), **changes))))
    return path


def test_a_process_whose_starter_lives_is_let_be(sleeper: subprocess.Popen[bytes], tmp_path: Path) -> None:
    noted(tmp_path, sleeper)

    assert end_orphans(tmp_path) == []
    assert sleeper.poll() is None


def test_a_process_whose_starter_is_gone_is_ended(sleeper: subprocess.Popen[bytes], tmp_path: Path) -> None:
    noted(tmp_path, sleeper, parent_born="another time")

    assert end_orphans(tmp_path) == [sleeper.pid]
    assert sleeper.wait(30) != 0
    assert end_orphans(tmp_path) == []


def test_a_stranger_with_the_same_number_is_never_touched(
    sleeper: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    noted(tmp_path, sleeper, born="another time", parent_born="another time")

    assert end_orphans(tmp_path) == []
    assert sleeper.poll() is None


def test_a_note_that_cannot_be_read_ends_nobody(sleeper: subprocess.Popen[bytes], tmp_path: Path) -> None:
    noted(tmp_path, sleeper).write_text("{")

    assert end_orphans(tmp_path) == []
    assert sleeper.poll() is None


def test_a_process_that_has_ended_was_born_at_no_time(
    sleeper: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    path = noted(tmp_path, sleeper)
    sleeper.kill()
    sleeper.wait()

    forget(tmp_path, sleeper.pid)

    assert (start_time(sleeper.pid), path.exists()) == ("", False)
