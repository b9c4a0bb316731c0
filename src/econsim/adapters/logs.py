"""The log of a process: text for people, or lines of JSON that Loki and other collectors take as they are.

A line of JSON has only ASCII in it, so that no text of an agent can steer the terminal of who prints the file.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Final, Literal

from opentelemetry.trace import get_current_span

Fields = Callable[[], Mapping[str, str]]
"""Returns what is known of the work that logs: service, run, agent, task."""

TEXT: Final = "%(message)s"
"""Form of a line of text: a sentence, as commands print theirs."""

FILE_BYTES_MAX: Final = 10 * 2**20
"""Bytes of a file of the log: a new one is begun then."""

FILES_KEPT: Final = 3
"""Older files that are kept: a few days of a service without faults."""

_FRAMEWORK: Final = "faststream"


class JsonLines(logging.Formatter):
    """A formatter of lines of JSON: time, level, logger, message, the fields of the work, trace ids, and an exception."""

    def __init__(self, fields: Fields) -> None:
        """Add the fields of the work to each line."""
        super().__init__()
        self._fields = fields

    def format(self, record: logging.LogRecord) -> str:
        """Return a record as one line."""
        moment = datetime.fromtimestamp(record.created, UTC)
        line = {
            "time": moment.isoformat(timespec="microseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **self._fields(),
            **_trace_ids(),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line)


def configure_log(
    form: Literal["text", "json"], level: str, fields: Fields, file: Path | None = None
) -> None:
    """Write the log of this process to standard error, and to a file as JSON if one is given.

    A log of text that is configured already stays as it is. Raises OSError if the file cannot be written.
    """
    if form == "text" and file is None:
        logging.basicConfig(level=level.upper(), format=TEXT)
        return
    handlers: list[logging.Handler] = [logging.StreamHandler()]
    handlers[0].setFormatter(JsonLines(fields) if form == "json" else logging.Formatter(TEXT))
    if file is not None:
        handlers.append(RotatingFileHandler(file, maxBytes=FILE_BYTES_MAX, backupCount=FILES_KEPT))
        handlers[1].setFormatter(JsonLines(fields))
    logging.basicConfig(level=level.upper(), handlers=handlers, force=True)
    # FastStream prints lines of its own, in colours.
    framework = logging.getLogger(_FRAMEWORK)
    framework.handlers.clear()
    framework.propagate = True


def _trace_ids() -> dict[str, str]:
    context = get_current_span().get_span_context()
    if not context.is_valid:
        return {}
    return {"trace_id": f"{context.trace_id:032x}", "span_id": f"{context.span_id:016x}"}
