"""Attendance: the agents a lock-step tick waits for, and how long, folded from the run's log.

The clock waits for a host at every tick: its agents' answers are part of what the seed decides. It waits for an
external agent that is present. An agent becomes absent when it leaves a tick unanswered for its whole deadline,
loses its last connection, or its account is taken away; it is present again from the next tick after it answers,
connects or is let in. Pure: a clock that starts anew folds the same attendance from the log as the one before it.

Life cycles::

    collection   holds                                added by               removed by            bound
    _since       name -> first tick it is waited for  the run                never                 hosts and external agents
    _absent      agents the clock does not wait for   _leave                 _return               external agents
    _excluded    agents without an account            agent_thrown_out       agent_let_in          external agents
    _answered    name -> newest tick it answered      CycleCompleted         never                 hosts and external agents
    _deadlines   agent, or None for all -> deadline   QuotaChanged           never                 external agents and one
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
"""First tick of a run: every agent is waited for from it on, also one that never connected."""


class Attendance:
    """The hosts and external agents that a run's ticks wait for."""

    def __init__(self, hosts: Collection[str], externals: Collection[str], deadline_ms: int) -> None:
        """Start before the first event: every agent is waited for, `deadline_ms` long."""
        self._hosts = frozenset(hosts)
        self._since = dict.fromkeys(sorted({*hosts, *externals}), _FIRST)
        self._absent: set[str] = set()
        self._excluded: set[str] = set()
        self._answered: dict[str, int] = {}
        self._deadline_ms = deadline_ms
        self._deadlines: dict[str | None, int] = {}
        self._tick = 0

    def evolve(self, addressed: AddressedEvent) -> None:
        """Fold one event; events of other types change nothing."""
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
                self._excluded.add(who)
                self._leave(who)
            case TrustChanged(who=str(who), change="agent_let_in"):
                self._excluded.discard(who)
                self._return(who)
            case QuotaChanged(agent=who, update=update) if update.deadline_ms is not None:
                self._deadlines[who] = update.deadline_ms

    def left_ms(self, tick: int, waited_ms: float) -> float:
        """Return the milliseconds that a tick still waits, after `waited_ms`; 0 or less for no longer."""
        return max((self._deadline(name) - waited_ms for name in self._missing(tick)), default=0)

    def missing(self, tick: int) -> list[str]:
        """Return the names of the hosts and agents that a tick still waits for."""
        return list(self._missing(tick))

    def not_ready(self) -> list[str]:
        """Return the external agents that the waiting room waits for: they may take part and never answered, nor said they are ready.

        An agent says so by the answer to tick 0.
        """
        return [
            name
            for name in self._since
            if name not in self._hosts
            and name not in self._excluded
            and name not in self._answered
            and self._deadline(name)
        ]

    def _missing(self, tick: int) -> Iterator[str]:
        for name, since in self._since.items():
            if since <= tick and name not in self._absent and self._answered.get(name, 0) < tick:
                yield name

    def _deadline(self, name: str) -> int:
        if name in self._hosts:
            return self._deadline_ms
        return self._deadlines.get(name, self._deadlines.get(None, self._deadline_ms))

    def _open(self, tick: int) -> None:
        """Open a tick: an agent that has not answered the one before has missed its deadline."""
        if tick <= self._tick:
            return  # published again by a clock that started anew
        for name in self.missing(self._tick):
            self._leave(name)
        self._tick = tick

    def _leave(self, name: str) -> None:
        if name in self._since and name not in self._hosts:
            self._absent.add(name)

    def _return(self, name: str) -> None:
        if name in self._absent and name not in self._excluded:
            self._absent.discard(name)
            self._since[name] = self._tick + 1
