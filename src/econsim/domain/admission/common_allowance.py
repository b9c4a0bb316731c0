"""The first units of a window for every agent of a run at once, as one worker knows them. Pure.

A counter of each agent would cost an agent that sends one message a second one increment a message. So the first units
of each agent's limit have one counter for all agents of the run: an increment there takes the same piece of
every agent's number line. The piece is the worker's alone, so no unit is granted twice. The rest of an agent's limit has a counter of
the agent's own, see `domain/admission/allowance.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from econsim.domain.admission import quota
from econsim.domain.admission.quota import SECOND_NS, QuotaKind

RUNS_MAX: Final = 1_000
"""Runs whose common allowances, of two kinds, a worker remembers, more than a server runs at once; what it forgets is taken anew."""


@dataclass(slots=True, eq=False)
class CommonAllowance:
    """Allowance of one kind, run and window in one worker, the same for every agent."""

    key: str
    """Name of the shared counter."""
    begins_ns: int
    """First nanosecond of the window."""
    ends_ns: int
    """First nanosecond after the window."""
    limit: int
    """Units of each agent that this counter hands out."""
    taken: int = 0
    """Units of each agent that this worker took."""
    known_total: int = 0
    """Newest known total of the counter."""
    outcome_unknown: bool = False
    """True while nobody knows whether the newest increment was stored."""

    @property
    def room(self) -> int:
        """Return the units that the counter may still hand out."""
        return max(0, self.limit - self.known_total)

    def next_increment(self) -> int:
        """Return the amount to add to the counter, half of the room rounded up: other workers need some for their agents."""
        return min(1, self.room) if self.outcome_unknown else -(-self.room // quota.ROOM_SHARE)

    def add_block(self, total: int, increment: int) -> int:
        """Add the units of a stored increment that lie below the limit; nothing is given back."""
        self.taken += quota.granted_amount(self.limit, total, increment)
        self.known_total = total
        return 0


class CommonAllowances:
    """Common allowances of one worker, of the newest window of each kind and run."""

    def __init__(self) -> None:
        """Start with none."""
        self._newest: dict[tuple[str, str], CommonAllowance] = {}

    def current(self, kind: QuotaKind, run: str, now_ns: int) -> CommonAllowance:
        """Return the common allowance of the present window; open it if the window has just begun."""
        found = self._newest.get((kind.token, run))
        if found is not None and found.begins_ns <= now_ns < found.ends_ns:
            return found
        if len(self._newest) >= 2 * RUNS_MAX:
            self._newest.clear()
        opened = self._newest[kind.token, run] = open_common(kind, run, now_ns)
        return opened


def open_common(kind: QuotaKind, run: str, now_ns: int) -> CommonAllowance:
    """Return the common allowance of the present window, of which the worker has nothing yet."""
    number, length_ns = quota.window_number(kind, now_ns), kind.window_s * SECOND_NS
    key = quota.counter_key(kind, run, quota.EVERY_AGENT, number)
    return CommonAllowance(key, number * length_ns, (number + 1) * length_ns, kind.common)
