"""Change of the sources a stream copies from, without copying anything again.

A server takes a source whose filter or renaming has changed for another, and copies its origin from the beginning.
So the old one is taken off first, what it copied last is looked up when nothing moves any more, and the new one
starts behind that. A log that denies deletion would keep every copy for ever.
"""

from __future__ import annotations

import asyncio
import base64
import json
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Final

from econsim.errors import SetupError

Json = dict[str, Any]

Ask = Callable[[str, Json | None], Awaitable[Json]]
"""Asks JetStream's API: an operation and its body; raises SetupError if refused or not there."""

_WHERE_TO_START: Final = ("opt_start_seq", "opt_start_time")
"""Fields that say where copying begins: of no effect on a source that has begun."""

_TRACE: Final = re.compile(r"^Nats-Stream-Source: (\S+) (\d+)", re.MULTILINE)
"""Header the server adds to every copy: origin and place there."""

_PLACE: Final = re.compile(r"\{\{.*?\}\}")
_NO_MESSAGE: Final = "10037"

_LOOKS: Final = 5
"""Looks, one after the other, that must find the same newest copy before nothing moves any more."""

_PAUSE_S: Final = 0.05
"""Seconds before each look: a server may say that a source is taken off while it still stores its last message."""

_NOTE: Final = "econsim_copies"
"""Metadata of a stream during an exchange: the place and the subjects of the copies of the source before."""


def source_identity(source: Mapping[str, object]) -> Json:
    """Return the fields that identify a source."""
    return {key: value for key, value in source.items() if key not in _WHERE_TO_START and value}


def sources_of(config: Mapping[str, object]) -> list[Json]:
    """Return the sources in a stream's configuration."""
    found: list[Json] = list(config.get("sources") or [])  # type: ignore[call-overload]  # JSON
    return found


def same(found: Mapping[str, object], wanted: Mapping[str, object]) -> bool:
    """Tell whether two configurations copy the same; where copying began is no difference."""
    return [*map(source_identity, sources_of(found))] == [*map(source_identity, sources_of(wanted))]


def with_known_starts(found: Mapping[str, object], wanted: Json) -> Json:
    """Return the wanted configuration with the start of every source that stays as it is."""
    begun = {json.dumps(source_identity(each), sort_keys=True): each for each in sources_of(found)}
    if not sources_of(wanted):
        return wanted
    return wanted | {
        "sources": [
            begun.get(json.dumps(each, sort_keys=True), each)
            for each in map(source_identity, sources_of(wanted))
        ]
    }


async def exchange_obstacle(ask: Ask, info: Mapping[str, Any], wanted: Json) -> str:
    """Return the reason a stream's sources cannot be exchanged, empty if they can."""
    found = sources_of(info["config"])
    for each in _new(info["config"], wanted):
        origin = each["name"]
        before = [source for source in found if source["name"] == origin]
        if len(before) > 1:
            return f"it copies {origin} more than once"
        lost = info["state"]["first_seq"] > 1
        known = _last_copied(info, origin) or await _newest(ask, wanted["name"], origin, _patterns(before))
        if before and lost and not known:
            return f"nobody knows how much of {origin} it copied, for what it copied last is no longer kept"
    return ""


async def exchange(ask: Ask, info: Mapping[str, Any], wanted: Json) -> None:
    """Bring a stream to the wanted configuration; what was copied stays, and what comes is copied once.

    May be done again from the beginning if it was interrupted.
    """
    name, found = wanted["name"], info["config"]
    new = _new(found, wanted)
    origins = {each["name"] for each in new}
    notes = _notes(found)
    for origin in origins:
        if to := _patterns(each for each in sources_of(found) if each["name"] == origin):
            notes[origin] = {"copied": _last_copied(info, origin), "to": to}
    update, goal = f"STREAM.UPDATE.{name}", with_known_starts(found, wanted)
    staying = [each for each in sources_of(goal) if each["name"] not in origins]
    await ask(update, goal | {"sources": staying, "metadata": {_NOTE: json.dumps(notes)}})
    for each in sources_of(goal):
        if each["name"] in origins:
            note = notes.get(each["name"], {"copied": 0, "to": []})
            newest = await _settled_newest(ask, name, each["name"], {*note["to"], *_patterns([each])})
            if copied := max(int(note["copied"]), newest):
                each["opt_start_seq"] = copied + 1
    await ask(update, goal)


def _new(found: Mapping[str, object], wanted: Json) -> list[Json]:
    before = [source_identity(each) for each in sources_of(found)]
    return [each for each in map(source_identity, sources_of(wanted)) if each not in before]


def _last_copied(info: Mapping[str, Any], origin: str) -> int:
    """Return the place in its origin of the message a stream copied last; 0 if the server does not know."""
    return max((int(s.get("seq", 0)) for s in info.get("sources") or () if s["name"] == origin), default=0)


def _notes(found: Mapping[str, Any]) -> Json:
    notes: Json = json.loads((found.get("metadata") or {}).get(_NOTE, "{}"))
    return notes


def _patterns(sources: Iterable[Json]) -> list[str]:
    """Return patterns of the subjects that copies get."""
    return [
        _PLACE.sub("*", rename.get("dest") or rename["src"])
        for source in sources
        for rename in source.get("subject_transforms") or [{"src": source.get("filter_subject") or ">"}]
    ]


async def _settled_newest(ask: Ask, stream: str, origin: str, patterns: Iterable[str]) -> int:
    """Return the place in its origin of the newest copy, once so many looks have found the same."""
    patterns, places = [*patterns], list[int]()
    while len(places) < _LOOKS or len({*places[-_LOOKS:]}) > 1:
        await asyncio.sleep(_PAUSE_S)
        places.append(await _newest(ask, stream, origin, patterns))
    return places[-1]


async def _newest(ask: Ask, stream: str, origin: str, patterns: Iterable[str]) -> int:
    """Return the place in its origin of the newest copy on these subjects, 0 if there is none."""
    places = [0]
    for pattern in patterns:
        try:
            answer = await ask(f"STREAM.MSG.GET.{stream}", {"last_by_subj": pattern})
        except SetupError as error:
            if error.details.get("err_code") != _NO_MESSAGE:
                raise
        else:
            headers = base64.b64decode(answer["message"].get("hdrs") or "").decode(errors="replace")
            trace = _TRACE.search(headers)
            places += [int(trace[2])] if trace and trace[1].partition(":")[0] == origin else []
    return max(places)
