"""Buckets of the workspace service."""

from __future__ import annotations

from typing import Final

from econsim.domain.workspace.kinds import VERSIONS_MAX
from econsim.schemas.stream import Stream
from econsim.streams.buckets import bucket

WORKSPACE_FILES: Final = Stream(
    name=bucket("workspace_files"),
    why="The one source of truth about files: each change of a workspace, with the digests of the file's chunks.",
    subjects=("$KV.workspace_files.>",),
    max_msgs_per_subject=VERSIONS_MAX,
    allow_direct=True,
    allow_atomic=True,
    deny_purge=True,
    reasons={
        "max_msgs_per_subject": "earlier versions can be read, and an agent that writes for ever fills no disk",
        "allow_direct": "a worker reads what is new in a workspace in pages, without a consumer",
        "allow_atomic": "a move is one batch: both paths or none",
        "deny_purge": "no client may delete all files",
    },
)

WORKSPACE_CHUNKS: Final = Stream(
    name=bucket("workspace_chunks"),
    why="Content of files: chunks of a workspace, each under its SHA-256 and its size.",
    subjects=("$KV.workspace_chunks.>",),
    max_msgs_per_subject=1,
    allow_direct=True,
    deny_purge=True,
    reasons={
        "max_msgs_per_subject": "whatever is stored again under a digest is the same content, at a new place",
        "allow_direct": "reading a chunk is one request",
        "deny_purge": "no client may delete all content",
    },
)
