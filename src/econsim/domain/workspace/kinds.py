"""Kinds of a workspace's records, which streams and services know by name. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from econsim import subjects
from econsim.schemas.subject import Subject

VERSIONS_MAX: Final = 32
"""Records that the store keeps of one key: versions of a file that are written there, the newest included."""

EVENTS: Final[Mapping[str, Subject]] = {
    "written": subjects.FILE_WRITTEN,
    "moved": subjects.FILE_MOVED,
    "deleted": subjects.FILE_DELETED,
}
"""Kind of record → subject that its values have in the log."""

LEFT: Final = "left"
"""Kind of the other half of a move."""

COLLECTED: Final = "collected"
"""Kind of the collector's marks."""
