"""The index of watches: the monitors that a fact is shown to, found once for each subject, and there by the fact's agent. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from econsim.domain.audit.facts import Record
from econsim.domain.audit.late_event import LateEvent
from econsim.domain.expectation.monitor import See, Watch
from econsim.domain.expectation.names import CATALOG, REPORTED, REPORTS
from econsim.domain.expectation.occurrence import Occurrence

SUBJECTS_MAX: Final = 4_096
"""Subjects whose handlers are kept: those of services, and of the reports of some thousand agents."""

Handler = tuple[Callable[[Occurrence], bool] | None, See, int]
"""A test, what takes the facts that pass it, and the place of their monitor."""


@dataclass(frozen=True, slots=True)
class Handlers:
    """Handlers of the facts of a subject."""

    others: tuple[Handler, ...]
    """Handlers of the facts of agents that no watch names."""
    by_actor: Mapping[str, tuple[Handler, ...]]
    """Agent that a watch names → handlers of its facts."""


class WatchIndex:
    """The watches of monitors that have not decided."""

    def __init__(self, watches: Iterable[tuple[Watch, int]] = ()) -> None:
        """Take watches, each with the place of its monitor."""
        self._watches: dict[str, list[tuple[Watch, int]]] = {}
        self._handlers: dict[str, Handlers | None] = {}
        for each in watches:
            self._watches.setdefault(each[0].type, []).append(each)

    def handlers(self, entry: Record | LateEvent) -> Handlers | None:
        """Return what handles the facts of a record; none if nothing watches them, and the record need not be decoded."""
        subject = entry.subject
        if subject in self._handlers:
            return self._handlers[subject]
        kind = entry.type
        if kind.startswith(REPORTS) and kind not in CATALOG:
            kind = REPORTED
        found = _handlers(
            [each for each in self._watches.get(kind, ()) if each[0].entity in {"", entry.entity}]
        )
        if len(self._handlers) < SUBJECTS_MAX:
            self._handlers[subject] = found
        return found


def _handlers(watches: Sequence[tuple[Watch, int]]) -> Handlers | None:
    if not watches:
        return None
    actors = {watch.actor for watch, _ in watches} - {""}
    return Handlers(_taking("", watches), {actor: _taking(actor, watches) for actor in actors})


def _taking(actor: str, watches: Sequence[tuple[Watch, int]]) -> tuple[Handler, ...]:
    """Return the handlers of the facts of an agent, those of any agent's facts too, in the order of their monitors."""
    return tuple((each.matches, each.see, place) for each, place in watches if each.actor in {"", actor})
