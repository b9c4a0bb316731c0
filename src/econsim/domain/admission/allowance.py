"""Limits of one agent as one worker knows them, and allowance that the worker took and has not spent yet. Pure.

All workers share one counter per kind, agent and window. An increment takes a block: the piece of the number line
between the counter's totals before and after the increment. Only the part of the block below the limit is
allowance. This module decides; `services/quota_meter.py` asks the counters. The first units of a second are common to
all agents of a run: `domain/admission/common_allowance.py`.

A quota without a window is a *stock*: it lasts for the run, and allowance that was not spent can go back to its counter.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from econsim.domain.admission import quota
from econsim.domain.admission.common_allowance import CommonAllowance
from econsim.domain.admission.quota import SECOND_NS, QuotaKind
from econsim.schemas.quota import Quotas

ALWAYS_NS: Final = 2**63
"""Time at which a stock's window ends: later than any time of day."""


@dataclass(slots=True, eq=False)
class LocalAllowance:
    """Allowance of one kind, agent and window in one worker."""

    kind: QuotaKind
    """Kind of quota."""
    holder: str
    """Run and agent as they stand in the name of the counter."""
    begins_ns: int
    """First nanosecond of the window."""
    ends_ns: int
    """First nanosecond after the window."""
    limit: int
    """Limit of the agent."""
    own_limit: int
    """Part of the limit that the agent's own counter hands out; the rest is common to all agents of the run."""
    total_valid_until_ns: int
    """Time until which `known_total` is enough to refuse: the end of the window; for a stock a moment after it was read."""
    common: CommonAllowance | None = None
    """Units that this worker has for every agent of the run, if the agent's limit has a common part."""
    drawn: int = 0
    """Common units that are in `unspent`, or were spent."""
    expected_spending: int = 0
    """Amount that this worker will probably spend in the window, judged by the window before."""
    unspent: int = 0
    """Allowance taken from the counters and not yet spent."""
    taken: int = 0
    """Allowance taken from the counters since the window began."""
    known_total: int = 0
    """Newest known total of the counter; within a window it only grows."""
    block_end: int = 0
    """End of the newest block's allowance on the number line."""
    waiting_amount: int = 0
    """Sum of the amounts that callers wait for."""
    outcome_unknown: bool = False
    """True while nobody knows whether the newest increment was stored."""
    unspent_at_last_check: int = 0
    """Value of `unspent` at the last check for idle allowance."""

    @property
    def key(self) -> str:
        """Return the name of the shared counter; not kept, because most windows of an agent that hardly speaks never ask it."""
        return quota.holder_key(self.kind, self.holder, quota.window_number(self.kind, self.begins_ns))

    @property
    def is_stock(self) -> bool:
        """Tell whether the quota lasts for the run."""
        return not self.kind.window_s

    @property
    def used(self) -> int:
        """Return the amount that all workers together have spent, as far as this worker knows."""
        common = self.common.known_total if self.common else 0
        return max(0, min(self.known_total + common, self.limit) - self.unspent)

    def spend(self, amount: int, now_ns: int) -> bool | None:
        """Spend an amount; return false if the limit forbids it, None if only the counter can decide."""
        if self.unspent < amount and self.common is not None:
            self._draw(self.common)
        if self.unspent >= amount >= 0:
            self.unspent -= amount
            return True
        return False if self.must_refuse(amount, now_ns) else None

    def _draw(self, common: CommonAllowance) -> None:
        """Make the agent's own the common units that this worker has taken since the last time."""
        new, self.drawn = common.taken - self.drawn, common.taken
        self.unspent += new
        self.taken += new

    def must_refuse(self, amount: int, now_ns: int) -> bool:
        """Tell whether the limit certainly forbids an amount now."""
        room, missing = self.own_limit - self.known_total, amount - self.unspent
        if self.common is not None:
            room, missing = max(0, room) + self.common.room, missing - (self.common.taken - self.drawn)
        if missing <= 0:
            return False
        return amount > self.limit or (missing > room and now_ns < self.total_valid_until_ns)

    def next_source(self) -> LocalAllowance | CommonAllowance:
        """Return the allowance to enlarge for the waiting callers: this one, or the common one.

        The common one is the first in a window, because what it gives serves all agents. It is asked again for an agent to
        whom it may be enough, or whose own counter has no more.
        """
        common = self.common
        if common is None or not common.room:
            return self
        missing = max(self.waiting_amount - self.unspent, self.expected_spending - self.taken)
        return (
            common
            if not common.taken or missing <= common.room or self.known_total >= self.own_limit
            else self
        )

    def next_increment(self) -> int:
        """Return the amount to add to the counter for all waiting callers; 0 if it would grant nothing."""
        room = self.limit if self.is_stock else self.own_limit - self.known_total
        needed = min(self.waiting_amount - self.unspent, room)
        if needed <= 0:
            return 0
        # After an unknown outcome no more than needed: a server that loses answers then costs little allowance.
        if self.outcome_unknown:
            return needed
        return quota.block_size(self.own_limit, self.known_total, needed, self.expected_spending - self.taken)

    def add_block(self, total: int, increment: int) -> int:
        """Add the allowance of a stored increment; return the excess, which a stock gives back."""
        granted = quota.granted_amount(self.own_limit, total, increment)
        self.unspent += granted
        self.taken += granted
        self.block_end = total - increment + granted
        self.known_total = self.block_end if self.is_stock else total
        return increment - granted if self.is_stock else 0

    def take_back(self, amount: int) -> int:
        """Keep of a returned amount as much as may soon be spent again; return the rest, which the counter gets."""
        self.total_valid_until_ns = 0
        kept = min(amount, max(0, quota.block_size(self.limit, self.known_total, 0) - self.unspent))
        self.unspent += kept
        return amount - kept

    def change_limit(self, limit: int) -> int:
        """Obey a changed limit; return the amount that the counter gets back.

        In a window, allowance above the limit becomes void. A stock returns all its allowance: its place on the
        number line is meaningless once other workers have given some back.
        """
        lowered, self.limit = limit < self.limit, limit
        common = quota.common_part(self.kind, limit)
        self.own_limit = limit - common
        if self.is_stock:
            self.total_valid_until_ns = 0
            return self.release() if lowered else 0
        if self.common is not None and not common:
            self.common, self.unspent = None, max(0, self.unspent - self.drawn)
        self.unspent = quota.granted_amount(self.own_limit, self.block_end, self.unspent)
        return 0

    def release(self) -> int:
        """Give up all unspent allowance; return its amount."""
        released, self.unspent, self.unspent_at_last_check = self.unspent, 0, 0
        self.known_total -= released
        return released


@dataclass(slots=True, eq=False)
class AgentQuotas:
    """Limits and allowances of one agent of one run."""

    run: str
    """Run of the agent."""
    agent: str
    """Name of the agent."""
    quotas: Quotas
    """Limits of the agent."""
    version: int
    """Version of the quota table that the limits were read at."""
    allowances: dict[str, LocalAllowance] = field(default_factory=dict)
    """Token of the kind → allowance of the kind's newest window."""
    holder: str = field(init=False)
    """Run and agent as they stand in names of counters."""

    def __post_init__(self) -> None:
        """Check the names once for all windows; raises InvalidSubject."""
        self.holder = quota.holder(self.run, self.agent)

    @property
    def is_waiting(self) -> bool:
        """Tell whether a caller waits for allowance."""
        return any(allowance.waiting_amount for allowance in self.allowances.values())

    @property
    def unspent_stocks(self) -> list[LocalAllowance]:
        """Return the stocks with unspent allowance: forgetting them would take it from the agent for good."""
        return [each for each in self.allowances.values() if each.is_stock and each.unspent]

    def current(self, kind: QuotaKind, now_ns: int) -> LocalAllowance | None:
        """Return the allowance of the present window, if there is one."""
        found = self.allowances.get(kind.token)
        return found if found is not None and found.begins_ns <= now_ns < found.ends_ns else None

    def open_window(
        self, kind: QuotaKind, now_ns: int, common: CommonAllowance | None = None
    ) -> LocalAllowance:
        """Return the allowance of the present window; make an empty one if the window has just begun.

        `common` is what this worker has of the window for every agent of the run.
        """
        before = self.allowances.get(kind.token)
        if before is not None and before.begins_ns <= now_ns < before.ends_ns:
            return before
        begins_ns, ends_ns = 0, ALWAYS_NS
        if length_ns := kind.window_s * SECOND_NS:
            begins_ns = now_ns - now_ns % length_ns
            ends_ns = begins_ns + length_ns
        limit = quota.limit_of(self.quotas, kind)
        part = quota.common_part(kind, limit)
        opened = LocalAllowance(
            kind,
            self.holder,
            begins_ns,
            ends_ns,
            limit,
            limit - part,
            ends_ns if length_ns else 0,
            common if part else None,
        )
        if before is not None and before.ends_ns == begins_ns:
            opened.expected_spending = quota.expected_spending(before.taken - before.unspent)
        self.allowances[kind.token] = opened
        return opened
