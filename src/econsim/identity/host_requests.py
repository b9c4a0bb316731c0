"""The requests that a host makes in the names of its agents: tools, files, people and tasks."""

from __future__ import annotations

from typing import Final

from econsim import subjects

HOST_REQUESTS: Final = (
    subjects.CALL_TOOL,
    subjects.GET_QUOTE,
    subjects.LIST_TOOLS,
    subjects.GET_RESULT,
    subjects.WRITE_FILE,
    subjects.APPEND_TO_FILE,
    subjects.READ_FILE,
    subjects.HOSTED_ACTION,
    subjects.END_TICK,
)
"""Requests and commands of a host for its agents, beside orders and thoughts."""
