"""A line of a service's log as people read it. Pure.

Lines of JSON are what services write; anything else is what a process printed past its log, such as a traceback at its start.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final


class LogLevel(StrEnum):
    """Level of a line, least severe first."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"
    CRITICAL = "critical"


LEVELS: Final = tuple(LogLevel)
"""Levels, least severe first."""

UNKNOWN: Final = LogLevel.ERROR
"""Level of a line that is no JSON: a process that prints past its log is failing."""

_SHOWN: Final = ("run", "agent", "task", "subject", "trace_id")


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of a log."""

    service: str
    """Service whose log it is."""
    text: str
    """The line as it was written."""
    fields: Mapping[str, Any]
    """Fields of the line; none if it is no JSON."""
    time: str = ""
    """Time of the line, RFC 3339; of a line without one that of the line before it."""

    @property
    def level(self) -> str:
        """Return the level of the line."""
        found = self.fields.get("level", UNKNOWN)
        return found if found in LEVELS else UNKNOWN

    def is_at_least(self, level: str) -> bool:
        """Tell whether the line is as severe as a level, or more."""
        return LEVELS.index(self.level) >= LEVELS.index(level)

    def display_text(self) -> str:
        """Return the line for a terminal: no character of it does more than be seen."""
        if not self.fields:
            return _printable(f"{'':26} {self.level:7} {self.service:9} {self.text}")
        where = " ".join(f"{name}={self.fields[name]}" for name in _SHOWN if name in self.fields)
        head = f"{self.time[:26]:26} {self.level:7} {self.service:9} {self.fields.get('message', '')}"
        trace = str(self.fields.get("exception", ""))
        lines = [f"{head}  {where}".rstrip(), *(f"    {line}" for line in trace.splitlines())]
        return "\n".join(map(_printable, lines))


def parse_log_line(service: str, text: str, before: str = "") -> LogLine:
    """Return a line of a service's log, after one of a time."""
    try:
        fields = json.loads(text)
    except ValueError:
        fields = {}
    known = fields if isinstance(fields, dict) else {}
    return LogLine(service, text, known, str(known.get("time", before)))


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in text)
