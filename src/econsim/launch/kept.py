"""The canonical hash a run had when it ended, kept beside its report: a witness apart from the server's own files."""

from __future__ import annotations

from pathlib import Path
from typing import Final

NAME: Final = "canonical.sha256"
"""File of the hash, in the run's directory."""


def keep_hash(state: Path, run: str, opening_id: str, canonical_hash: str) -> None:
    """Keep the hash of the run with this opening; the first one stays, for the log may be damaged later."""
    if not kept_hash(state, run, opening_id):
        path = _path(state, run)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{canonical_hash}  {opening_id}\n", encoding="utf-8")


def kept_hash(state: Path, run: str, opening_id: str) -> str:
    """Return the hash that was kept of the run with this opening; empty if none was."""
    try:
        found = _path(state, run).read_text(encoding="utf-8").split()
    except (OSError, UnicodeDecodeError):
        return ""
    return found[0] if found[1:] == [opening_id] else ""


def _path(state: Path, run: str) -> Path:
    return state / "runs" / run / NAME
