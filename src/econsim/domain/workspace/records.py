"""Records of a workspace: their keys in bucket `workspace_files`, and their values. Pure.

    <run>.<agent>.written.<path key>     event `FileWritten`
    <run>.<agent>.moved.<path key>       event `FileMoved`, under the new path
    <run>.<agent>.deleted.<path key>     event `FileDeleted`
    <run>.<agent>.left.<path key>        `FileLeft`, with the record of the move in one commit
    <run>.<agent>.collected.newest       `Collected`, a mark of the collector

The first three are copied into the log by the server, so a change and its event are one message: neither is there without the
other. `domain/workspace/workspace.py` folds them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from econsim.domain.workspace.kinds import COLLECTED, EVENTS, LEFT
from econsim.domain.workspace.paths import path_key
from econsim.schemas.base import Event, Message
from econsim.schemas.workspace_changes import Collected, FileDeleted, FileLeft, FileMoved, FileWritten

RecordData = FileWritten | FileMoved | FileDeleted | FileLeft | Collected
"""Data of a record."""

_EventModel = type[Event[FileWritten]] | type[Event[FileMoved]] | type[Event[FileDeleted]]
_EVENT_MODELS: Final[Mapping[str, _EventModel]] = {
    "written": Event[FileWritten],
    "moved": Event[FileMoved],
    "deleted": Event[FileDeleted],
}
_KINDS: Final[Mapping[type[Message], str]] = {
    FileWritten: "written",
    FileMoved: "moved",
    FileDeleted: "deleted",
    FileLeft: LEFT,
}


def prefix(run: str, agent: str) -> str:
    """Return what all keys of a workspace begin with."""
    return f"{run}.{agent}"


def record_key(run: str, agent: str, data: FileWritten | FileMoved | FileDeleted | FileLeft) -> str:
    """Return the key of a record about a path."""
    return f"{prefix(run, agent)}.{_KINDS[type(data)]}.{path_key(data.path)}"


def mark_key(run: str, agent: str) -> str:
    """Return the key of the collector's newest mark."""
    return f"{prefix(run, agent)}.{COLLECTED}.newest"


def log_subject(key: str) -> str:
    """Return the subject of a record in the log, which its digest covers; the key itself for one that is not copied."""
    run, _, kind, _ = key.split(".")
    row = EVENTS.get(kind)
    return row(run=run) if row else key


def parse_record(key: str, value: bytes) -> tuple[RecordData, str]:
    """Return the data of a record and the time of its event; raises pydantic's ValidationError."""
    kind = key.split(".")[2]
    if kind in _EVENT_MODELS:
        event = _EVENT_MODELS[kind].model_validate_json(value)
        return event.data, event.occurred_at
    model = Collected if kind == COLLECTED else FileLeft
    return model.model_validate_json(value), ""
