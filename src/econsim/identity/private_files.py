"""Files and directories that are closed to other users: 0600 and 0700, also where the umask would let others in."""

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
    """Open a log only its owner may read, to write at its end; one that others could read is closed to them."""
    file = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, FILE), "ab")
    os.fchmod(file.fileno(), FILE)
    return file


@contextmanager
def private_files(directory: Path) -> Iterator[Path]:
    """Make a private directory for what is written in the context, by whatever library, and close all of it."""
    private_directory(directory)
    try:
        yield directory
    finally:
        for path in directory.rglob("*"):
            path.chmod(DIRECTORY if path.is_dir() else FILE)
