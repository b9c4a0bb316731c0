"""The hash of the canonical log of a run whose events come in order, without the log. Pure.

A run in memory has no event of a tick after one of the next, and each event's cause is the opening of its tick. So the lines of a
tick are final when the next one begins, and only their digest is kept: memory does not grow with the run, and nothing is compressed
and read again. `canonical_log.CanonicalLog` takes events in any order; both give one hash.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from hashlib import sha256
from operator import itemgetter
from typing import TYPE_CHECKING, Final

from econsim import subjects
from econsim.domain.audit.canonical_facts import FactText, fact_texts
from econsim.domain.audit.canonical_log import actor_text, belongs, cause_text, place_text, record_texts
from econsim.domain.audit.envelope import AddressedEvent
from econsim.domain.audit.facts import as_record
from econsim.domain.audit.late_event import LateEvent

if TYPE_CHECKING:
    from hashlib import _Hash as Hash

LINES_MAX: Final = 128
"""Lines that are hashed together: about 40 kB, which stay in the processor's cache. All of a tick of 1 000 traders took a tenth longer."""

_NUMBER: Final = itemgetter(2)
_CHAIN: Final = itemgetter(3)
_TICKED: Final = subjects.TICKED.template.rpartition(".")[0]


class CanonicalHash:
    """The hash of the canonical log of one run, from all its events in their order."""

    def __init__(self) -> None:
        """Start without events."""
        self._digest = sha256()
        self._lines = 0
        self._tick = 0
        self._places: dict[str, list[AddressedEvent]] = {}

    def add(self, source: AddressedEvent) -> None:
        """Add the next event, late or not: the driver of a run may change. Events of infrastructure are ignored."""
        if not belongs(source.type):
            return
        if isinstance(source, LateEvent):
            tick, place = source.tick, source.address.place
        else:
            tick, place = source.event.tick, source.subject.rpartition(".")[0]
        if tick != self._tick:
            self._lines = self._hash_tick(self._digest)
            self._tick = tick
            self._places.clear()
        self._places.setdefault(place, []).append(source)

    def hexdigest(self) -> str:
        """Return the SHA-256 of the lines so far, each ended by a line feed."""
        digest = self._digest.copy()
        self._hash_tick(digest)
        return digest.hexdigest()

    def _hash_tick(self, digest: Hash) -> int:
        """Hash the lines of the newest tick, and return the number of the last."""
        places = [(place, _facts(events)) for place, events in sorted(self._places.items())]
        count, opening = self._lines, self._opening_line(places)
        for place, facts in places:
            source = self._places[place][0]
            name, default = place_text(source.subject), actor_text(source)
            lines: list[str] = []
            for data, actor, _, _, own in facts:
                count += 1
                cause = cause_text(own) if own is not None else opening if _has_cause(source) else "null"
                who = f'"{actor}"' if actor else default
                lines.append(
                    f'{{"cause":{cause},"line":{count},"tick":{self._tick},"actor":{who},"data":{data},"subject":{name}}}\n'
                )
                if len(lines) == LINES_MAX:
                    digest.update("".join(lines).encode())
                    lines.clear()
            digest.update("".join(lines).encode())
        return count

    def _opening_line(self, places: Sequence[tuple[str, Sequence[FactText]]]) -> str:
        """Return the number of the line of the tick's opening; null without one."""
        before = self._lines
        for place, facts in places:
            if place == _TICKED:
                return str(before + 1)
            before += len(facts)
        return "null"


def _has_cause(source: AddressedEvent) -> bool:
    """Return whether an event has a cause, which is then the opening of its tick."""
    return bool(source.cause if isinstance(source, LateEvent) else source.event.causation_id)


def _facts(events: Sequence[AddressedEvent]) -> list[FactText]:
    """Return the facts of the events of one place, in the order of the canonical log."""
    facts: list[FactText] = []
    for source in events:
        texts = source.content.texts() if isinstance(source, LateEvent) else fact_texts(source.event.data)
        facts += _record_facts(source) if texts is None else texts
    # Items have numbers, chains ids, and any other event is alone.
    facts.sort(key=_NUMBER if facts[0][2] else _CHAIN)
    return facts


def _record_facts(source: AddressedEvent) -> Iterator[FactText]:
    """Yield the facts of an event whose texts are taken from its JSON; the tick's opening is no cause of their own."""
    for data, actor, number, chain, own in record_texts(as_record(source)):
        yield data, actor, number, chain, own if own != source.event.causation_id else None
