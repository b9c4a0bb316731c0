"""Files and directories that no other user may read: 0600 and 0700, whatever the umask says."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

FILE: Final = 0o600
"""Mode of every file in a state directory."""

DIRECTORY: Final = 0o700
"""Mode of every directory econsim makes there, and of the state directory if econsim made it."""


def private_directory(path: Path) -> Path:
    """Make a directory only its owner may enter, with what is missing above it; return it."""
    make_missing(path)
    path.chmod(DIRECTORY)
    return path


def make_missing(path: Path) -> None:
    """Make a directory and those above it that are missing, all private; those that are there stay as they are."""
    for each in reversed((path, *path.parents)):
        if not each.exists():
            each.mkdir(mode=DIRECTORY, exist_ok=True)


def write(path: Path, text: str) -> None:
    """Write a file only its owner may read, whole or not at all, in whatever encoding names of files have."""
    part = path.with_suffix(path.suffix + ".part")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE), "wb") as file:
        file.write(os.fsencode(text))
    part.replace(path)


def open_append(path: Path) -> IO[bytes]:
    """Open a log to write at its end, readable by its owner only; an existing file gets that mode too."""
    file = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, FILE), "ab")
    os.fchmod(file.fileno(), FILE)
    return file


@contextmanager
def private_files(directory: Path) -> Iterator[Path]:
    """Make a directory, and make everything that any library writes into it during the context private."""
    private_directory(directory)
    try:
        yield directory
    finally:
        for path in directory.rglob("*"):
            path.chmod(DIRECTORY if path.is_dir() else FILE)
