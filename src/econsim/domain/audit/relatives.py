"""The causes and effects of one fact, from the few records of a run that name them. Pure.

A record that contains none of the ids of the fact and its effects, as bytes, is passed over without decoding. Causes are
looked for one after the other, each before the place of its effect.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, Final, Protocol

from econsim import subjects
from econsim.domain.audit.causality import UNCAUSED_TYPES, CausalGraph, EffectTree, named_cause
from econsim.domain.audit.facts import Record
from econsim.errors import NotFound

RECORDS_MAX: Final = 200
"""Records with effects that are kept: a fact with more, as the opening of a run, is explained from the whole log."""

RECENT: Final = 2048
"""Records that are looked through once more for each new effect: a transfer may be in the log before what it is for."""

_OF_CLOCK: Final = frozenset(
    row.type for row in (subjects.RUN_OPENED, subjects.PERIOD_OPENED, subjects.PERIOD_CLOSED, subjects.TICKED)
)

_ITEM: Final = re.compile(r"([0-9a-f]{32})\.\d+")
"""Id of an item: a record has that of its event alone."""


class Stored(Protocol):
    """A record as the log has it."""

    @property
    def sequence(self) -> int:
        """Return the place of the record in the log."""

    @property
    def payload(self) -> bytes:
        """Return the bytes of the record."""


class Relatives:
    """Records with the causes and effects of a fact. Every method raises NotFound if they may be others in the whole log."""

    def __init__(self, name: str, read: Callable[[Any], Record]) -> None:
        """Start without records; `name` is an id of the fact, `read` decodes a record or raises InvalidMessage."""
        self._name = name
        self._read = read
        self._ids = {_as_written(name)}
        self._kept: dict[int, Record] = {}
        self._recent: deque[Stored] = deque(maxlen=RECENT)

    def look_at(self, stored: Stored) -> None:
        """Look at the next record of the log, and keep it if it names the fact or one of its effects; raises InvalidMessage."""
        self._recent.append(stored)
        found = [stored] if self._has_id(stored) else []
        while found:
            self._kept |= {each.sequence: self._read(each) for each in found}
            if len(self._kept) > RECORDS_MAX:
                raise self._unknown()
            self._ids |= set(map(_as_written, self._effect_ids()))
            found = [each for each in self._recent if each.sequence not in self._kept and self._has_id(each)]

    def effects(self) -> CausalGraph:
        """Return a graph with the fact and its effects.

        An event of the clock is the cause of all that name no nearer one, and an event without a cause has the tick of the
        records before it: for both, records without the ids matter, too.
        """
        graph = self._graph()
        if self._name not in graph:
            raise self._unknown()
        found = [each.fact for each in _below(graph.tree(self._name))]
        of_clock = any(fact.type in _OF_CLOCK for fact in found)
        untimed = any(each.type in UNCAUSED_TYPES for each in self._kept.values())
        if of_clock or untimed or not all(named_cause(fact) in graph for fact in found[1:]):
            raise self._unknown()
        return graph

    def places(self) -> dict[str, int]:
        """Return the places of the events that were kept."""
        return {each.event_id: place for place, each in self._kept.items()}

    def _has_id(self, stored: Stored) -> bool:
        return any(each in stored.payload for each in self._ids)

    def _graph(self) -> CausalGraph:
        return CausalGraph(each for _, each in sorted(self._kept.items()))

    def _effect_ids(self) -> Iterator[str]:
        graph = self._graph()
        if self._name in graph:
            for each in _below(graph.tree(self._name)):
                yield from graph.ids(each.fact)

    def _unknown(self) -> NotFound:
        message = f"causes and effects of {self._name!r} cannot be told from a part of the log"
        return NotFound(message, id=self._name)


def _as_written(name: str) -> bytes:
    """Return what stands in a record of a fact with this id, and of its effects."""
    return (item[1] if (item := _ITEM.fullmatch(name)) else name).encode()


def _below(tree: EffectTree) -> Iterator[EffectTree]:
    yield tree
    for effect in tree.effects:
        yield from _below(effect)
