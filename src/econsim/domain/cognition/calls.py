"""The calls of one run, folded from its log: what is reserved, how calls ended, and what is still to be settled. Pure.

The first outcome that the log has of a call counts; a later one is a repeat by a worker that did not know of it.

Life cycles::

    collection   holds                                  added by                  removed by             bound
    _reserved    receipt -> reservation, not settled    TransferPosted            its settlement         calls under way
    _outcomes    receipt -> outcome, for repeats        LlmInvoked, add           two cycles later       2 cycles an agent
    _newest      agent -> newest cycle with an outcome  LlmInvoked, add           never                  agents
    _receipts    agent -> receipts of _outcomes         LlmInvoked, add           two cycles later       2 cycles an agent
    _given       agent -> newest ordinal given          agent_call                the next cycle's       agents
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from econsim.domain.audit.envelope import AddressedEvent
from econsim.domain.cognition.call import position_of, receipt
from econsim.domain.cognition.payment import SETTLED
from econsim.errors import Conflict, Refused
from econsim.schemas.clock import Ticked
from econsim.schemas.cognition import CallOutcome, InvokeLlm, LlmInvoked
from econsim.schemas.ledger import Chain, TransferPosted
from econsim.schemas.model_call import CALLS_PER_CYCLE_MAX, Call, CallPosition
from econsim.schemas.model_limits import DEADLINE_MS_MAX

UNKNOWN: Final = ""
"""Digest of the prompt of a call that nobody asked for again: any prompt is taken for its own."""

ABANDONED_MS: Final = DEADLINE_MS_MAX + 60_000
"""Milliseconds after which a call that was reserved and has no outcome is given up: the longest deadline, and the time in
which a host whose worker died asks again. A call that is given up too early costs a run of ticks its canonical hash."""

CYCLES_KEPT: Final = 2
"""Cycles of an agent whose outcomes are kept for repeats: the newest, and the one before, which a killed host repeats."""


@dataclass(frozen=True, slots=True)
class OpenReservation:
    """A reservation that is not settled."""

    position: CallPosition
    """Position of the call."""
    reserved_at: str
    """Time of the reservation, RFC 3339."""
    tick: int
    """Logical time of the reservation."""


class Calls:
    """The calls of one run."""

    def __init__(self) -> None:
        """Start with no call."""
        self.tick = 0
        """Newest tick of the run."""
        self.ticked_id: str | None = None
        """Id of the event that opened the newest tick."""
        self._reserved: dict[str, OpenReservation] = {}
        self._outcomes: dict[str, CallOutcome] = {}
        self._newest: dict[str, int] = {}
        self._given: dict[str, tuple[int, int]] = {}
        self._receipts: defaultdict[str, list[str]] = defaultdict(list)

    def evolve(self, addressed: AddressedEvent) -> None:
        """Fold one event of the run; events of other types change nothing."""
        event = addressed.event
        match event.data:
            case Ticked():
                self.tick, self.ticked_id = event.tick, event.event_id
            case TransferPosted(chains=chains):
                for chain in chains:
                    self._fold_chain(chain, event.occurred_at, event.tick)
            case LlmInvoked(items=items):
                for item in items:
                    self.add(item)

    def add(self, outcome: CallOutcome) -> CallOutcome:
        """Add an outcome and return the one that counts: the first of its call.

        The log may have it without its text, and be read back before the worker that published it adds it with the text.
        """
        known = self._outcomes.get(outcome.id)
        if known is not None:
            if known.content is None and outcome.answer_digest == known.answer_digest:
                self._outcomes[outcome.id] = outcome
            return self._outcomes[outcome.id]
        agent = outcome.agent
        self._newest[agent] = max(outcome.cycle, self._newest.get(agent, 0))
        self._outcomes[outcome.id] = outcome
        kept = [*self._receipts[agent], outcome.id]
        oldest = self._newest[agent] - CYCLES_KEPT + 1
        for id_ in kept:
            if self._outcomes[id_].cycle < oldest:
                del self._outcomes[id_]
        self._receipts[agent] = [id_ for id_ in kept if id_ in self._outcomes]
        return outcome

    def has_ended(self, id_: str) -> bool:
        """Return whether a call has an outcome that is kept."""
        return id_ in self._outcomes

    def reserve(self, position: CallPosition, reserved_at: str, tick: int) -> None:
        """Note that the worst case of a call is reserved."""
        self._reserved.setdefault(receipt(position), OpenReservation(position, reserved_at, tick))

    def open_reservation(self, id_: str) -> OpenReservation | None:
        """Return the reservation of a call; None if there is none, or if it is settled."""
        return self._reserved.get(id_)

    def settle(self, id_: str) -> None:
        """Note that the reservation of a call is settled."""
        self._reserved.pop(id_, None)

    def outcome(self, position: CallPosition, digest: str) -> CallOutcome | None:
        """Return how a call ended; None for a call that has not ended.

        Raises Conflict for another prompt at the same position, and for a position whose outcome is forgotten.
        """
        found = self._outcomes.get(receipt(position))
        if found is None:
            self._require_recent(position)
            return None
        if found.prompt_digest not in (digest, UNKNOWN):
            message = (
                f"call {position.ordinal} of cycle {position.cycle} was made with another prompt; "
                "give the next call the next ordinal"
            )
            raise Conflict(message)
        return found

    def agent_call(self, agent: str, request: InvokeLlm) -> Call:
        """Return the call that an agent's request stands for; without a position it is the next of the newest tick.

        Raises Refused if the agent made as many calls in the cycle as it may.
        """
        cycle = self.tick if request.cycle is None else request.cycle
        ordinal = request.ordinal or self._next_ordinal(agent, cycle)
        position = CallPosition(agent, cycle, ordinal)
        return Call(position, request.prompt, request.deadline_ms, self.tick, self.ticked_id)

    def outcomes_to_settle(self) -> list[CallOutcome]:
        """Return the outcomes of calls whose reservation is not settled."""
        return [self._outcomes[id_] for id_ in self._reserved if id_ in self._outcomes]

    def expired_reservations(self, now: str) -> list[OpenReservation]:
        """Return the reservations of calls that have no outcome and that nobody will ask for again; `now` is RFC 3339."""
        latest = _instant(now) - timedelta(milliseconds=ABANDONED_MS)
        return [
            reserved
            for id_, reserved in self._reserved.items()
            if id_ not in self._outcomes and _instant(reserved.reserved_at) < latest
        ]

    def _next_ordinal(self, agent: str, cycle: int) -> int:
        """Return the ordinal after the agent's newest call in a cycle, and note it as given."""
        places = [position_of(id_) for id_ in (*self._receipts.get(agent, ()), *self._reserved)]
        taken = [each.ordinal for each in places if each and (each.agent, each.cycle) == (agent, cycle)]
        given_cycle, given = self._given.get(agent, (cycle, 0))
        ordinal = max(*taken, given if given_cycle == cycle else 0, 0) + 1
        if ordinal > CALLS_PER_CYCLE_MAX:
            message = f"{agent!r} made {CALLS_PER_CYCLE_MAX} calls in cycle {cycle}; the next ones wait for the next tick"
            raise Refused(message, code="calls_per_cycle_are_exceeded")
        self._given[agent] = cycle, ordinal
        return ordinal

    def _require_recent(self, position: CallPosition) -> None:
        """Raise Conflict for a cycle whose outcomes are forgotten: the call may have been made and paid."""
        newest = self._newest.get(position.agent, 0)
        if position.cycle <= newest - CYCLES_KEPT:
            message = (
                f"cycle {position.cycle} of {position.agent!r} is over; its newest call is of cycle {newest}"
            )
            raise Conflict(message, code="cycle_is_over")

    def _fold_chain(self, chain: Chain, occurred_at: str, tick: int) -> None:
        id_ = chain.id.removesuffix(SETTLED)
        position = position_of(id_)
        if position is None:
            return
        if chain.id != id_:
            self.settle(id_)
        else:
            self.reserve(position, occurred_at, tick)


def _instant(text: str) -> datetime:
    """Return the time that an event has, to the microsecond."""
    return datetime.fromisoformat(text[:26]).replace(tzinfo=UTC)
