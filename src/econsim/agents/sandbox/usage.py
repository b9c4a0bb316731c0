"""Resource usage of a process tree and its members, read from /proc."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

INODE_BYTES: Final = 1024
"""Bytes of memory the kernel spends on an empty file in `/tmp`, so that a million of them count too."""

_TICKS_PER_S: Final = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Usage:
    """Resource usage at one moment."""

    cpu_s: float = 0.0
    """Processor time so far in seconds, ended children included."""
    memory_bytes: int = 0
    """Resident memory in bytes; a page shared by several processes counts for each."""
    tasks: int = 0
    """Processes and their threads."""
    files: int = 0
    """Files in `/tmp` of a sandbox, directories included."""


@dataclass(frozen=True, slots=True)
class _ProcessEntry:
    pid: int
    parent: int
    usage: Usage


def tree_usage(root: int) -> Usage:
    """Return the usage of a process and of every process below it; zeros if it is gone."""
    members = [entry.usage for entry in _below(root)]
    return Usage(
        sum(usage.cpu_s for usage in members),
        sum(usage.memory_bytes for usage in members),
        sum(usage.tasks for usage in members),
    )


def descendants(root: int) -> list[int]:
    """Return the ids of all processes below a process, without its own."""
    return [entry.pid for entry in _below(root) if entry.pid != root]


def scratch_usage(pid: int, place: str = "/tmp") -> Usage:  # noqa: S108 - as the process sees it
    """Return the memory and files of a file system in memory, as a process sees it; zeros if the process is gone."""
    with contextlib.suppress(OSError):
        state = os.statvfs(f"/proc/{pid}/root{place}")
        files = state.f_files - state.f_ffree
        used = (state.f_blocks - state.f_bfree) * state.f_frsize + files * INODE_BYTES
        return Usage(memory_bytes=used, files=files)
    return Usage()


def _below(root: int) -> Iterator[_ProcessEntry]:
    children: dict[int, list[_ProcessEntry]] = {}
    found = list(_entries())
    for entry in found:
        children.setdefault(entry.parent, []).append(entry)
    waiting = [entry for entry in found if entry.pid == root]
    while waiting:
        entry = waiting.pop()
        yield entry
        waiting.extend(children.get(entry.pid, ()))


def _entries() -> Iterator[_ProcessEntry]:
    for name in filter(str.isdigit, os.listdir("/proc")):  # noqa: PTH208 - a hundred paths fewer a look
        # The process may end while it is read.
        with contextlib.suppress(OSError):
            yield _parse_stat(int(name), Path("/proc", name, "stat").read_text(errors="replace"))


def _parse_stat(pid: int, line: str) -> _ProcessEntry:
    """Parse a line of `stat` (proc(5)); the name in brackets may contain any character, also brackets."""
    words = line.rpartition(")")[2].split()
    ticks = sum(map(int, words[11:15]))
    return _ProcessEntry(
        pid, int(words[1]), Usage(ticks / _TICKS_PER_S, int(words[21]) * _PAGE_BYTES, int(words[17]))
    )
