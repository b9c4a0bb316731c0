"""What a worker remembers of an agent's quotas: limits, and allowance taken from a counter but not yet spent.

A purse belongs to one kind, agent and window. It decides; the meter asks the counters. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from econsim.domain.admission import quota
from econsim.domain.admission.quota import SECOND_NS, QuotaKind
from econsim.schemas.quota import Quotas

ALWAYS_NS = 2**63
"""When a stock's window ends."""


@dataclass(slots=True, eq=False)
class LocalAllowance:
    """Unspent allowance of one window."""

    kind: QuotaKind
    """What it is of."""
    key: str
    """Name of the counter."""
    begins_ns: int
    """First nanosecond of the window."""
    ends_ns: int
    """First nanosecond after it."""
    limit: int
    """The agent's limit."""
    trusted_ns: int
    """Until when `seen` is good enough to refuse: in a window always, for a stock a moment."""
    expected: int = 0
    """What of this window this worker will spend, going by the one before."""
    left: int = 0
    """Taken from the counter and not yet spent."""
    taken: int = 0
    """Taken from the counter since the window began."""
    seen: int = 0
    """The counter's last known total; within a window it only grows."""
    top: int = 0
    """Where on the number line the newest allowance ends."""
    wanted: int = 0
    """What is being waited for."""
    doubt: bool = False
    """Whether the newest increment has an unknown outcome."""
    noted: int = 0
    """What was left at the last look for idle allowance."""

    @property
    def stock(self) -> bool:
        """Whether it lasts for the run."""
        return not self.kind.window_s

    def spend(self, amount: int, now_ns: int) -> bool | None:
        """Spend an amount, or tell that it cannot be had; none if only the counter knows."""
        if self.left >= amount >= 0:
            self.left -= amount
            return True
        return False if self.refuses(amount, now_ns) else None

    def refuses(self, amount: int, now_ns: int) -> bool:
        """Tell whether an amount certainly cannot be had now."""
        short = amount - self.left
        if short <= 0:
            return False
        return amount > self.limit or (short > self.limit - self.seen and now_ns < self.trusted_ns)

    def asks(self) -> int:
        """Return what to add to the counter for all who wait; 0 if it would grant nothing."""
        room = self.limit if self.stock else self.limit - self.seen
        needed = min(self.wanted - self.left, room)
        if needed <= 0:
            return 0
        # After an unknown outcome no more than needed: a server that loses answers costs little then.
        return (
            needed
            if self.doubt
            else quota.block_size(self.limit, self.seen, needed, self.expected - self.taken)
        )

    def fill(self, total: int, asked: int) -> int:
        """Take in what an increment granted; return what it added too much, which a stock gives back."""
        got = quota.granted_amount(self.limit, total, asked)
        self.left += got
        self.taken += got
        self.top = total - asked + got
        self.seen = self.top if self.stock else total
        return asked - got if self.stock else 0

    def keep(self, amount: int) -> int:
        """Keep of a returned amount what may soon be spent again; return what goes back to the counter."""
        self.trusted_ns = 0
        kept = min(amount, max(0, quota.block_size(self.limit, self.seen, 0) - self.left))
        self.left += kept
        return amount - kept

    def relimit(self, limit: int) -> int:
        """Obey a changed limit; return what goes back to the counter.

        In a window what lies above the limit is void. A stock's allowance has no place any more once others
        have given some back, so all of it goes.
        """
        lowered, self.limit = limit < self.limit, limit
        if self.stock:
            self.trusted_ns = 0
            return self.empty() if lowered else 0
        self.left = quota.granted_amount(limit, self.top, self.left)
        return 0

    def empty(self) -> int:
        """Take out what is left."""
        left, self.left, self.noted = self.left, 0, 0
        self.seen -= left
        return left


@dataclass(slots=True, eq=False)
class AgentQuotas:
    """One agent of one run."""

    run: str
    """The run."""
    agent: str
    """The agent."""
    quotas: Quotas
    """Its limits."""
    version: int
    """The table's version they were read at."""
    purses: dict[str, LocalAllowance] = field(default_factory=dict)
    """Token of the kind → its purse of the newest window."""

    @property
    def busy(self) -> bool:
        """Whether somebody waits for allowance."""
        return any(purse.wanted for purse in self.purses.values())

    @property
    def stocks(self) -> list[LocalAllowance]:
        """The purses whose allowance would be missing for good if it were forgotten."""
        return [purse for purse in self.purses.values() if purse.stock and purse.left]

    def purse(self, kind: QuotaKind, now_ns: int) -> LocalAllowance | None:
        """Return the purse of the present window, if there is one."""
        purse = self.purses.get(kind.token)
        return purse if purse is not None and purse.begins_ns <= now_ns < purse.ends_ns else None

    def open(self, kind: QuotaKind, now_ns: int) -> LocalAllowance:
        """Return the purse of the present window, a new one if it has just begun."""
        if purse := self.purse(kind, now_ns):
            return purse
        before = self.purses.get(kind.token)
        number, length_ns = quota.window_number(kind, now_ns), kind.window_s * SECOND_NS
        begins_ns, ends_ns = (number * length_ns, (number + 1) * length_ns) if length_ns else (0, ALWAYS_NS)
        key, limit = quota.counter_key(kind, self.run, self.agent, number), quota.limit_of(self.quotas, kind)
        opened = LocalAllowance(kind, key, begins_ns, ends_ns, limit, ends_ns if length_ns else 0)
        if before is not None and before.ends_ns == begins_ns:
            opened.expected = quota.expected_spending(before.taken - before.left)
        self.purses[kind.token] = opened
        return opened
