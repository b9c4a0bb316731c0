"""The index of watches: the monitors that a fact is shown to, found once for each subject, and there by the fact's agent. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from econsim.domain.audit.causality import UNCAUSED_TYPES
from econsim.domain.audit.facts import Record
from econsim.domain.audit.late_event import LateEvent
from econsim.domain.expectation.monitor import COPIED, Watch
from econsim.domain.expectation.names import CATALOG, REPORTED, REPORTS

SUBJECTS_MAX: Final = 4_096
"""Subjects whose handlers are kept: those of services, and of the reports of some thousand agents."""

Handler = tuple[Callable[[Any], bool] | None, Callable[[Any], None], int]
"""A test, what takes the facts that pass it, one by one or all of a record, and the place of their monitor."""


class Handlers(NamedTuple):
    """Handlers of the records of a subject, and what is known of these."""

    type: str
    """Type of the records."""
    is_copy: bool
    """True for copied events, whose place in the log says nothing."""
    is_state: bool
    """True if the records change the state that monitors share."""
    is_uncaused: bool
    """True if their publisher knows no tick."""
    at_once: tuple[Handler, ...]
    """Handlers of all facts of a record at once."""
    others: tuple[Handler, ...]
    """Handlers of the facts of agents that no watch names."""
    by_actor: Mapping[str, tuple[Handler, ...]]
    """Agent that a watch names → handlers of its facts."""
    is_one_by_one: bool
    """True if facts are shown one by one."""
    is_watched: bool
    """True if facts are shown at all; records that nothing looks into need not be decoded."""


class WatchIndex:
    """The watches of monitors that have not decided."""

    def __init__(self, watches: Iterable[tuple[Watch, int]] = (), state_types: Collection[str] = ()) -> None:
        """Take watches, each with the place of its monitor, and the types of events that change the state."""
        self._watches: dict[str, list[tuple[Watch, int]]] = {}
        self._state_types = state_types
        self._handlers: dict[str, Handlers] = {}
        for each in watches:
            self._watches.setdefault(each[0].type, []).append(each)

    def watches(self, kind: str) -> bool:
        """Return whether a monitor watches events of a type."""
        return kind in self._watches

    def handlers(self, entry: Record | LateEvent) -> Handlers:
        """Return what handles a record."""
        subject = entry.subject
        found = self._handlers.get(subject)
        if found is None:
            found = self._make(entry)
            if len(self._handlers) < SUBJECTS_MAX:
                self._handlers[subject] = found
        return found

    def _make(self, entry: Record | LateEvent) -> Handlers:
        kind = entry.type
        named = REPORTED if kind.startswith(REPORTS) and kind not in CATALOG else kind
        watches = [each for each in self._watches.get(named, ()) if each[0].entity in {"", entry.entity}]
        at_once = tuple((None, watch.see_all, place) for watch, place in watches if watch.see_all)
        others = _taking("", watches)
        by_actor = {watch.actor: _taking(watch.actor, watches) for watch, _ in watches if watch.actor}
        is_one_by_one = bool(others or by_actor)
        return Handlers(
            type=kind,
            is_copy=kind in COPIED,
            is_state=kind in self._state_types,
            is_uncaused=kind in UNCAUSED_TYPES,
            at_once=at_once,
            others=others,
            by_actor=by_actor,
            is_one_by_one=is_one_by_one,
            is_watched=is_one_by_one or bool(at_once),
        )


def _taking(actor: str, watches: Sequence[tuple[Watch, int]]) -> tuple[Handler, ...]:
    """Return the handlers of the facts of an agent, those of any agent's facts too, in the order of their monitors."""
    return tuple(
        (each.matches, each.see, place)
        for each, place in watches
        if each.see and not each.see_all and each.actor in {"", actor}
    )
