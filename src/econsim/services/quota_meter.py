"""Enforces quotas in one worker: allowance is taken in blocks from shared counters and spent without waiting.

Owns what a worker remembers: limits, unspent allowance, refusals. Never grants what a counter did not
confirm; when the server does not answer it refuses. The rules are in `domain/admission/quota.py` and `domain/admission/allowance.py`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Hashable
from functools import partial
from itertools import islice
from typing import Final

from econsim import ports
from econsim.domain.admission import quota
from econsim.domain.admission.allowance import AgentQuotas, LocalAllowance
from econsim.domain.admission.quota import MILLISECOND_NS, SECOND_NS, QuotaKind
from econsim.errors import QuotaExceeded, Unavailable
from econsim.schemas.quota import Quotas
from econsim.schemas.subject import token

FRESH_NS: Final = SECOND_NS
"""How long limits hold before the table is asked for changes: one request a second for all agents together."""

RECHECK_NS: Final = 100 * MILLISECOND_NS
"""How long a full stock is refused without asking: others may give some back, and a refused agent may insist."""

HOLDERS_MAX: Final = 20_000
"""Agents remembered at once, about 1 kB each; whoever was away longest is asked for again."""

ROUNDS_MAX: Final = 50
"""Times to ask for one request: each grants what was waiting, so others must have come first each time."""

RETURNS_AT_ONCE: Final = 64
"""Requests under way at once when allowance is given back."""

DEFAULTS: Final = Quotas()
"""Limits of an agent nothing is known of."""

_Act = Callable[[], Coroutine[object, object, None]]

_log = logging.getLogger(__name__)


class _Flights:
    """Requests under way, each made once however many wait for it."""

    def __init__(self) -> None:
        self._tasks: dict[Hashable, asyncio.Task[None]] = {}

    async def join(self, what: Hashable, act: _Act) -> None:
        """Wait for a request, starting it if nobody has; a waiter that is cancelled leaves it running."""
        task = self._tasks.get(what)
        # One that is over may still be listed until its callback runs; what it brought is known already.
        if task is None or task.done():
            task = self.start(what, act)
        await asyncio.shield(task)

    def start(self, what: Hashable, act: _Act) -> asyncio.Task[None]:
        """Start a request."""
        task = self._tasks[what] = asyncio.create_task(act())
        task.add_done_callback(partial(self._land, what))
        return task

    async def all(self) -> None:
        """Wait until nothing is under way."""
        while self._tasks:
            await asyncio.wait(tuple(self._tasks.values()))

    def _land(self, what: Hashable, task: asyncio.Task[None]) -> None:
        if self._tasks.get(what) is task:
            del self._tasks[what]
        if not task.cancelled():
            task.exception()  # looked at, for the case that nobody waits for it any more


class QuotaMeter:
    """The quotas of all agents a worker meets; one per worker, for all kinds."""

    def __init__(
        self, counters: ports.Counters, table: ports.QuotaTable, clock_ns: Callable[[], int]
    ) -> None:
        """Count with shared counters by a clock that tells nanoseconds since 1970."""
        self._counters = counters
        self._table = table
        self._clock_ns = clock_ns
        self._holders: dict[tuple[str, str], AgentQuotas] = {}  # who was away longest first
        self._flights = _Flights()
        self._version = 0
        self._looked_ns = -FRESH_NS

    def allow(self, kind: QuotaKind, run: str, agent: str, amount: int = 1) -> bool | None:
        """Spend local allowance without waiting; none if only `take` can tell."""
        now_ns = self._clock_ns()
        # `_known`, written out: this is done for every message.
        holder = self._holders.get((run, agent))
        if holder is None or holder.version != self._version:
            return None
        purse = holder.purses.get(kind.token)
        if purse is None or not purse.begins_ns <= now_ns < purse.ends_ns:
            return None
        if not self._looked_ns <= now_ns < self._looked_ns + FRESH_NS:
            return None
        return purse.spend(amount, now_ns)

    def refused(self, kind: QuotaKind, run: str, agent: str, amount: int = 1) -> QuotaExceeded | None:
        """Return the refusal if it is certain without asking, for instance in a window that is used up.

        Spends nothing. None says only that `take` may succeed.
        """
        now_ns = self._clock_ns()
        purse = self._known(kind, run, agent, now_ns)
        if purse is None or not purse.refuses(amount, now_ns):
            return None
        return self._refusal(purse, amount, now_ns)

    def limit(self, kind: QuotaKind, run: str, agent: str) -> int:
        """Return an agent's limit as last known here; the default if it was never asked for."""
        holder = self._holders.get((run, agent))
        return quota.limit_of(holder.quotas if holder else DEFAULTS, kind)

    async def quotas(self, run: str, agent: str) -> Quotas:
        """Return an agent's limits, for who counts by other means; raises Unavailable without an answer."""
        for _ in range(ROUNDS_MAX):
            if holder := await self._holder(run, agent, self._clock_ns()):
                return holder.quotas
        message = f"the limits of {agent!r} changed each of {ROUNDS_MAX} times they were read; try again"
        raise Unavailable(message)

    async def take(self, kind: QuotaKind, run: str, agent: str, amount: int = 1) -> None:
        """Spend allowance, all or nothing.

        Raises QuotaExceeded, with `retry_after_ms` if a new window may allow it; Unavailable if the server
        does not answer (nothing is granted then); InvalidSubject for a run or agent that cannot exist.
        """
        if amount < 0:
            message = f"cannot take {amount} of {kind.token}"
            raise ValueError(message)
        for _ in range(ROUNDS_MAX):
            now_ns = self._clock_ns()
            purse = self._known(kind, run, agent, now_ns)
            if purse is None:
                await self._learn(kind, run, agent, now_ns)
                continue
            allowed = purse.spend(amount, now_ns)
            if allowed:
                return
            if allowed is False:
                raise self._refusal(purse, amount, now_ns)
            self._holders[run, agent] = self._holders.pop((run, agent))
            await self._wait(purse, amount)
        message = f"{kind.limit} of {agent!r} was gone each of {ROUNDS_MAX} times it was asked for; try again"
        raise Unavailable(message)

    async def give_back(self, kind: QuotaKind, run: str, agent: str, amount: int = 1) -> None:
        """Give back what was taken of a stock, here or in another worker.

        Raises Unavailable if the server does not answer: it may then be given back or not. Do not repeat
        it, or others get what is in use.
        """
        if not kind.returnable or amount < 0:
            message = f"cannot give {amount} of {kind.token} back"
            raise ValueError(message)
        holder = self._holders.get((run, agent))
        purse = holder.purses.get(kind.token) if holder else None
        if back := purse.keep(amount) if purse else amount:
            await self._counters.add(quota.counter_key(kind, run, agent, 0), -back)

    async def tidy(self) -> None:
        """Give back allowance of stocks that nobody touched since the last call; call it every few seconds.

        Without it a worker that an agent no longer talks to keeps up to a block from the others.
        """
        idle = []
        for purse in [purse for holder in self._holders.values() for purse in holder.stocks]:
            if purse.left == purse.noted and not purse.wanted:
                idle.append((purse.key, purse.empty()))
            else:
                purse.noted = purse.left
        await self._return(idle)

    async def close(self) -> None:
        """Give all unspent allowance of stocks back; the meter may not be used afterwards."""
        await self._flights.all()
        stocks = [purse for holder in self._holders.values() for purse in holder.stocks]
        self._holders.clear()
        await self._return([(purse.key, purse.empty()) for purse in stocks])

    def _known(self, kind: QuotaKind, run: str, agent: str, now_ns: int) -> LocalAllowance | None:
        """Return the purse of the present window, if its limit is up to date."""
        holder = self._holders.get((run, agent))
        if holder is None or holder.version != self._version or not self._fresh(now_ns):
            return None
        return holder.purse(kind, now_ns)

    def _fresh(self, now_ns: int) -> bool:
        return self._looked_ns <= now_ns < self._looked_ns + FRESH_NS

    async def _learn(self, kind: QuotaKind, run: str, agent: str, now_ns: int) -> None:
        """Do the next thing that is missing to know a purse; raises Unavailable."""
        if holder := await self._holder(run, agent, now_ns):
            holder.open(kind, now_ns)

    async def _holder(self, run: str, agent: str, now_ns: int) -> AgentQuotas | None:
        """Return an agent whose limits are up to date; otherwise none, after one request for them."""
        if not self._fresh(now_ns):
            await self._flights.join("version", self._look)
            return None
        holder = self._holders.get((run, agent))
        if holder is None or holder.version != self._version:
            await self._flights.join((run, agent), partial(self._read, run, agent))
            return None
        return holder

    async def _wait(self, purse: LocalAllowance, amount: int) -> None:
        """Wait for allowance together with all who want some of a purse; raises Unavailable."""
        purse.wanted += amount
        try:
            await self._flights.join(purse.key, partial(self._refill, purse))
        finally:
            purse.wanted -= amount

    async def _look(self) -> None:
        """Ask whether any limit changed."""
        now_ns = self._clock_ns()
        self._version = await self._table.version()
        self._looked_ns = now_ns

    async def _read(self, run: str, agent: str) -> None:
        """Read an agent's limits and obey them."""
        token(run, "run")
        token(agent, "agent")
        version = self._version
        quotas = await self._table.get(run, agent)
        holder = self._holders.pop((run, agent), None) or AgentQuotas(run, agent, quotas, version)
        holder.quotas, holder.version = quotas, version
        self._holders[run, agent] = holder
        void = [(p.key, p.relimit(quota.limit_of(quotas, p.kind))) for p in holder.purses.values()]
        self._return_later([*void, *self._forget()])

    def _forget(self) -> list[tuple[str, int]]:
        """Drop agents above HOLDERS_MAX; return what their stocks must give back."""
        void: list[tuple[str, int]] = []
        for name in list(islice(self._holders, max(0, len(self._holders) - HOLDERS_MAX))):
            holder = self._holders.pop(name)
            if holder.busy:
                self._holders[name] = holder
                continue
            void += [(purse.key, purse.empty()) for purse in holder.stocks]
        return void

    async def _refill(self, purse: LocalAllowance) -> None:
        """Take a block for everybody who waits."""
        asked = purse.asks()
        if not asked:
            return
        purse.doubt = True
        total = await self._counters.add(purse.key, asked)
        purse.doubt = False
        excess = purse.fill(total, asked)
        if purse.stock:
            purse.trusted_ns = self._clock_ns() + RECHECK_NS
            await self._return([(purse.key, excess)])

    def _refusal(self, purse: LocalAllowance, amount: int, now_ns: int) -> QuotaExceeded:
        """Return why an amount is refused; a stock keeps nothing that was too little."""
        used = max(0, min(purse.seen, purse.limit) - purse.left)
        if purse.stock and not purse.wanted and amount <= purse.limit:
            self._return_later([(purse.key, purse.empty())])
        return quota.refusal(purse.kind, purse.limit, used, amount, now_ns)

    def _return_later(self, amounts: list[tuple[str, int]]) -> None:
        if any(amount for _, amount in amounts):
            self._flights.start(object(), partial(self._return, amounts))

    async def _return(self, amounts: list[tuple[str, int]]) -> None:
        """Give unspent allowance back to its counters."""
        due = [(key, amount) for key, amount in amounts if amount]
        for start in range(0, len(due), RETURNS_AT_ONCE):
            await asyncio.gather(*(self._add_back(*one) for one in due[start : start + RETURNS_AT_ONCE]))

    async def _add_back(self, key: str, amount: int) -> None:
        try:
            await self._counters.add(key, -amount)
        except Unavailable as error:
            # Not repeated: it may have been done, and twice would free what is in use.
            _log.warning("%d of unspent allowance may stay counted: %s", amount, error)
