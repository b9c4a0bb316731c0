"""Limits of one agent as one worker knows them, and allowance that the worker took and has not spent yet. Pure.

All workers share one counter per kind, agent and window. An increment takes a block: the piece of the number line
between the counter's totals before and after the increment. Only the part of the block below the limit is
allowance. This module decides; `services/quota_meter.py` asks the counters.

A quota without a window is a *stock*: it lasts for the run, and allowance that was not spent can go back to its counter.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from econsim.domain.admission import quota
from econsim.domain.admission.quota import SECOND_NS, QuotaKind
from econsim.schemas.quota import Quotas

ALWAYS_NS: Final = 2**63
"""Time at which a stock's window ends: later than any time of day."""


@dataclass(slots=True, eq=False)
class LocalAllowance:
    """Allowance of one kind, agent and window in one worker."""

    kind: QuotaKind
    """Kind of quota."""
    key: str
    """Name of the shared counter."""
    begins_ns: int
    """First nanosecond of the window."""
    ends_ns: int
    """First nanosecond after the window."""
    limit: int
    """Limit of the agent."""
    total_valid_until_ns: int
    """Time until which `known_total` is enough to refuse: the end of the window; for a stock a moment after it was read."""
    expected_spending: int = 0
    """Amount that this worker will probably spend in the window, judged by the window before."""
    unspent: int = 0
    """Allowance taken from the counter and not yet spent."""
    taken: int = 0
    """Allowance taken from the counter since the window began."""
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
    def is_stock(self) -> bool:
        """Tell whether the quota lasts for the run."""
        return not self.kind.window_s

    def spend(self, amount: int, now_ns: int) -> bool | None:
        """Spend an amount; return false if the limit forbids it, None if only the counter can decide."""
        if self.unspent >= amount >= 0:
            self.unspent -= amount
            return True
        return False if self.must_refuse(amount, now_ns) else None

    def must_refuse(self, amount: int, now_ns: int) -> bool:
        """Tell whether the limit certainly forbids an amount now."""
        missing = amount - self.unspent
        if missing <= 0:
            return False
        return amount > self.limit or (
            missing > self.limit - self.known_total and now_ns < self.total_valid_until_ns
        )

    def next_increment(self) -> int:
        """Return the amount to add to the counter for all waiting callers; 0 if it would grant nothing."""
        room = self.limit if self.is_stock else self.limit - self.known_total
        needed = min(self.waiting_amount - self.unspent, room)
        if needed <= 0:
            return 0
        # After an unknown outcome no more than needed: a server that loses answers then costs little allowance.
        if self.outcome_unknown:
            return needed
        return quota.block_size(self.limit, self.known_total, needed, self.expected_spending - self.taken)

    def add_block(self, total: int, increment: int) -> int:
        """Add the allowance of a stored increment; return the excess, which a stock gives back."""
        granted = quota.granted_amount(self.limit, total, increment)
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
        if self.is_stock:
            self.total_valid_until_ns = 0
            return self.release() if lowered else 0
        self.unspent = quota.granted_amount(limit, self.block_end, self.unspent)
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

    def open_window(self, kind: QuotaKind, now_ns: int) -> LocalAllowance:
        """Return the allowance of the present window; make an empty one if the window has just begun."""
        if found := self.current(kind, now_ns):
            return found
        before = self.allowances.get(kind.token)
        number, length_ns = quota.window_number(kind, now_ns), kind.window_s * SECOND_NS
        begins_ns, ends_ns = (number * length_ns, (number + 1) * length_ns) if length_ns else (0, ALWAYS_NS)
        key = quota.counter_key(kind, self.run, self.agent, number)
        limit = quota.limit_of(self.quotas, kind)
        opened = LocalAllowance(kind, key, begins_ns, ends_ns, limit, ends_ns if length_ns else 0)
        if before is not None and before.ends_ns == begins_ns:
            opened.expected_spending = quota.expected_spending(before.taken - before.unspent)
        self.allowances[kind.token] = opened
        return opened
