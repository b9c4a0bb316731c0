"""Decisions about garbage: chunks that no version has, and versions that are too old or too much. Pure.

A chunk without a version may belong to a file that is being written. So it is condemned only when it was stored long ago, and
the mark that condemns it makes every change that was decided before it fail: see decision 0033.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from econsim.domain.workspace.workspace import FileVersion, Workspace
from econsim.schemas.quota import Quotas
from econsim.schemas.workspace_changes import Collected, Condemned

GRACE_S: Final = 600
"""Seconds that a chunk without a file is kept, and any record: an upload and its repeats take less."""

EARLIER_PER_FILE: Final = 10
"""Earlier versions of a workspace for each file that it may have."""

MARKED_MAX: Final = 200
"""Chunks, and records, in one mark; the next mark has the rest."""


EXPIRED_DAYS: Final = 31
"""Days that files of a closed run are kept: a day more than the run's log."""

_SECONDS: Final = len("2026-01-01T00:00:00")


@dataclass(frozen=True, slots=True)
class Horizon:
    """The newest that is past the grace: what was there when the collector looked so long ago, or longer."""

    place: int
    """Place of a chunk."""
    revision: int
    """Revision of a record."""


def chunks_without_version(workspace: Workspace, names: Iterable[str]) -> list[str]:
    """Return the chunks that no version has."""
    return sorted(name for name in names if not workspace.names_chunk(name))[:MARKED_MAX]


def is_clean(workspace: Workspace, names: Iterable[str], limits: Quotas) -> bool:
    """Return whether there is nothing to delete in a workspace, now or after the grace."""
    idle = any(True for _ in surplus(workspace, limits)) or workspace.idle_deletions()
    return not idle and not chunks_without_version(workspace, names)


def is_expired(changed_at: str, now: str) -> bool:
    """Return whether the newest change of a workspace is older than the log that tells of it; both are RFC 3339, UTC."""
    if not changed_at:
        return True
    age = datetime.fromisoformat(now[:_SECONDS]) - datetime.fromisoformat(changed_at[:_SECONDS])
    return age > timedelta(days=EXPIRED_DAYS)


def mark(
    workspace: Workspace, places: Mapping[str, int], limits: Quotas, horizon: Horizon
) -> Collected | None:
    """Return the collector's next mark; none if there is nothing to delete.

    `places` has chunks without a version, by name. Earlier versions may have as many bytes as the limit of files is.
    """
    condemned = tuple(
        Condemned(name=name, place=place)
        for name, place in places.items()
        if place <= horizon.place and not workspace.names_chunk(name)
    )
    forgotten = [version.revision for version in surplus(workspace, limits)]
    forgotten += workspace.idle_deletions()
    forgotten = [revision for revision in forgotten if revision <= horizon.revision][:MARKED_MAX]
    if not condemned and not forgotten:
        return None
    return Collected(condemned=condemned, forgotten=tuple(forgotten), version=workspace.version)


def surplus(workspace: Workspace, limits: Quotas) -> Iterator[FileVersion]:
    """Yield the earlier versions, oldest first, without which the rest has room: in bytes, and in number."""
    every = workspace.earlier_versions()
    total = sum(version.content.size for version in every)
    most = EARLIER_PER_FILE * limits.max_kv_keys
    for left, version in zip(range(len(every), 0, -1), every, strict=True):
        if total <= limits.max_workspace_bytes and left <= most:
            return
        yield version
        total -= version.content.size
