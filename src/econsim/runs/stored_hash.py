"""The canonical hash of a run of the log, stored beside its report.

It is evidence apart from the server's files: `econsim ledger verify` compares the log with it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from econsim.identity.private_files import private_directory, write

NAME: Final = "canonical.sha256"
"""Name of the hash's file in the run's directory."""


def store_hash(state: Path, run: str, opening_id: str, canonical_hash: str) -> None:
    """Store the canonical hash of the run with this opening; the first hash stays, because the log may be damaged later."""
    if not stored_hash(state, run, opening_id):
        path = _path(state, run)
        private_directory(path.parent)
        write(path, f"{canonical_hash}  {opening_id}\n")


def stored_hash(state: Path, run: str, opening_id: str) -> str:
    """Return the stored hash of the run with this opening; empty if none is stored."""
    try:
        found = _path(state, run).read_text(encoding="utf-8").split()
    except (OSError, UnicodeDecodeError):
        return ""
    return found[0] if found[1:] == [opening_id] else ""


def has_stored_hash(state: Path, run: str) -> bool:
    """Tell whether a run of the log with this name has ended on this state directory."""
    return _path(state, run).is_file()


def _path(state: Path, run: str) -> Path:
    return state / "runs" / run / NAME
