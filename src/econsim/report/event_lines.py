"""An event as one line of JSON: as the log has it, or in the JSON format of CloudEvents 1.0.

Data that came as text stay text: nothing is decoded here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import IO, Final
from urllib.parse import quote

from econsim.domain.audit.facts import Record
from econsim.report.whole_file import whole_file
from econsim.schemas.base import SCHEMA_VERSION

_ENVELOPE: Final = ("occurred_at", "tick", "actor", "correlation_id", "causation_id", "trace_id")
_DATA: Final = ',"data":'


def event_line(entry: Record, place: int = 0) -> str:
    """Return an event with its subject; one whose text is known as its service wrote it. Its place is the line's."""
    del place
    return f'{{"subject":{_subject_text(entry.subject)},{event_text(entry)[1:]}\n'


def event_text(entry: Record) -> str:
    """Return an event as the log has it, without its subject; one whose text is known as its service wrote it."""
    if text := _known_text(entry):
        return text
    fields = {
        "event_id": entry.event_id,
        "type": entry.type,
        "schema_version": SCHEMA_VERSION,
        **{name: getattr(entry, name) for name in _ENVELOPE},
        "data": entry.data,
    }
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":"))


def cloud_event_line(entry: Record, place: int) -> str:
    """Return an event as a CloudEvent whose extension attributes are `sequence`, `tick`, `correlationid`, `causationid` and `traceid`.

    Its place in the run, from 1, orders the events for who gets them one by one: SDKs cut `time` to milliseconds (cloudevents 10.0.0 in
    JavaScript), and a tick may have one time. Integers have 31 bits there, which are enough for every run that anybody has the
    time for. An attribute without a value is left out.
    """
    attributes = {
        "specversion": "1.0",
        "id": entry.event_id,
        "source": event_source(entry.correlation_id, entry.actor),
        "type": entry.type,
        "subject": entry.subject,
        "time": entry.occurred_at,
        "datacontenttype": "application/json",
        "sequence": f"{place:010}",  # a text there, ordered as one
        "tick": entry.tick,
        "correlationid": entry.correlation_id,
        "causationid": entry.causation_id,
        "traceid": entry.trace_id,
    }
    given = {name: value for name, value in attributes.items() if value is not None}
    return f"{json.dumps(given, separators=(',', ':'))[:-1]}{_DATA}{data_text(entry)}}}\n"


def event_source(run: str, actor: str) -> str:
    """Return the URI of who caused an event: with it, the event's id is unique over all runs."""
    return f"econsim:/runs/{quote(run)}/{quote(actor)}"


def data_text(entry: Record) -> str:
    """Return the data as JSON; the fields before them in an event's text cannot contain a quotation mark."""
    if text := _known_text(entry):
        return text[text.index(_DATA) + len(_DATA) : -1]
    return json.dumps(entry.data, ensure_ascii=False, separators=(",", ":"))


def _known_text(entry: Record) -> str:
    """Return an event as its service wrote it; empty if that is not known."""
    return entry.content if isinstance(entry.content, str) else entry.text


@lru_cache(1024)
def _subject_text(subject: str) -> str:
    """Return a subject as JSON; a run has few of them."""
    return json.dumps(subject)


class EventLines:
    """Events of a run on their way into a file, a line each."""

    def __init__(self, out: IO[str], line: Callable[[Record, int], str]) -> None:
        """Write the line of each event, made of it and its place, to a text file, which the caller closes."""
        self.count = 0
        """Lines written so far."""
        self._out = out
        self._line = line

    def add(self, entry: Record) -> None:
        """Write the next event."""
        self.count += 1
        self._out.write(self._line(entry, self.count))


@contextmanager
def event_file(path: Path, line: Callable[[Record, int], str] = event_line) -> Iterator[EventLines]:
    """Write events into a file for the time of the context; the file is there once the context ends without an error."""
    with whole_file(path) as out:
        yield EventLines(out, line)
