"""The hash of the canonical log of a run whose events come in order, without the log. Pure.

A run in memory has no event of a tick after one of the next, and each event's cause is the opening of its tick. So the lines of a
tick are final when the next one begins, and only their digest is kept: memory does not grow with the run, and nothing is compressed
and read again. `canonical_log.CanonicalLog` takes events in any order; both give one hash.
"""

from __future__ import annotations

from hashlib import sha256
from operator import itemgetter
from typing import Final

from econsim import subjects
from econsim.domain.audit.canonical_log import belongs, cause_text, parted_rows, place_text
from econsim.domain.audit.late_event import LateEvent

_NUMBER_AND_CHAIN: Final = itemgetter(0, 1)

Row = tuple[int, str, str, str | None]
"""Place of a fact within its subject, id of its chain, the line's text behind its number, cause; none for the tick's opening."""


class CanonicalHash:
    """The hash of the canonical log of one run, from all its events in their order."""

    def __init__(self) -> None:
        """Start without events."""
        self._digest = sha256()
        self._lines = 0
        self._tick = 0
        self._places: dict[str, list[Row]] = {}

    def add(self, source: LateEvent) -> None:
        """Add the next event; events of infrastructure are ignored."""
        if not belongs(source.type):
            return
        if source.tick != self._tick:
            text, self._lines = self._text()
            self._digest.update(text.encode())
            self._tick = source.tick
            self._places.clear()
        rows = self._places.setdefault(source.address.place, [])
        texts = source.content.texts()
        if texts is None:
            rows += parted_rows(source)
            return
        actor, name = source.address.actor, place_text(source.subject)
        opens = source.cause is None
        for data, named, number, chain, own in texts:
            # Names need no escaping.
            body = f'"actor":"{named or actor}","data":{data},"subject":{name}}}\n'
            rows.append((number, chain, body, "" if opens and own is None else own))

    def hexdigest(self) -> str:
        """Return the SHA-256 of the lines so far, each ended by a line feed."""
        digest = self._digest.copy()
        digest.update(self._text()[0].encode())
        return digest.hexdigest()

    def _text(self) -> tuple[str, int]:
        """Return the lines of the newest tick, and the number of the last."""
        places, count = sorted(self._places.items()), self._lines
        opening, lines = self._opening_line(), list[str]()
        for _, rows in places:
            rows.sort(key=_NUMBER_AND_CHAIN)
            for _, _, body, own in rows:
                count += 1
                cause = opening if own is None else cause_text(own)
                lines.append(f'{{"cause":{cause},"line":{count},"tick":{self._tick},{body}')
        return "".join(lines), count

    def _opening_line(self) -> str:
        """Return the number of the line of the tick's opening; null without one."""
        before = self._lines
        for place, rows in sorted(self._places.items()):
            if place == _TICKED:
                return str(before + 1)
            before += len(rows)
        return "null"


_TICKED: Final = subjects.TICKED.template.rpartition(".")[0]
