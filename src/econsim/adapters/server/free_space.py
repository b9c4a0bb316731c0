"""Room on the disk for the server's store: what it may take, and whether there is some again after a write failed."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Final

STORE_SHARE_MAX: Final = 0.75
"""Share of the disk (free plus already used by the store) JetStream may fill."""


def store_bytes_max(directory: Path) -> int:
    """Return the bytes that JetStream may store."""
    return int((shutil.disk_usage(directory).free + _stored_bytes(directory)) * STORE_SHARE_MAX)


def has_room(directory: Path, free_bytes_min: int) -> bool:
    """Tell whether a server started now could store something."""
    return (
        shutil.disk_usage(directory).free >= free_bytes_min
        and store_bytes_max(directory) > _stored_bytes(directory)
        and _can_reserve(directory, free_bytes_min)
    )


def _can_reserve(directory: Path, count: int) -> bool:
    """Tell whether this user may store so many bytes: a quota and a limit on the size of files are not seen in the free bytes."""
    if sys.platform == "darwin":
        return True
    try:
        with tempfile.TemporaryFile(dir=directory) as file:
            os.posix_fallocate(file.fileno(), 0, count)
    except OSError:
        return False
    return True


def _stored_bytes(directory: Path) -> int:
    return sum(file.stat().st_size for file in (directory / "data").rglob("*") if file.is_file())
