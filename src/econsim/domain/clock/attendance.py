"""Whom a lock-step tick waits for, and how long: folded from the run's log.

A host is waited for at every tick: its agents' answers are part of what the seed decides. An agent outside the
hosts is waited for while it takes part. It does not after it left a tick without an answer for its whole deadline,
lost its last connection, or had its account taken away; it does again from the next tick after it answers,
connects or is let in. Pure: what a clock that starts anew folds from the log is what the one before it knew.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Final

from econsim.domain.audit.envelope import AddressedEvent
from econsim.schemas.admin import ConnectionChanged, QuotaChanged, TrustChanged
from econsim.schemas.admission import AgentSuspended
from econsim.schemas.agent import CycleCompleted
from econsim.schemas.clock import Ticked

_FIRST: Final = 1
"""The first tick of a run: everybody is expected from it on, also who has never connected."""


class Attendance:
    """Who takes part in a run's ticks."""

    def __init__(self, hosts: Collection[str], externals: Collection[str], deadline_ms: int) -> None:
        """Start before the first event: everybody is waited for, `deadline_ms` long."""
        self._hosts = frozenset(hosts)
        self._since = dict.fromkeys(sorted({*hosts, *externals}), _FIRST)
        self._absent: set[str] = set()
        self._out: set[str] = set()
        self._answered: dict[str, int] = {}
        self._deadline_ms = deadline_ms
        self._deadlines: dict[str | None, int] = {}
        self._tick = 0

    def evolve(self, addressed: AddressedEvent) -> None:
        """Fold one event; events it has no use for change nothing."""
        event = addressed.event
        match event.data:
            case Ticked():
                self._open(event.tick)
            case CycleCompleted(tick=tick):
                self._answered[event.actor] = max(tick, self._answered.get(event.actor, 0))
                self._return(event.actor)
            case ConnectionChanged(agent=agent, connected=connected):
                (self._return if connected else self._leave)(agent)
            case AgentSuspended(agent=agent):
                self._leave(agent)
            case TrustChanged(who=str(who), change="agent_thrown_out"):
                self._out.add(who)
                self._leave(who)
            case TrustChanged(who=str(who), change="agent_let_in"):
                self._out.discard(who)
                self._return(who)
            case QuotaChanged(agent=who, update=update) if update.deadline_ms is not None:
                self._deadlines[who] = update.deadline_ms

    def left_ms(self, tick: int, waited_ms: float) -> float:
        """Return how much longer a tick that was waited for so long waits at most; 0 or less: no longer."""
        return max((self._deadline(name) - waited_ms for name in self._missing(tick)), default=0)

    def missing(self, tick: int) -> list[str]:
        """Return who takes part and has not answered a tick, by name."""
        return list(self._missing(tick))

    def _missing(self, tick: int) -> Iterator[str]:
        for name, since in self._since.items():
            if since <= tick and name not in self._absent and self._answered.get(name, 0) < tick:
                yield name

    def _deadline(self, name: str) -> int:
        if name in self._hosts:
            return self._deadline_ms
        return self._deadlines.get(name, self._deadlines.get(None, self._deadline_ms))

    def _open(self, tick: int) -> None:
        """Open a tick: an agent that the one before went on without has had its deadline."""
        if tick <= self._tick:
            return  # told again by a clock that started anew
        for name in self.missing(self._tick):
            self._leave(name)
        self._tick = tick

    def _leave(self, name: str) -> None:
        if name in self._since and name not in self._hosts:
            self._absent.add(name)

    def _return(self, name: str) -> None:
        if name in self._absent and name not in self._out:
            self._absent.discard(name)
            self._since[name] = self._tick + 1
